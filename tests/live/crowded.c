/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No bin of an arena is empty: so it is in a heap that is large and old.  There
 * are two such arenas, the main one and a thread's.
 */
#include <malloc.h>

#include "live/live.h"

enum {
	MOST = 8192,  /* chunks that are to be free */
	CACHED = 17,  /* chunks of a size that a thread keeps for itself, at most */
	SMALL = 1040, /* bytes: larger chunks it does not keep */
};

struct crowd {
	void *chunk[MOST];
	void *wall[MOST]; /* between two chunks: so they are not merged */
	size_t n;
} crowds[2] = { { .n = 0 } };

static void
add(struct crowd *c, size_t size)
{
	for (int i = 0; i < (size > SMALL ? 1 : CACHED + 1); i++) {
		c->chunk[c->n] = malloc(size - 8);
		c->wall[c->n++] = reachable(calloc(1, 24));
	}
}

/* Each size of small bins; one in each step of large ones, which get coarser. */
static void
crowd(struct crowd *c)
{
	static const size_t end[] = { 1024, 3136, 10752, 45056, 163840, 786432 };
	static const size_t step[] = { 16, 64, 512, 4096, 32768, 262144 };
	size_t size = 32;

	for (size_t i = 0; i < COUNT(end); i++)
		for (; size < end[i]; size += step[i])
			add(c, size);
	add(c, 4 << 20);
	add(c, 2000);
	c->n--;
	for (size_t i = 0; i < c->n; i++)
		free(c->chunk[i]);
	free(malloc(6 << 20)); /* too large for any: on the way they are put into bins */
	free(c->chunk[c->n]); /* and this stays where they were */
	memset(c->chunk, 0, sizeof c->chunk);
	leaked(calloc(1, 1500000));
}

static void
crowd_main(void)
{
	crowd(&crowds[0]);
}

static void
crowd_other(void)
{
	crowd(&crowds[1]);
}

static void *
stay(void *unused)
{
	(void)unused;
	below(crowd_other);
	arrived();
	wait_forever();
	return NULL;
}

int
main(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	below(crowd_main);
	with_thread(stay, NULL);
	ready();
}
