/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory of a process that never ran: areas that grow as words are put into them. */
#ifndef UNIT_MEMORY_H
#define UNIT_MEMORY_H

#include "base/range.h"
#include "base/vec.h"

enum { MEMORY_PAGE = 4096 };

struct area {
	struct range range; /* what it may grow to */
	unsigned flags;     /* PF_R, PF_W, PF_X */
	bool missing;       /* it was mapped, but the core will not have it */
	unsigned char *bytes;
	uint64_t size; /* bytes that it has, in whole pages; zero where nothing was put */
	uint64_t room; /* that are allocated for them */
};

struct memory VEC(struct area);

void memory_fini(struct memory *m);

/* A new area, of one page at least. */
void memory_add(struct memory *m, hs_addr start, uint64_t most, unsigned flags);

/* Makes the area that begins before end so large that it reaches up to it. */
void memory_reach(struct memory *m, hs_addr end);

/* The word at a, which must be in an area: else the test is wrong, and ends. */
uint64_t memory_get(struct memory *m, hs_addr a);
void memory_put(struct memory *m, hs_addr a, uint64_t word);

/* The page at a, in the middle of an area, is not in the core. */
void memory_lose(struct memory *m, hs_addr a);

/* n bytes that last until something is put or reached. */
unsigned char *memory_bytes(struct memory *m, hs_addr a, uint64_t n);

#endif
