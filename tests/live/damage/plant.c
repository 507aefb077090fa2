/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A heap with one damage.
 *
 *	plant                   lists what there is to plant, a name a line
 *	plant NAME FILE         plants it, writes a core to FILE and a line:
 *	                        FROM TO WRITER CULPRIT
 *
 * The damage is in [FROM, TO): the chunk, or the fields of malloc's own, that were
 * written to.  WRITER is what `check` should say, or "any"; CULPRIT is the block that
 * wrote past its end, or 0.
 *
 * The heap has rows of blocks in use, a chunk on each kind of list, a block with a
 * mapping of its own, and a thread with an arena that has two heaps.  A global keeps
 * the address of every chunk, free ones too: stale pointers, as programs have them.
 * From the moment of damage on nothing is allocated.
 */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/dump.h"

enum {
	ROW = 24,
	SIZE = 104, /* of a block in a row: usable bytes */
	BIG = 504,  /* its chunk has 0x200 bytes */
	ODD = 520,  /* 0x210 */
	FULL = 7, /* chunks in a list of a tcache; since glibc 2.43 there may be 16 */
	HEAP_MAX = 64 << 20,
};

typedef uintptr_t word;

static word *row[ROW], *big[ROW], *odd[ROW];
static word *cached[6], *other[3], *fast[3], *unsorted[3], *small[3], *large[4];
static word *full[FULL], *more[FULL], *walls[64], *mapped, *last;
static word *trow[ROW], *thuge[4];
static word *first; /* where the heap begins: its first block */
static unsigned nwalls;
static atomic_int thread_ready;

static struct {
	const void *from, *to;
	const char *writer;
	const void *culprit;
} plan;

/* The last word of a block, which is its neighbour's prev_size when it is free. */
static word *
behind(const word *block)
{
	return (word *)((char *)block - 16 + (block[-1] & ~(word)7));
}

/* The chunk of a block: what was damaged, and who is to blame. */
static void
in_chunk(const word *block, const char *writer, const void *culprit)
{
	plan.from = block - 2;
	plan.to = behind(block) + 1;
	plan.writer = writer;
	plan.culprit = culprit;
}

static void
in_words(const word *from, size_t n)
{
	plan.from = from;
	plan.to = from + n;
	plan.writer = "any";
}

/* ---- The heap */

static void
wall(void)
{
	walls[nwalls++] = calloc(1, 24);
}

static void
make_row(word **to, unsigned n, size_t size)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = calloc(1, size);
}

static void
make_apart(word **to, unsigned n, size_t size, size_t step)
{
	for (unsigned i = 0; i < n; i++) {
		to[i] = calloc(1, size + i * step);
		wall();
	}
}

static void
free_all(word **all, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free(all[i]);
}

static void
make_blocks(void)
{
	mapped = calloc(1, 300000);
	mallopt(M_MMAP_THRESHOLD, 1 << 28);
	make_row(row, ROW, SIZE);
	make_row(big, ROW, BIG);
	make_row(odd, ROW, ODD);
	make_apart(cached, 6, 200, 0);
	make_apart(other, 3, 248, 0);
	make_row(full, FULL, 72);
	make_apart(fast, 3, 72, 0);
	make_row(more, FULL, 600);
	make_apart(small, 3, 600, 0);
	make_apart(large, 3, 3000, 0);
	make_apart(&large[3], 1, 3016, 0);
	make_apart(unsorted, 3, 2000, 160);
}

/* The tcache takes so many of a size as FULL, since nothing raises that. */
static void
free_some(void)
{
	free_all(more, FULL);
	free_all(small, 3);
	free_all(large, 4);
	walls[nwalls++] = calloc(1, 9000); /* sorts them into their bins */
	free_all(full, FULL);
	free_all(cached, 6);
	free_all(other, 3);
	free_all(fast, 3);
	free_all(unsorted, 3);
	last = (word *)walls[nwalls - 1];
}

static void *
thread_main(void *arg)
{
	make_row(trow, ROW, SIZE);
	for (unsigned i = 0; i < 4; i++)
		thuge[i] = malloc(30 << 20);
	(void)arg;
	atomic_store(&thread_ready, 1);
	dump_park();
}

/* ---- Where malloc keeps its own */

static word *
heap_of(const void *p)
{
	return (word *)((word)p & -(word)HEAP_MAX);
}

/* The head of the unsorted bin is where the arena keeps its top. */
static word *
main_top(void)
{
	return (word *)unsorted[0][0];
}

/* Behind 254 words of bins, 16 bytes of a map, and three words: see doc/glibc-heap. */
static word *
main_system(void)
{
	return main_top() + 2 + 254 + 2 + 3;
}

