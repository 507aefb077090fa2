/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the time of `leaks` goes: its stages, as the progress call-back tells them.
 *
 *	stages CORE THREADS
 */
#include "bench/common.h"
#include "heapscan.h"

#include <string.h>

enum { MOST = 32 };

static struct {
	const char *name;
	double seconds;
} stages[MOST] = { { "opening", 0 } };

static size_t nstages = 1, current;
static double since;

/* What passed since the last call belongs to the stage before. */
static void
settle(void)
{
	double t = now();

	stages[current].seconds += t - since;
	since = t;
}

static bool
on_progress(void *arg, const struct hs_progress *p)
{
	(void)arg;
	settle();
	for (current = 0; current < nstages; current++)
		if (!strcmp(stages[current].name, p->stage))
			return true;
	if (nstages < MOST)
		stages[nstages++].name = p->stage;
	else
		current = MOST - 1;
	return true;
}

static bool
swallow(void *arg, const char *text, size_t n)
{
	(void)arg;
	(void)text;
	(void)n;
	return true;
}

int
main(int argc, char **argv)
{
	struct hs_options o = { .core = argv[1],
		.write = swallow,
		.progress = on_progress };
	char leaks[] = "leaks", *command[] = { leaks, NULL };
	struct hs_error err = { .status = HS_CLEAN };

	if (argc != 3) {
		fprintf(stderr, "usage: stages CORE THREADS\n");
		return HS_USAGE;
	}
	o.threads = (unsigned)strtoul(argv[2], NULL, 10);
	since = now();
	struct hs_scan *s = hs_open(&o, &err);
	int status = s ? hs_run(s, 1, command, &err) : err.status;
	hs_close(s);
	settle();
	if (status == HS_FAILED) {
		fprintf(stderr, "stages: %s\n", err.text);
		return status;
	}
	for (size_t i = 0; i < nstages; i++)
		printf("%8.3f s  %s\n", stages[i].seconds, stages[i].name);
	return 0;
}
