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

/*
 * To be called every few milliseconds of work.  done of all says how far the
 * stage is.  False, with *err filled, when the user wants to stop.
 */
static inline bool
progress_on(const struct progress *p, const char *stage, uint64_t done,
    uint64_t all, struct hs_error *err)
{
	int percent = all ? (int)((double)done / (double)all * 100) : 100;

	return !p->call || p->call(p->arg, stage, percent) ? true
							   : fail_interrupted(err);
}

#endif
