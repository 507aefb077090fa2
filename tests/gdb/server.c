/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server [ROUNDS]: a program for gdb to stop.
 *
 * It holds its connections, a buffer that malloc() maps by itself, and what a
 * worker has in an arena of its own.  Each round loses three requests, each
 * with an answer that nothing else leads to.
 *
 * gdb stops it at round_done(), or attaches when it has said "ready".
 */
#include <malloc.h>
#include <sys/prctl.h>

#include "live/live.h"

enum { REQUESTS = 3, MAPPED = 200000, BY_WORKER = 333 };

struct connection {
	struct connection *next;
	int fd;
	double load;
	char buf[100];
};

struct request {
	char *answer;
	char line[72];
};

struct connection *conn;
char *mapped;
__thread void *of_worker;

static void
connect_some(void)
{
	for (int fd = 3; fd < 8; fd++) {
		struct connection *c = reachable(calloc(1, sizeof *c));

		c->next = conn;
		c->fd = fd;
		conn = c;
	}
	mapped = reachable(calloc(1, MAPPED));
}

static void
lose_requests(void)
{
	for (int i = 0; i < REQUESTS; i++) {
		struct request *r = leaked(calloc(1, sizeof *r));

		r->answer = indirect(calloc(1, 200));
	}
}

static void
work(void)
{
	of_worker = reachable(calloc(1, BY_WORKER));
	lose_requests();
}

static void *
worker(void *unused)
{
	(void)unused;
	below(work);
	arrived();
	wait_forever();
	return NULL;
}

/* To be called from gdb. */
NOINLINE int
twice(int n)
{
	return 2 * n;
}

NOINLINE void
round_done(int round)
{
	__asm__ volatile("" : : "r"(round) : "memory");
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 3;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* whoever wants to look may */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	below(connect_some);
	with_thread(worker, NULL);
	for (int i = 1; i <= rounds; i++) {
		below(lose_requests);
		round_done(i);
	}
	if (write(1, "ready\n", 6) == 6)
		wait_forever();
	return 0;
}
