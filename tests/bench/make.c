/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes a core to be measured, and says what is leaked in it.
 *
 *	make SHAPE BLOCKS ARENAS CORE
 *
 * Builds a heap of that shape with the malloc of this system, from as many threads as
 * there are to be arenas, and writes its own core.  CORE.truth has the lines that a
 * report of `leaks --json` must have.  Exits with 77 when there is not enough memory
 * or disk.  Every run makes the same heap, at other addresses.
 *
 * As in a program that has been at work for a while, blocks were allocated and freed in
 * between, so that some chunks are free and neighbours are not of one age.
 */
#include "bench/dump.h"
#include "bench/shape.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include "live/live.h"

enum {
	CANNOT = 77,         /* what an exit status says */
	BETWEEN = 8,         /* blocks, another one comes and one goes */
	KEPT = 64,           /* blocks, one of those others lives on for a while */
	STACK = 64 << 10,    /* of a thread */
	GAP = 16 << 10,      /* below what lives on there */
	VAST_STEP = 1 << 30, /* a block grows by */
};

/* The first one is a root; what remembers all blocks is gone before anyone looks. */
void *root;

static struct {
	const struct shape *shape;
	size_t n, arenas;
	void ***block; /* n */
	struct {
		void **at;
		size_t n;
	} others;        /* that come and go, of one arena */
	size_t from, to; /* blocks of the arena whose turn it is */
	uint64_t random;
} heap;

/* What is leaked.  Bytes are usable ones. */
static struct {
	size_t leaks;
	struct amount {
		size_t count, bytes;
	} direct, indirect;
} truth;

size_t live_blocks;

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- What shapes need */

void **
live(size_t k)
{
	enum { LIVE = PATTERN - LOST };

	return heap.block[k / LIVE * PATTERN + k % LIVE];
}

size_t
words_of(void **block)
{
	return malloc_usable_size(block) / sizeof *block;
}

/* In steps, since the kernel refuses at once what is larger than its memory. */
void
grow(size_t k, size_t bytes)
{
	size_t i = k / (PATTERN - LOST) * PATTERN + k % (PATTERN - LOST);

	for (size_t n = VAST_STEP; n <= bytes; n += VAST_STEP) {
		heap.block[i] = realloc(heap.block[i], n);
		if (!heap.block[i])
			exit(CANNOT);
	}
}

void *
map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

void
unmap(void *p, size_t bytes)
{
	munmap(p, bytes);
}

/* xorshift64*, scaled down without a division. */
uint64_t
draw(uint64_t below)
{
	uint64_t x = heap.random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	heap.random = x;
	return (uint64_t)((unsigned __int128)(x * 0x2545f4914f6cdd1d) * below >> 64);
}

/* ---- Blocks */

/* Words that are no address: zeros, and what has the top bit set. */
static void **
fill(void **block)
{
	uint64_t noise = draw(UINT64_MAX);
	size_t n = words_of(block);

	for (size_t i = 0; i < n; i++) {
		uint64_t word =
		    (noise >> (i & 31) & 1) ? noise * (i + 1) | 1ull << 63 : 0;

		memcpy(&block[i], &word, sizeof word);
	}
	return block;
}

static void **
new_block(size_t i)
{
	size_t in = i % PATTERN < PATTERN - LOST ? i % PATTERN : PATTERN - LOST - 1;
	void **block = malloc(heap.shape->size(i / PATTERN * (PATTERN - LOST) + in));

	if (!block)
		exit(CANNOT);
	return fill(block);
}

/* The blocks whose turn it is, in the arena of the calling thread. */
static NOINLINE void
allocate(void)
{
	for (size_t i = heap.from; i < heap.to; i++) {
		heap.block[i] = new_block(i);
		if (i % BETWEEN != 0 || heap.shape->quiet)
			continue;
		void **other = &heap.others.at[draw(heap.others.n)];

		free(*other);
		*other = new_block(i + 1);
	}
	for (size_t i = 0; i < heap.others.n; i++) {
		free(heap.others.at[i]);
		heap.others.at[i] = NULL;
	}
}

/*
 * As below() does it, but a stack that is small, as many are, cannot be wiped.  The
 * address of the gap goes where no compiler can see what becomes of it, or clang leaves
 * out what is not used.
 */
static NOINLINE void
allocate_below(void)
{
	char gap[GAP];

	__asm__ volatile("" : : "r"(gap) : "memory");
	allocate();
	__asm__ volatile("" : : "r"(gap) : "memory"); /* no tail call */
}

static void *
allocate_in_thread(void *arg)
{
	(void)arg;
	allocate_below();
	clear_registers();
	arrived();
	dump_park();
}