static word
mangled(const word *at, const void *to)
{
	return (word)to ^ (word)at >> 12;
}

/* A list head of the tcache that leads to this chunk, or NULL; 2.30 to 2.41. */
static word *
tcache_head(const word *to)
{
	for (unsigned i = 0; i < 64; i++)
		if (first[16 + i] == (word)to)
			return &first[16 + i];
	fprintf(stderr, "another layout of tcaches\n");
	exit(77);
}

static void
text(void *to, size_t n)
{
	static const char words[] = "the quick brown fox jumps over the lazy dog; ";

	for (size_t i = 0; i < n; i++)
		((char *)to)[i] = words[i % (sizeof words - 1)];
}

/* ---- What to plant */

#define RUN "left-overrun"
#define LEFT "left"
#define USED_FREE "after-free"
#define TWICE "freed-twice"

/* Block i of a row is written past its end by its neighbour i - 1. */
#define OVER(array, i, writer) in_chunk(array[i], writer, array[(i)-1])

/* clang-format off: a table, a line a kind, with some longer ones in between */
static void
none(void)
{
	in_words(first, 0);
}

static void
size_text(void)
{
	OVER(row, 10, RUN);
	text(row[9], SIZE + 8);
}
static void
size_text_far(void)
{
	OVER(row, 10, RUN);
	text(row[9], SIZE + 40);
}
static void
size_fill(void)
{
	OVER(row, 10, RUN);
	memset(row[9], 0x5a, SIZE + 8);
}
static void
size_zero(void)
{
	OVER(row, 10, LEFT);
	memset(row[9], 0, SIZE + 8);
}
static void
size_ones(void)
{
	OVER(row, 10, LEFT);
	row[10][-1] = ~(word)0;
}
static void
size_large(void)
{
	OVER(row, 10, LEFT);
	row[10][-1] += 32;
}
static void
size_small(void)
{
	OVER(row, 10, "any");
	row[10][-1] = 0x31;
	plan.culprit = NULL;
}
static void
size_huge(void)
{
	OVER(row, 10, LEFT);
	row[10][-1] = 0x1000001;
}
static void
size_mapped(void)
{
	OVER(row, 10, LEFT);
	row[10][-1] |= 2;
}
static void
size_not_main(void)
{
	OVER(row, 10, LEFT);
	row[10][-1] |= 4;
}
static void
size_unaligned(void)
{
	OVER(row, 10, LEFT);
	row[10][-1] |= 8;
}

static void
size_pointers(void)
{
	OVER(row, 10, RUN);
	for (unsigned i = 0; i <= SIZE / sizeof(word); i++)
		row[9][i] = (word)big[i];
}

static void
size_number(void)
{
	OVER(row, 10, LEFT);
	row[10][-1] = 0x3ff0000000000000; /* 1.0 */
}

/* strcpy() of a string that fills the block: its end lands in the size behind. */
static void
byte_flag(void)
{
	OVER(big, 10, "left-off-by-one");
	text(big[9], BIG);
	((char *)big[9])[BIG] = 0;
}

static void
byte_size(void)
{
	OVER(odd, 10, "left-off-by-one");
	text(odd[9], ODD);
	((char *)odd[9])[ODD] = 0;
}

static void
size_first(void)
{
	in_chunk(row[0], "any", NULL);
	row[0][-1] = 0x4141414141414141;
}
static void
size_of_cached(void)
{
	in_chunk(cached[2], "any", NULL);
	cached[2][-1] = 0x4141414141414141;
}
static void
size_of_unsorted(void)
{
	in_chunk(unsorted[1], "any", NULL);
	unsorted[1][-1] = 0x4141414141414141;
}
static void
size_of_binned(void)
{
	in_chunk(large[1], "any", NULL);
	large[1][-1] += 64;
}

static void
thread_text(void)
{
	OVER(trow, 10, RUN);
	text(trow[9], SIZE + 8);
}
static void
thread_zero(void)
{
	OVER(trow, 10, LEFT);
	memset(trow[9], 0, SIZE + 8);
}
static void
thread_flag(void)
{
	OVER(trow, 10, LEFT);
	trow[10][-1] &= ~(word)4;
}

static void
prev_size(word *block)
{
	in_words(behind(block), 2);
	plan.writer = USED_FREE;
	*behind(block) = 0x99990;
}

static void
prev_unsorted(void)
{
	prev_size(unsorted[1]);
}
static void
prev_large(void)
{
	prev_size(large[0]);
}
static void
prev_small(void)
{
	prev_size(small[1]);
}

static void
flag_behind_free(void)
{
	in_words(behind(unsorted[1]), 2);
	behind(unsorted[1])[1] |= 1;
}

