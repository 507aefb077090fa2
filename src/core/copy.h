/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory of a stopped process, to a temporary file. */
#ifndef CORE_COPY_H
#define CORE_COPY_H

#include "core/core.h"
#include "core/spool.h"

/* In the flags of a segment besides PF_*, until it is copied. */
enum copy_how {
	COPY_TOUCHED = 1 << 3, /* what was never touched is zeros: no need to read it */
	COPY_COURTESY = 1 << 4, /* what cannot be read is no loss */
};

struct copying {
	const struct hs_target *from;
	struct core *core; /* its segments promise what is to be copied */
	const struct progress *progress;
	struct spool to;
	uint64_t page;               /* bytes that can be read all or not at all */
	struct VEC(uint64_t) places; /* of each segment's contents in the file, bytes */
	uint64_t all, done;          /* bytes, for progress */
	bool alive;                  /* something could be read */
	hs_addr proof;               /* like what is here */
};

#define COPY_STAGE "reading memory" /* for progress */

/* The call-back, which is not believed to keep to n. */
static inline size_t
target_read(const struct hs_target *t, hs_addr a, void *to, size_t n)
{
	size_t got = t->read(t->arg, a, to, n);

	return got < n ? got : n;
}

void copying_fini(struct copying *c);

/*
 * Copies what core->segments promise, and sets .have of each.  What cannot be
 * read stays promised, with a line in core->notes, or is not promised any more
 * where it is no loss.  False, too, when the process ended meanwhile.
 */
bool memory_copy(struct copying *c, struct hs_error *err) MUST_CHECK;

#endif
