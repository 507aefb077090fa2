/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Four threads that make, move and free each other's blocks as fast as they
 * can.  They come to an end, and the program prints address and size of each
 * block that is left, for whoever doubts the recorder; with an argument, they
 * go on while the process is frozen.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>

#include "live/live.h"

enum { THREADS = 4, SLOTS = 3000, ROUNDS = 100000 };

/* Each starts with the size that was asked for. */
static size_t *_Atomic slots[SLOTS];
static _Atomic int rounds_left = ROUNDS;
static int forever;

static uint32_t
random_from(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

/* Small as a rule, sometimes big, rarely with a mapping of its own. */
static size_t
some_size(uint32_t r)
{
	uint32_t kind = r % 10000, any_size = r / 10000;

	if (kind == 0)
		return 200000;
	return sizeof(size_t) + any_size % (kind < 100 ? 20000 : 600);
}

static size_t *
fresh(uint32_t how, size_t size)
{
	void *p = NULL;

	switch (how % 8) {
	case 0: return calloc(1, size);
	case 1: return memalign(128, size);
	case 2: return posix_memalign(&p, 64, size) ? NULL : p;
	default: return malloc(size);
	}
}

static void *
hammer(void *seed)
{
	uint32_t state = (uint32_t)(intptr_t)seed * 2654435761u;
	size_t *block, size;

	while (forever || rounds_left-- > 0) {
		size = some_size(random_from(&state));
		block = atomic_exchange(&slots[random_from(&state) % SLOTS], NULL);
		if (!block || state % 3 == 0) {
			free(block);
			block = fresh(random_from(&state), size);
		} else {
			block = realloc(block, size);
		}
		*block = size;
		free(atomic_exchange(&slots[random_from(&state) % SLOTS], block));
	}
	return NULL;
}

static void
print_slots(void)
{
	for (int i = 0; i < SLOTS; i++)
		if (slots[i]) {
			dprintf(1, "0x%lx %zu\n", (unsigned long)slots[i], *slots[i]);
			reachable(slots[i]);
		}
}

int
main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	(void)argv;
	forever = argc > 1;
	for (intptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)))
			abort();
	if (forever) {
		usleep(100000);
		ready();
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	print_slots();
	ready();
}
