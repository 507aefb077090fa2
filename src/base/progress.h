/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Long work says how far it is, and asks whether it shall go on. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include "base/error.h"

/* A zeroed one is silent and never interrupts. */
struct progress {
	hs_progress_fn *call;
	void *arg;
};

/* False, with *err filled, when the user wants to stop. */
static inline bool
progress_tell(const struct progress *p, const struct hs_progress *how_far,
    struct hs_error *err)
{
	return !p->call || p->call(p->arg, how_far) ? true : fail_interrupted(err);
}

static inline int
progress_percent(uint64_t done, uint64_t all)
{
	return done < all ? (int)((double)done / (double)all * 100) : 100;
}

/*
 * To be called every few milliseconds of work.  done of all says how far the
 * stage is, in whatever it counts.  False as progress_tell().
 */
static inline bool
progress_on(const struct progress *p, const char *stage, uint64_t done,
    uint64_t all, struct hs_error *err)
{
	return progress_tell(p,
	    &(struct hs_progress) {
		.stage = stage,
		.percent = progress_percent(done, all),
	    },
	    err);
}

/* The same of a stage that reads bytes, of which all may be 0: nobody knows. */
static inline bool
progress_bytes(const struct progress *p, const char *stage, uint64_t done,
    uint64_t all, struct hs_error *err)
{
	return progress_tell(p,
	    &(struct hs_progress) {
		.stage = stage,
		.percent = all ? progress_percent(done, all) : 0,
		.done = done,
		.all = all,
	    },
	    err);
}

#endif