static void
flag_behind_cached(void)
{
	in_words(behind(cached[2]), 2);
	behind(cached[2])[1] &= ~(word)1;
}

static void
top_size(word to)
{
	word *top = (word *)*main_top();

	in_words(top, 2);
	plan.writer = LEFT;
	plan.culprit = last;
	top[1] = to;
}

static void
top_ones(void)
{
	top_size(~(word)0);
}
static void
top_zero(void)
{
	top_size(0);
}
static void
top_less(void)
{
	top_size((((word *)*main_top())[1] & ~(word)7) - 4096 + 1);
}

static void
top_text(void)
{
	top_size(1);
	plan.writer = RUN;
	text(last, 9000 + 8);
}

/* Links of the thread caches.  The last one freed is the first of its list. */
static void
cache_next(void)
{
	in_chunk(cached[3], USED_FREE, NULL);
	cached[3][0] = 0x1234567812345670;
}
static void
cache_text(void)
{
	in_chunk(cached[3], USED_FREE, NULL);
	text(cached[3], 64);
}
static void
cache_used(void)
{
	in_chunk(cached[3], USED_FREE, NULL);
	cached[3][0] = mangled(cached[3], row[5]);
}
static void
cache_key(void)
{
	in_chunk(cached[3], USED_FREE, NULL);
	cached[3][1] = 0;
}
static void
cache_key_text(void)
{
	in_chunk(cached[2], USED_FREE, NULL);
	text(&cached[2][1], 16);
}
static void
cache_key_first(void)
{
	in_chunk(cached[5], USED_FREE, NULL);
	cached[5][1] = 0x1234;
}
static void
cache_ring(void)
{
	in_chunk(cached[3], TWICE, NULL);
	cached[3][0] = mangled(cached[3], cached[4]);
}
static void
cache_self(void)
{
	in_chunk(cached[3], TWICE, NULL);
	cached[3][0] = mangled(cached[3], cached[3]);
}
static void
cache_cross(void)
{
	in_chunk(other[1], "any", NULL);
	other[1][0] = mangled(other[1], cached[1]);
}

static void
cache_count(void)
{
	word *head = tcache_head(cached[5]);
	uint16_t *counts = (uint16_t *)first;

	in_words(first, 16);
	counts[head - (first + 16)] = 300;
}

static void
cache_head(void)
{
	word *head = tcache_head(cached[5]);

	in_words(head, 1);
	*head = 0x4141414141414140;
}

static void
fast_next(void)
{
	in_chunk(fast[1], USED_FREE, NULL);
	fast[1][0] = 0x4242424242424242;
}
static void
fast_ring(void)
{
	in_chunk(fast[1], TWICE, NULL);
	fast[1][0] = mangled(fast[1], (char *)fast[2] - 16);
}
static void
fast_used(void)
{
	in_chunk(fast[1], USED_FREE, NULL);
	fast[1][0] = mangled(fast[1], (char *)row[5] - 16);
}
static void
fast_cached(void)
{
	in_chunk(fast[1], TWICE, NULL);
	fast[1][0] = mangled(fast[1], (char *)full[3] - 16);
}

static void
unsorted_fd(void)
{
	in_chunk(unsorted[1], USED_FREE, NULL);
	unsorted[1][0] = 0x4343434343434343;
}
static void
unsorted_bk(void)
{
	in_chunk(unsorted[1], USED_FREE, NULL);
	unsorted[1][1] = 0x4343434343434343;
}
static void
unsorted_text(void)
{
	in_chunk(unsorted[1], USED_FREE, NULL);
	text(unsorted[1], 48);
}
static void
unsorted_used(void)
{
	in_chunk(unsorted[1], USED_FREE, NULL);
	unsorted[1][0] = (word)(row[5] - 2);
}
static void
unsorted_twice(void)
{
	in_chunk(unsorted[1], TWICE, NULL);
	unsorted[1][0] = (word)(unsorted[2] - 2);
}
static void
small_fd(void)
{
	in_chunk(small[1], USED_FREE, NULL);
	small[1][0] = 0;
}
static void
small_bk(void)
{
	in_chunk(small[1], USED_FREE, NULL);
	small[1][1] = 0;
}
static void
large_fd(void)
{
	in_chunk(large[1], USED_FREE, NULL);
	large[1][0] = 1;
}
static void
large_bk(void)
{
	in_chunk(large[1], USED_FREE, NULL);
	large[1][1] = 1;
}
static void
large_fd_size(void)
{
	in_chunk(large[3], USED_FREE, NULL);
	large[3][2] = 0x77;
}
static void
large_bk_size(void)
{
	in_chunk(large[3], USED_FREE, NULL);
	large[3][3] = 0x77;
}

