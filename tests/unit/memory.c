/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory of a process that never ran. */
#include "unit/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
memory_fini(struct memory *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->at[i].bytes);
	vec_free(m);
}

/* In whole pages; room is doubled, so that putting word after word is cheap. */
static void
grow(struct area *a, uint64_t size)
{
	size = align_up(size, MEMORY_PAGE);
	if (size > a->room) {
		uint64_t room = size > 2 * a->room ? size : 2 * a->room;

		a->bytes = realloc(a->bytes, room);
		if (!a->bytes)
			abort();
		memset(a->bytes + a->room, 0, room - a->room);
		a->room = room;
	}
	if (size > a->size)
		a->size = size;
}

void
memory_add(struct memory *m, hs_addr start, uint64_t most, unsigned flags)
{
	struct area a = { .range = { start, start + most }, .flags = flags };

	grow(&a, MEMORY_PAGE);
	vec_push(m, a);
	if (m->broke)
		abort();
}

/* The area that n bytes at a fit into. */
static struct area *
area_at(struct memory *m, hs_addr a, uint64_t n)
{
	for (size_t i = 0; i < m->n; i++)
		if (range_holds(m->at[i].range, a, n))
			return &m->at[i];
	fprintf(stderr,
	    "the test wants memory at 0x%" PRIx64 ", where there is none\n", a);
	abort();
}

void
memory_reach(struct memory *m, hs_addr end)
{
	struct area *area = area_at(m, end - 1, 1);

	grow(area, end - area->range.start);
}

unsigned char *
memory_bytes(struct memory *m, hs_addr a, uint64_t n)
{
	struct area *area = area_at(m, a, n);

	grow(area, a + n - area->range.start);
	return area->bytes + (a - area->range.start);
}

uint64_t
memory_get(struct memory *m, hs_addr a)
{
	uint64_t word;

	memcpy(&word, memory_bytes(m, a, sizeof word), sizeof word);
	return word;
}

void
memory_put(struct memory *m, hs_addr a, uint64_t word)
{
	memcpy(memory_bytes(m, a, sizeof word), &word, sizeof word);
}

void
memory_lose(struct memory *m, hs_addr a)
{
	struct area *area = area_at(m, a, MEMORY_PAGE);
	struct area hole = *area, rest = *area;

	hole.range = (struct range) { a, a + MEMORY_PAGE };
	hole.missing = true;
	hole.size = hole.room = MEMORY_PAGE;
	hole.bytes = calloc(1, MEMORY_PAGE);
	rest.range.start = a + MEMORY_PAGE;
	rest.size = rest.room = area->range.start + area->size - rest.range.start;
	rest.bytes = malloc(rest.size);
	if (!hole.bytes || !rest.bytes)
		abort();
	memcpy(rest.bytes, area->bytes + (rest.range.start - area->range.start),
	    rest.size);
	area->range.end = a;
	area->size = a - area->range.start;
	vec_push(m, hole);
	vec_push(m, rest);
	if (m->broke)
		abort();
}
