/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads with arenas of their own, one of a thread that is gone, and blocks
 * that one thread made and another freed. */
#include "live/live.h"

enum { THREADS = 3, BLOCKS = 200 };

struct node {
	struct node *next;
	char pad[88];
};

struct node *global[THREADS + 1];
__thread struct node *local;
static __thread int me;
void *foreign[THREADS][8];

static struct node *
list(int length, void *(*first)(void *), void *(*rest)(void *))
{
	struct node *head = first(calloc(1, sizeof *head + 32 * me)), *tail = head;

	while (--length > 0)
		tail = tail->next = rest(calloc(1, sizeof *head + length % 7 * 100));
	return head;
}

static void
work(void)
{
	void *junk[60];

	for (size_t i = 0; i < COUNT(junk); i++)
		junk[i] = calloc(1, i * 40);
	global[me] = list(BLOCKS, reachable, reachable);
	local = list(BLOCKS / 2, reachable, reachable);
	list(BLOCKS / 4, leaked, indirect);
	leaked(calloc(1, 150000)); /* mmapped */
	for (size_t i = 0; i < COUNT(foreign[0]); i++)
		foreign[me][i] = calloc(1, 90 + 16 * i);
	for (size_t i = 0; i < COUNT(junk); i++)
		if (i % 3)
			free(junk[i]);
		else
			leaked(junk[i]);
}

static NOINLINE void
work_and_stay(void)
{
	void *volatile on_stack = reachable(calloc(1, 777));

	below(work);
	arrived();
	wait_forever();
	(void)on_stack;
}

static void *
stay(void *number)
{
	me = (int)(intptr_t)number;
	work_and_stay();
	return NULL;
}

static void
work_before_going(void)
{
	global[THREADS] = list(BLOCKS, reachable, reachable);
	list(BLOCKS / 4, leaked, indirect);
}

static void *
leave(void *unused)
{
	(void)unused;
	me = 9;
	below(work_before_going);
	arrived();
	return NULL;
}

/* A tcache takes chunks of any arena. */
static void
free_foreign(void)
{
	for (int t = 0; t < THREADS; t++)
		for (size_t i = 0; i < COUNT(foreign[0]); i++)
			free(foreign[t][i]);
	memset(foreign, 0, sizeof foreign);
	leaked(calloc(1, 4000));
}

int
main(void)
{
	for (intptr_t t = 0; t < THREADS; t++)
		with_thread(stay, (void *)t);
	pthread_join(with_thread(leave, NULL), NULL);
	below(free_foreign);
	ready();
}
