/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Free chunks on every kind of list.
 *
 * Each chunk is full of pointers to a block that nobody else holds when it is
 * freed, and a global keeps its stale address: free memory keeps nothing
 * alive, and nothing is alive for being pointed to by mistake.  Small walls
 * between the chunks keep free neighbours from merging.
 */
#include "live/live.h"

enum { MANY = 100 };

void *stale[MANY], *walls[MANY];
static int count;

/* A chunk of n bytes, to be freed, that is the last to know a leaked block. */
static void
put(size_t n, void *lost)
{
	void **chunk = calloc(1, n);

	for (size_t i = 6; i < n / sizeof *chunk; i++) /* before, lists keep their links */
		chunk[i] = lost;
	stale[count] = chunk;
	walls[count] = reachable(calloc(1, 24));
	count++;
}

static void
free_some(int from, int to)
{
	for (int i = from; i < to; i++)
		free(stale[i]);
}

/* Neighbours that merge with each other, and one with top. */
static void
merge(void)
{
	void *row[5];
	void *last;

	for (size_t i = 0; i < COUNT(row); i++)
		row[i] = calloc(1, 2000);
	walls[MANY - 2] = reachable(calloc(1, 24));
	last = calloc(1, 90000);
	free(row[1]);
	free(row[3]);
	free(row[2]);
	free(row[0]);
	free(row[4]);
	free(last);
}

/*
 * A tcache takes 7 chunks of a size, 16 since glibc 2.43; the rest goes further.
 * A big request sorts the unsorted bin and empties the fastbins, so what is to
 * stay there is freed after it.
 */
static void
fill_lists(void *const lost[])
{
	int sorted;

	for (int i = 0; i < 20; i++)
		put(120, lost[i]); /* tcache; fastbins where there are such, else unsorted */
	for (int i = 0; i < 5; i++)
		put(2000 + i * 160, lost[20 + i]); /* unsorted */
	sorted = count;
	for (int i = 0; i < 20; i++)
		put(600, lost[i]); /* tcache and a small bin */
	for (int i = 0; i < 10; i++)
		put(3000 + i * 64, lost[25 + i]); /* large bins */
	merge();
	free_some(sorted, count);
	walls[MANY - 1] = reachable(calloc(1, 60000));
	free_some(0, sorted);
}

static void
all(void)
{
	void *lost[35];

	for (size_t i = 0; i < COUNT(lost); i++)
		lost[i] = leaked(calloc(1, 72));
	fill_lists(lost);
}

int
main(void)
{
	below(all);
	ready();
}
