/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tiny cores and programs, made in memory, for tests of core/ and space/.
 *
 *	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
 *
 *	tiny_segment(&t, 0x1000, 0x2000, 0x1000, PF_R | PF_W);
 *	tiny_thread(&t, 7, 0x1800);
 *	tiny_open(&t, &core)
 *
 * Byte i of the segment at a is tiny_byte(a + i), so that a test knows what to
 * find.  Sizes are small: nothing need be a multiple of a page.
 */
#ifndef UNIT_TINY_H
#define UNIT_TINY_H

#include "core/core.h"

#include <elf.h>

struct tiny_segment {
	uint64_t start, memory, contents;
	unsigned flags;
	const void *bytes; /* or NULL: tiny_byte() */
	size_t known;      /* how many of them; zeros follow */
};

struct tiny {
	struct VEC(struct tiny_segment) segments;
	struct VEC(unsigned char) notes;
	struct VEC(unsigned char) list, paths; /* of NT_FILE */
	struct VEC(unsigned char) image;       /* tiny_make() makes it */
	unsigned mapped;
	bool notes_last; /* as gdb does it; the kernel puts them first */
	bool many;       /* number of segments in section header 0 at the end */
	int fd;
	char path[32]; /* of the image in a file without a name */
};

#define TINY_EMPTY ((struct tiny) { .fd = -1 })

static inline unsigned char
tiny_byte(uint64_t address)
{
	return (unsigned char)(address * 7 + (address >> 8) + 1);
}

void tiny_fini(struct tiny *t);

void tiny_segment(struct tiny *t, uint64_t start, uint64_t memory,
    uint64_t contents, unsigned flags);

/* The page at start of a file whose first n bytes these are. */
void tiny_page(struct tiny *t, uint64_t start, const void *bytes, size_t n,
    unsigned flags);

void tiny_note(struct tiny *t, const char *owner, uint32_t type, const void *bytes,
    uint32_t n);
void tiny_thread(struct tiny *t, int32_t tid, uint64_t sp);
void tiny_auxv(struct tiny *t, const uint64_t *pairs, size_t n);

/* One more file for NT_FILE; offset in pages of 4096 bytes. */
void tiny_map(struct tiny *t, uint64_t start, uint64_t end, uint64_t offset,
    const char *path);

/* The core, as t->image. */
void tiny_make(struct tiny *t);

/* Puts n bytes into the file at t->path. */
void tiny_put(struct tiny *t, const void *bytes, size_t n);

/* Makes and opens the core; false and *err as core_open() does. */
bool tiny_open(struct tiny *t, struct core *core, struct hs_error *err);

enum { TINY_PROGRAM = 0x3000 };

/*
 * A program of three pages: read-only headers, code, data, in this order, with
 * a build-id of eight times this byte; 0: none.
 */
void tiny_program(unsigned char bytes[TINY_PROGRAM], unsigned char id);

#endif
