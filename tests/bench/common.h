/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the programs of a benchmark share. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* Seconds since some moment. */
static inline double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