/* One arena after the other: who is first must not depend on chance. */
static void
allocate_all(void)
{
	for (size_t arena = 0; arena < heap.arenas; arena++) {
		heap.from = heap.n * arena / heap.arenas;
		heap.to = heap.n * (arena + 1) / heap.arenas;
		if (arena == 0)
			allocate();
		else
			with_thread(allocate_in_thread, NULL);
	}
}

/* Three ways to leak: alone, at the head of others, and in a ring. */
static void
lose(size_t pattern)
{
	void ***lost = &heap.block[pattern * PATTERN + PATTERN - LOST];
	size_t way = pattern % 3;

	truth.leaks += way == 0 ? LOST : 1;
	for (size_t i = 0; i < LOST; i++) {
		struct amount *sum =
		    way == 1 && i > 0 ? &truth.indirect : &truth.direct;

		sum->count++;
		sum->bytes += malloc_usable_size(lost[i]);
		lost[i][0] = live(draw(
		    live_blocks)); /* a leak keeps nothing alive, and is kept by nothing */
		if (way == 1 && i + 1 < LOST)
			lost[i][1] = lost[i + 1];
		if (way == 2)
			lost[i][1] = lost[(i + 1) % LOST];
	}
}

static void
build(void)
{
	size_t bytes = heap.n * sizeof *heap.block;

	heap.block = map(bytes);
	heap.others.n = heap.n / heap.arenas / KEPT + 1;
	heap.others.at = map(heap.others.n * sizeof *heap.others.at);
	allocate_all();
	heap.shape->link();
	for (size_t pattern = 0; pattern < heap.n / PATTERN; pattern++)
		lose(pattern);
	root = live(0);
	unmap(heap.others.at, heap.others.n * sizeof *heap.others.at);
	unmap(heap.block, bytes);
	memset(&heap.block, 0, sizeof heap.block);
	memset(&heap.others, 0, sizeof heap.others);
}

/* ---- The program */

/* Memory, and disk where the core will be, for what the heap will take. */
static bool
fits(const char *core)
{
	uint64_t bytes = heap.n * (heap.shape->bytes + heap.shape->bytes / 32 + 16);
	uint64_t memory =
	    (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	struct statvfs disk;

	if (statvfs(core, &disk) != 0)
		die(core);
	return bytes < memory / 10 * 9
	    && bytes < (uint64_t)disk.f_bavail * disk.f_frsize / 10 * 9;
}

static void
write_truth(const char *core)
{
	char path[4096];

	snprintf(path, sizeof path, "%s.truth", core);
	FILE *f = fopen(path, "w");
	if (!f)
		die(path);
	fprintf(f,
	    "\"leaks\":%zu,\"leaked_count\":%zu,\"leaked_bytes\":%zu,\"in_use_count\":%zu,\n",
	    truth.leaks, truth.direct.count + truth.indirect.count,
	    truth.direct.bytes + truth.indirect.bytes, heap.n + heap.arenas - 1);
	fprintf(f, "\"reach\":\"leaked-direct\",\"count\":%zu,\"size_bytes\":%zu}\n",
	    truth.direct.count, truth.direct.bytes);
	fprintf(f, "\"reach\":\"leaked-indirect\",\"count\":%zu,\"size_bytes\":%zu}\n",
	    truth.indirect.count, truth.indirect.bytes);
	if (fclose(f) != 0)
		die(path);
}

static void
make_stacks_small(void)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) || pthread_attr_setstacksize(&attr, STACK)
	    || pthread_setattr_default_np(&attr))
		die("the size of stacks");
}

static void
read_arguments(char **argv)
{
	const struct shape *s = shapes;

	while (s->name && strcmp(s->name, argv[1]) != 0)
		s++;
	heap.shape = s;
	heap.n = strtoull(argv[2], NULL, 10) / PATTERN * PATTERN;
	heap.arenas = strtoull(argv[3], NULL, 10);
	heap.random = 0x9e3779b97f4a7c15;
	live_blocks = heap.n / PATTERN * (PATTERN - LOST);
	if (!s->name || heap.n == 0 || heap.arenas == 0) {
		fprintf(stderr,
		    "make: no such shape, or less than %d blocks, or no arena\n",
		    PATTERN);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: make SHAPE BLOCKS ARENAS CORE\n");
		return 2;
	}
	read_arguments(argv);
	int fd = open(argv[4], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		die(argv[4]);
	if (!fits(argv[4]))
		return CANNOT;
	if (!dump_prepare((unsigned)heap.arenas))
		die("mmap");
	mallopt(M_ARENA_MAX, (int)heap.arenas);
	make_stacks_small();
	if (heap.shape->tune)
		heap.shape->tune();
	below(build);
	if (!dump_core(fd))
		die(argv[4]);
	write_truth(argv[4]);
	_exit(0);
}
