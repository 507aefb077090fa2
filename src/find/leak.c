/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Groups of leaks.
 *
 * A loop that forgets one block a turn makes a million leaks and one bug.
 * What two leaks of one bug have in common is, as long as nothing better is
 * known of them, the size and whether they are a cycle; so that is the key.
 * It holds no address, and so does the fingerprint made of it: the same bug
 * has the same one in every run.
 *
 * The keys lie in a hash table of indices with open addressing: one pass over
 * the leaks, whose order (by address) makes the examples the lowest ones.
 */
#include "find/leak.h"

#include <stdio.h>

/* Indices of groups plus one, by key; size is a power of two, twice the groups at least. */
struct table {
	uint32_t *slot;
	size_t size;
};

const char *
leak_kind(const struct leak *leak)
{
	return leak->members > 1 ? "cycle" : "direct";
}

/* FNV-1a, over the bytes of a number. */
static uint64_t
mix(uint64_t hash, uint64_t number)
{
	for (unsigned i = 0; i < 8; i++)
		hash = (hash ^ (number >> 8 * i & 0xff)) * 0x100000001b3;
	return hash;
}

static uint64_t
key(uint64_t size, uint64_t members)
{
	return mix(mix(0xcbf29ce484222325, members), size);
}

static uint32_t *
slot_of(const struct table *t, const struct leaks *leaks, uint64_t size, uint64_t members)
{
	size_t i = key(size, members) & (t->size - 1);

	for (;; i = (i + 1) & (t->size - 1)) {
		const struct leak_group *g;

		if (t->slot[i] == 0)
			return &t->slot[i];
		g = &leaks->groups.at[t->slot[i] - 1];
		if (g->size == size && g->members == members)
			return &t->slot[i];
	}
}

static bool
grow(struct table *t, const struct leaks *leaks)
{
	struct table more = { .size = t->size ? t->size * 2 : 256 };

	more.slot = calloc(more.size, sizeof *more.slot);
	if (!more.slot)
		return false;
	for (size_t i = 0; i < leaks->groups.n; i++)
		*slot_of(&more, leaks, leaks->groups.at[i].size,
		    leaks->groups.at[i].members) = (uint32_t)i + 1;
	free(t->slot);
	*t = more;
	return true;
}

static struct leak_group *
group_of(struct leaks *leaks, struct table *t, const struct leak *leak)
{
	if (leaks->groups.n * 2 >= t->size && !grow(t, leaks))
		return NULL;
	uint32_t *slot = slot_of(t, leaks, leak->bytes, leak->members);
	if (*slot == 0) {
		struct leak_group new = { .kind = leak_kind(leak),
			.size = leak->bytes,
			.members = leak->members };

		snprintf(new.fingerprint, sizeof new.fingerprint, "%016llx",
		    (unsigned long long)key(leak->bytes, leak->members));
		vec_push(&leaks->groups, new);
		if (leaks->groups.broke)
			return NULL;
		*slot = (uint32_t)leaks->groups.n;
	}
	return &leaks->groups.at[*slot - 1];
}

static uint64_t
all_bytes(const struct leak_group *g)
{
	return g->bytes + g->indirect.bytes;
}

static int
by_bytes(const void *a, const void *b)
{
	const struct leak_group *x = a, *y = b;

	if (all_bytes(x) != all_bytes(y))
		return all_bytes(x) < all_bytes(y) ? 1 : -1;
	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	return x->members < y->members ? 1 : -1;
}

bool
leaks_group(struct leaks *leaks, const struct heap *heap, const struct graph *graph,
    struct hs_error *err)
{
	autofree uint32_t *slots = NULL;
	struct table t = { 0 };

	for (size_t i = 0; i < graph->leaks.n; i++) {
		const struct leak *leak = &graph->leaks.at[i];
		struct leak_group *g = group_of(leaks, &t, leak);

		slots = t.slot;
		if (!g)
			return fail_nomem(err);
		g->count++;
		g->bytes += leak->bytes;
		g->indirect.count += leak->indirect_count;
		g->indirect.bytes += leak->indirect_bytes;
		if (g->nexamples < LEAK_EXAMPLES)
			g->examples[g->nexamples++] =
			    heap_block(heap, leak->block).address;
	}
	vec_sort(&leaks->groups, by_bytes);
	return true;
}

void
leaks_fini(struct leaks *leaks)
{
	vec_free(&leaks->groups);
}
