/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shapes of heaps: how large blocks are, and how they point at each other. */
#include "bench/shape.h"

#include <malloc.h>

/* Has a table of BUCKETS, with as many strings and nodes that hold one each. */
enum { BUCKETS = 1024, ENTRIES = 2 * BUCKETS, HASH = 1 + 2 * ENTRIES };

/* ---- Sizes */

static size_t
size_24(size_t k)
{
	(void)k;
	return 24;
}

static size_t
size_40(size_t k)
{
	(void)k;
	return 40;
}

static size_t
size_120(size_t k)
{
	(void)k;
	return 120;
}

/* As much of a page as malloc's header leaves, or nearly. */
static size_t
size_page(size_t k)
{
	(void)k;
	return 4000;
}

static size_t
size_string(size_t k)
{
	(void)k;
	return 8 + draw(100);
}

/* Chunks of 32 to 176 bytes, and one of 16 up to 1,024: 136 on average. */
static size_t
size_mixed(size_t k)
{
	(void)k;
	return (draw(16) ? 32 + 16 * draw(10) : 208 + 16 * draw(52)) - 8 - draw(8);
}

/* Half a megabyte to one and a half. */
static size_t
size_big(size_t k)
{
	(void)k;
	return (512 << 10) + draw(1 << 20);
}

static size_t
size_hash(size_t k)
{
	if (k % HASH == 0)
		return (1 + BUCKETS) * sizeof(void *);
	return k % HASH <= ENTRIES ? size_40(k) : size_string(k);
}

static size_t
size_strings(size_t k)
{
	return k == 0 ? live_blocks * sizeof(void *) : size_string(k);
}

/* ---- Links */

static size_t
common_divisor(size_t a, size_t b)
{
	while (b != 0) {
		size_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Steps of so many meet each of n once, in an order that no cache foresees. */
static size_t
stride(size_t n)
{
	size_t step = (size_t)((double)n * 0.618) + 1;

	while (common_divisor(n, step) != 1)
		step++;
	return step;
}

static size_t
near_or_far(size_t k, size_t below)
{
	enum { NEAR = 2000 };
	size_t from = k > NEAR ? k - NEAR : 0;
	size_t to = k + NEAR < below ? k + NEAR : below;

	return draw(2) ? from + draw(to - from) : draw(below);
}

/*
 * One pointer more in block k, if there is room.  A chunk has an odd number of words,
 * so that steps of 4 meet all of them.
 */
static bool
add_pointer(uint8_t *used, size_t k, void *to)
{
	void **block = live(k);
	size_t n = words_of(block);

	if (used[k] >= n)
		return false;
	block[(k + 4u * used[k]++) % n] = to;
	return true;
}

/*
 * A block has a pointer from an older one, in half of the cases a neighbour, so that all
 * are reachable.  Nearly as many pointers more lead anywhere, an eighth of them to the
 * middle of a block.  In all, 11 % of the words are pointers.
 */
static void
link_random(void)
{
	uint8_t *used = map(live_blocks);

	for (size_t k = 1; k < live_blocks; k++) {
		while (!add_pointer(used, near_or_far(k, k), live(k)))
			continue;
		if (draw(8))
			add_pointer(used, k,
			    live(near_or_far(k, live_blocks)) + (draw(8) ? 0 : 1));
	}
	unmap(used, live_blocks);
}

/* Through all blocks, each step times further on. */
static void
link_steps(size_t step)
{
	size_t k = 0;

	for (size_t i = 0; i < live_blocks; i++) {
		size_t next = (k + step) % live_blocks;

		live(k)[0] = next ? live(next) : NULL;
		k = next;
	}
}

static void
link_list(void)
{
	link_steps(1);
}

static void
link_shuffled(void)
{
	link_steps(stride(live_blocks));
}

/* The root has two children, they have four ... each step times further on. */
static void
link_tree(size_t step)
{
	for (size_t i = 0; i < live_blocks; i++) {
		void **block = live(i * step % live_blocks);

		for (size_t side = 0; side < 2; side++) {
			size_t child = 2 * i + 1 + side;

			block[side] = child < live_blocks
			    ? live(child * step % live_blocks)
			    : NULL;
		}
	}
}

static void
link_small(void)
{
	link_tree(1);
}

static void
link_trees(void)
{
	link_tree(stride(live_blocks));
}

/* The table at live block t, and a list of all tables. */
static void
link_table(size_t t)
{
	void **table = live(t);

	table[0] = t + HASH < live_blocks ? live(t + HASH) : NULL;
	for (size_t b = 1; b <= BUCKETS; b++)
		table[b] = NULL;
	for (size_t i = 1; i <= ENTRIES && t + i < live_blocks; i++) {
		void **node = live(t + i), **bucket = &table[1 + i % BUCKETS];

		node[0] = *bucket;
		node[1] = t + i + ENTRIES < live_blocks ? live(t + i + ENTRIES) : NULL;
		*bucket = node;
	}
}

static void
link_hash(void)
{
	for (size_t t = 0; t < live_blocks; t += HASH)
		link_table(t);
}

static void
link_strings(void)
{
	void **table = live(0);

	for (size_t k = 0; k < live_blocks; k++)
		table[k] = live(k);
}

/* One word in four leads anywhere. */
static void
link_big(void)
{
	for (size_t k = 0; k < live_blocks; k++) {
		void **block = live(k);
		size_t n = words_of(block);

		block[0] = live((k + 1) % live_blocks);
		for (size_t i = 1 + draw(4); i < n; i += 1 + draw(7)) {
			void **to = live(draw(live_blocks));

			block[i] = draw(2) ? to : to + draw(words_of(to));
		}
	}
}

static void
link_one(void)
{
	for (size_t k = 0; k < live_blocks; k++) {
		void **block = live(k);
		size_t n = words_of(block);

		block[0] = live((k + 1) % live_blocks);
		for (size_t i = 1; i < n; i++)
			block[i] = live(0);
	}
}

/* One block of 40 GB, most of which was never touched. */
static void
link_vast(void)
{
	size_t bytes = (size_t)40 << 30;
	size_t step = bytes / sizeof(void *) / live_blocks;

	grow(0, bytes);
	for (size_t k = 0; k < live_blocks; k++)
		live(0)[k * step] = live(k);
}

/* ---- malloc */

static void
map_none(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
}

static void
map_all(void)
{
	mallopt(M_MMAP_THRESHOLD, 1024);
	mallopt(M_MMAP_MAX, 1 << 30);
}

/* clang-format off */
const struct shape shapes[] = {
	/* name     bytes    a block's     links          malloc's  quiet */
	{ "random",   136,     size_mixed,   link_random,   NULL,     false },
	{ "list",     128,     size_120,     link_list,     NULL,     false },
	{ "shuffled", 128,     size_120,     link_shuffled, NULL,     false },
	{ "trees",    48,      size_40,      link_trees,    NULL,     false },
	{ "hash",     60,      size_hash,    link_hash,     NULL,     false },
	{ "strings",  80,      size_strings, link_strings,  NULL,     false },
	{ "small",    32,      size_24,      link_small,    NULL,     false },
	{ "one",      128,     size_120,     link_one,      NULL,     false },
	{ "big",      1 << 20, size_big,     link_big,      map_none, false },
	{ "mapped",   4096,    size_page,    link_list,     map_all,  true },
	{ "vast",     4160,    size_24,      link_vast,     NULL,     true },
	{ NULL, 0, NULL, NULL, NULL, false },
};
/* clang-format on */
