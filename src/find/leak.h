/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leaks that look alike, as one group each. */
#ifndef FIND_LEAK_H
#define FIND_LEAK_H

#include "graph/graph.h"

enum { LEAK_EXAMPLES = 3, LEAK_FINGERPRINT = 17 };

struct leak_group {
	const char *kind; /* "direct": a block; "cycle": blocks that hold each other */
	uint64_t size; /* usable bytes of one: a cycle's are those of all its blocks */
	uint64_t members;                /* blocks of one: 1 unless a cycle */
	uint64_t count;                  /* leaks */
	uint64_t bytes;                  /* of them; size * count */
	struct tally indirect;           /* what hangs from them */
	hs_addr examples[LEAK_EXAMPLES]; /* the lowest addresses */
	unsigned nexamples;
	char fingerprint[LEAK_FINGERPRINT]; /* the same in every run and every build */
};

struct leaks {
	struct VEC(struct leak_group) groups; /* most bytes first, then the bigger ones */
};

bool leaks_group(struct leaks *leaks, const struct heap *heap,
    const struct graph *graph, struct hs_error *err) MUST_CHECK;

void leaks_fini(struct leaks *leaks);

/* "direct" or "cycle". */
const char *leak_kind(const struct leak *leak);

#endif