static void
head_fd(void)
{
	in_words(main_top() + 2, 2);
	main_top()[2] = 0x4444444444444440;
}
static void
head_bk(void)
{
	in_words(main_top() + 2, 2);
	main_top()[3] = 0x4444444444444440;
}
static void
top_away(void)
{
	in_words(main_top(), 1);
	*main_top() = 0x7f0000000000;
}
static void
top_amid(void)
{
	in_words(main_top(), 1);
	*main_top() = (word)(row[7] - 2);
}
static void
top_askew(void)
{
	in_words(main_top(), 1);
	*main_top() = (word)row[7] + 32;
}
static void
system_mem(void)
{
	in_words(main_system(), 1);
	*main_system() += 0x1000;
}
static void
max_system(void)
{
	in_words(main_system() + 1, 1);
	main_system()[1] = 0;
}

static void
heap_owner(void)
{
	in_words(heap_of(thuge[3]), 4);
	*heap_of(thuge[3]) = 0x4545454545454545;
}
static void
heap_prev(void)
{
	in_words(heap_of(thuge[3]), 4);
	heap_of(thuge[3])[1] = 0x4545454545454545;
}
static void
heap_size(void)
{
	in_words(heap_of(thuge[3]), 4);
	heap_of(thuge[3])[2] = 0x4545454545454545;
}

/* clang-format on */

static const struct damage {
	const char *name;
	void (*plant)(void);
} damages[] = {
#define PLANT(name)         \
	{                   \
#name, name \
	}
	PLANT(none),
	PLANT(size_text),
	PLANT(size_text_far),
	PLANT(size_fill),
	PLANT(size_zero),
	PLANT(size_ones),
	PLANT(size_large),
	PLANT(size_small),
	PLANT(size_huge),
	PLANT(size_mapped),
	PLANT(size_not_main),
	PLANT(size_unaligned),
	PLANT(size_pointers),
	PLANT(size_number),
	PLANT(byte_flag),
	PLANT(byte_size),
	PLANT(size_first),
	PLANT(size_of_cached),
	PLANT(size_of_unsorted),
	PLANT(size_of_binned),
	PLANT(thread_text),
	PLANT(thread_zero),
	PLANT(thread_flag),
	PLANT(prev_unsorted),
	PLANT(prev_large),
	PLANT(prev_small),
	PLANT(flag_behind_free),
	PLANT(flag_behind_cached),
	PLANT(top_ones),
	PLANT(top_zero),
	PLANT(top_less),
	PLANT(top_text),
	PLANT(cache_next),
	PLANT(cache_text),
	PLANT(cache_used),
	PLANT(cache_key),
	PLANT(cache_key_text),
	PLANT(cache_key_first),
	PLANT(cache_ring),
	PLANT(cache_self),
	PLANT(cache_cross),
	PLANT(cache_count),
	PLANT(cache_head),
	PLANT(fast_next),
	PLANT(fast_ring),
	PLANT(fast_used),
	PLANT(fast_cached),
	PLANT(unsorted_fd),
	PLANT(unsorted_bk),
	PLANT(unsorted_text),
	PLANT(unsorted_used),
	PLANT(unsorted_twice),
	PLANT(small_fd),
	PLANT(small_bk),
	PLANT(large_fd),
	PLANT(large_bk),
	PLANT(large_fd_size),
	PLANT(large_bk_size),
	PLANT(head_fd),
	PLANT(head_bk),
	PLANT(top_away),
	PLANT(top_amid),
	PLANT(top_askew),
	PLANT(system_mem),
	PLANT(max_system),
	PLANT(heap_owner),
	PLANT(heap_prev),
	PLANT(heap_size),
};

enum { MANY = sizeof damages / sizeof *damages };

static int
plant(const struct damage *d, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char line[200];
	pthread_t thread;
	int n;

	first = (word *)sbrk(0) + 2;
	make_blocks();
	if (!dump_prepare(2) || pthread_create(&thread, NULL, thread_main, NULL))
		return 1;
	while (!atomic_load(&thread_ready))
		usleep(1000);
	free_some();
	d->plant();
	n = snprintf(line, sizeof line, "%p %p %s %p\n", plan.from, plan.to,
	    plan.writer, plan.culprit);
	return !(write(1, line, (size_t)n) == n && fd >= 0 && dump_core(fd));
}

int
main(int argc, char **argv)
{
	for (unsigned i = 0; i < MANY; i++)
		if (argc == 3 && !strcmp(argv[1], damages[i].name))
			_exit(plant(&damages[i], argv[2]));
		else if (argc == 1)
			puts(damages[i].name);
	return argc != 1;
}
