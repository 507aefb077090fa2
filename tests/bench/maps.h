/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mappings of this very process, read without malloc. */
#ifndef BENCH_MAPS_H
#define BENCH_MAPS_H

#include <stddef.h>
#include <stdint.h>

enum { PAGE = 4096 };

struct mapping {
	uint64_t start, end, offset; /* offset: in a file */
	uint64_t bytes;   /* of it, from its start on, belong in a core */
	uint32_t flags;   /* PF_R and its kin */
	const char *path; /* of the file, or "[name]"; NULL: none */
};

/* Reads a file to the end, most bytes of it; a NUL is put behind them. */
size_t read_own(const char *path, char *to, size_t most);

/*
 * All mappings but the one that holds but, at most so many, to to[].  Returns how many
 * there are; 0: they cannot be read, or are too many.  The paths lie in text.
 */
size_t maps_read(struct mapping *to, size_t most, char *text, size_t size,
    const void *but);

#endif
