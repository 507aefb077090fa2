/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The address space: which bytes were at this address, and where they come
 * from.  Ranges that the core left out are read from the file that was mapped
 * there, when that file is at hand and is the right one.
 */
#ifndef SPACE_SPACE_H
#define SPACE_SPACE_H

#include "core/core.h"
#include "space/files.h"

#include <string.h>

enum source {
	SOURCE_CORE,    /* bytes in the core */
	SOURCE_FILE,    /* bytes in a file that was mapped, and not written to */
	SOURCE_NOWHERE, /* there was memory, but its contents are missing */
};

struct piece {
	struct range range;
	const unsigned char *bytes; /* all of the range, or NULL (SOURCE_NOWHERE) */
	unsigned flags; /* PF_R, PF_W, PF_X; 0: it could not be touched */
	enum source source;
	const struct file_mapping *file; /* what was mapped there, or NULL: anonymous */
};

/* Missing memory that may have held pointers: writable, and private. */
struct hole {
	struct range range;
	/* A constant: "not dumped" and what else is known, "cut off", "unreadable". */
	const char *why;
};

struct space {
	const struct core *core;
	struct VEC(struct piece) pieces; /* sorted, not overlapping */
	struct VEC(struct hole) holes;   /* sorted */
	struct files files;
};

#define SPACE_EMPTY ((struct space) { .core = NULL })

/*
 * Lays out the memory of *core, which must outlive *space.  False when an EXE
 * was given that did not make this core, or memory ran out.
 */
bool space_build(struct space *space, const struct core *core,
    const struct lookup *how, struct hs_error *err) MUST_CHECK;

void space_fini(struct space *space);

/* The piece that holds a, or NULL. */
const struct piece *space_at(const struct space *space, hs_addr a);

/* The first piece that ends after a, or NULL: for walks over a range. */
const struct piece *space_from(const struct space *space, hs_addr a);

/*
 * n bytes at a, in place; NULL when they are not all there, in one piece.
 * Pieces that adjoin in memory may not adjoin in the file.
 */
const void *space_bytes(const struct space *space, hs_addr a, uint64_t n);

/* How many bytes from a on are there in one piece; *bytes is where.  0: none. */
uint64_t space_run(const struct space *space, hs_addr a, const unsigned char **bytes);

/*
 * For reading all of a range: how many of the n bytes from a on (n > 0) are of
 * one kind.  *bytes is where they are, or NULL when so many are missing.
 */
uint64_t space_stretch(const struct space *space, hs_addr a, uint64_t n,
    const unsigned char **bytes);

/* Copy n bytes from a, across pieces.  False when any is missing; *to is then untouched. */
bool space_read(const struct space *space, hs_addr a, void *to, uint64_t n) MUST_CHECK;

/* The word at a.  False when it is missing; *to is then untouched. */
bool space_word(const struct space *space, hs_addr a, uint64_t *to) MUST_CHECK;

/* The string at a, shorter than n, into to.  False when no end is found. */
bool space_string(const struct space *space, hs_addr a, char *to, size_t n) MUST_CHECK;

#endif
