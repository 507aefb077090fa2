/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Waves of parts that are walked ahead: for run.c. */
#ifndef HEAP_GLIBC_WAVES_H
#define HEAP_GLIBC_WAVES_H

#include "heap/glibc/parts.h"

/* Parts that are walked together, in the order of runs and addresses. */
struct wave {
	const struct ptmalloc *pt;
	const struct run *runs;
	size_t nruns;
	uint64_t grain;  /* bytes of a part */
	unsigned likely; /* as in its parts */
	struct VEC(struct part) parts;
	size_t next;           /* the first part that the walk has not passed */
	size_t taken;          /* parts that the walk could use: it counts them */
	uint64_t *words;       /* for all parts' .starts */
	size_t room;           /* how many they are */
	uint64_t reach, bytes; /* wanted in the wave; in it */
	hs_addr from;          /* where the wave begins */
	size_t run;            /* that the walk is in */
	uint64_t before, all;  /* bytes of the runs before it; of all */
};

void wave_init(struct wave *w, const struct ptmalloc *pt, const struct run *runs,
    size_t n);
void wave_fini(struct wave *w);

/*
 * The part of the run that the walk, which is at p, is in or comes to next.
 * NULL when it must go on by itself, for the time being or till a new wave.
 */
struct part *wave_part(struct wave *w, size_t run, hs_addr p);

/* Was the walk in all of its parts? */
static inline bool
wave_is_over(const struct wave *w)
{
	return w->next == w->parts.n;
}

/*
 * Ends the wave; walks a new one from p on, where the walk is, and which may
 * have no part.  False, with *err, when memory ran out or the user wants to stop.
 */
bool wave_begin(struct wave *w, hs_addr p, struct hs_error *err) MUST_CHECK;

/* All that was placed is in the heap map then.  False as wave_begin(). */
bool wave_end(struct wave *w, struct hs_error *err) MUST_CHECK;

/* Progress: the walk is at p of the run that wave_part() was asked for last. */
bool wave_tell(const struct wave *w, hs_addr p, struct hs_error *err) MUST_CHECK;

#endif
