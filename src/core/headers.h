/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ELF headers and notes in bytes of which nothing is to be believed, and of
 * which the end may be missing: a core, a page of a mapped file, a file.
 */
#ifndef CORE_HEADERS_H
#define CORE_HEADERS_H

#include "base/scoped.h"

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

struct headers {
	const unsigned char *bytes; /* the ELF file from its first byte */
	uint64_t size;              /* as many of its bytes as there are */
	Elf64_Ehdr elf; /* as is all that follows: widened, if it is of 32 bits */
	uint64_t count; /* program headers that lie in these bytes whole */
	bool narrow;    /* ELFCLASS32 */
	bool cut;       /* there were more */
};

/* False, *h undefined, when they are no little-endian ELF header. */
bool headers_init(struct headers *h, const void *bytes, uint64_t size) MUST_CHECK;

/* Program header i, below h->count. */
Elf64_Phdr headers_at(const struct headers *h, uint64_t i);

/* Section header i of the file; false when it is not in these bytes. */
bool headers_section(const struct headers *h, uint64_t i, Elf64_Shdr *to) MUST_CHECK;

/* The bytes of [offset, offset + n) that are there, NULL if none; *have: how many. */
const unsigned char *headers_bytes(const struct headers *h, uint64_t offset,
    uint64_t n, uint64_t *have);

struct note {
	uint32_t type;
	const char *owner; /* without its NUL: owner_size bytes, not a string */
	uint32_t owner_size;
	const unsigned char *bytes;
	uint32_t size;
};

/* A walk over the notes in some bytes; all but .broken is for notes_next(). */
struct notes {
	const unsigned char *bytes;
	uint64_t size, at;
	uint64_t align; /* 8 for segments aligned so, 4 for all others */
	bool broken;    /* the last one ran past the end: the walk stopped there */
};

/* False at the end. */
bool notes_next(struct notes *it, struct note *note);

bool note_is(const struct note *note, const char *owner, uint32_t type);

#endif
