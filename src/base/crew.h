/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Work that is cut into jobs, for several threads.
 *
 * Jobs may run in any order and at the same time, so each writes only to what
 * is its own; then the result does not depend on the number of threads.
 */
#ifndef BASE_CREW_H
#define BASE_CREW_H

#include "base/progress.h"

struct crew {
	unsigned threads;                /* at most; 0 and 1: the caller's alone */
	const struct progress *progress; /* asked between jobs, by the caller's thread */
	uint64_t grain; /* bytes of memory in a part of the work; 0: as each stage likes */
	uint64_t memory; /* bytes that all work may take, about; 0: any.  For who asks */
	uint64_t narrow; /* as in struct heap; 0 but in tests, which have no vast heaps */
};

/* One job of n, number i.  False when memory ran out: no more jobs are begun. */
typedef bool crew_job(void *arg, size_t i);

/*
 * Runs jobs 0 to n - 1.  False, with *err, when one failed, or when the user
 * wants to stop.  A thread that cannot be started is done without.
 */
bool crew_run(const struct crew *crew, const char *stage, size_t n, crew_job *job,
    void *arg, struct hs_error *err) MUST_CHECK;

/* The same of jobs that read so many bytes together, each about as many. */
bool crew_read(const struct crew *crew, const char *stage, uint64_t bytes, size_t n,
    crew_job *job, void *arg, struct hs_error *err) MUST_CHECK;

/* The CPUs that this process may use, 1 at least. */
unsigned crew_cpus(void);

#endif
