/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recorder: a library to preload that knows every block a process holds.
 *
 * heapscan is right when the blocks it finds in a core are those that the
 * program held when the core was taken.  This library stands in front of
 * malloc() and its family and writes each live block into a table; freeze, its
 * driver, stops the process, takes the core and prints the table.
 *
 * It must not disturb what it watches:
 *
 *  - It calls the C library's own allocator (__libc_malloc and friends) with
 *    the program's own arguments and never allocates, so a heap is the same to
 *    the byte with and without it.  It has no thread-local variables, no keys
 *    and no exit handlers either.
 *  - The table must not keep blocks alive: it lies in a shared file mapping,
 *    left out of cores, and addresses in it are masked, for who scans the
 *    process itself.
 *
 * The table comes from freeze: a memory file at descriptor RECORD_FD whose
 * header names the process to watch.  So there is nothing to look up in an
 * environment that does not exist yet when the dynamic linker makes the first
 * call.  A program that the process executes starts the table anew; a child
 * that it forks is another process and not recorded.
 *
 * A core may be taken at any moment but one: while a thread is between a
 * change of the heap and that of the table.  Hence the gate.  Each call counts
 * itself in .inside, unless freeze has set .hold; then it waits outside.  When
 * .inside has come to 0, heap and table agree and stay so, even while a signal
 * that kills the process lets its threads run for a last moment.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "mark.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* Linux 4.14 */
#endif

/* freeze has the same numbers and the same two layouts. */
enum { RECORD_FD = 200, TABLE_AT = 4096 };

#define RECORD_MAGIC UINT64_C(0x31726564726f6365) /* "ecorder1" */
#define MASK UINT64_C(0xa5c3965ac33c695a)

struct record {
	uint64_t magic;
	uint64_t slots;          /* of the table: a power of two */
	uint64_t lost;           /* blocks that found it full */
	uint32_t pid;            /* the process to watch */
	_Atomic uint32_t ready;  /* it has called recorder_ready() */
	_Atomic uint32_t hold;   /* freeze wants the heap to stand still */
	_Atomic uint32_t inside; /* calls in the allocator now */
};

struct slot {
	uint64_t key; /* the block's address ^ MASK; 0: empty */
	uint64_t usable, requested;
	uint64_t mark;
};

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

enum { NOT_STARTED, STARTING, ON, OFF };
static _Atomic int state;

static struct record *record;
static struct slot *table;
static uint64_t last;       /* slots - 1 */
static uint64_t used;       /* < slots: searches end at an empty one */
static volatile char *ours; /* a page that reads as 0 in a forked child */
static atomic_flag busy = ATOMIC_FLAG_INIT; /* the table's lock */

/* ---- starting ---- */

static void *
map(size_t size, int flags, int fd)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Takes the table over, empty.  False when this process is not to be watched. */
static bool
open_record(void)
{
	struct record head;
	uint64_t size;

	if (pread(RECORD_FD, &head, sizeof head, 0) != sizeof head
	    || head.magic != RECORD_MAGIC || head.pid != (uint32_t)getpid())
		return false;
	size = TABLE_AT + head.slots * sizeof(struct slot);
	ours = map(TABLE_AT, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (!ours || madvise((void *)ours, TABLE_AT, MADV_WIPEONFORK))
		return false;
	if (ftruncate(RECORD_FD, TABLE_AT) || ftruncate(RECORD_FD, size))
		return false;
	record = map(size, MAP_SHARED | MAP_NORESERVE, RECORD_FD);
	if (!record || madvise(record, size, MADV_DONTDUMP)
	    || madvise(record, size, MADV_DONTFORK))
		return false;
	table = (struct slot *)((char *)record + TABLE_AT);
	last = head.slots - 1;
	record->ready = 0;
	*ours = 1;
	/* gdb is no parent of ours, which some systems ask of a debugger */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	return true;
}

static bool
start(void)
{
	int was = NOT_STARTED, saved = errno;

	if (atomic_compare_exchange_strong(&state, &was, STARTING))
		state = open_record() ? ON : OFF;
	while (state == STARTING)
		sched_yield();
	errno = saved;
	return state == ON;
}

/* ---- the gate ---- */

static void
wait_outside(void)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	int saved = errno;

	while (record->hold)
		nanosleep(&nap, NULL);
	errno = saved;
}

/* Comes before each change of the heap.  False: this process is not recorded. */
static bool
enter(void)
{
	if (state == OFF || (state != ON && !start()) || !*ours)
		return false;
	for (;;) {
		record->inside++;
		if (!record->hold)
			return true;
		record->inside--;
		wait_outside();
	}
}

static void
leave(void)
{
	record->inside--;
}

/* ---- the table: open addressing, no tombstones ---- */

static void
lock(void)
{
	while (atomic_flag_test_and_set(&busy))
		sched_yield();
}

static void
unlock(void)
{
	atomic_flag_clear(&busy);
}

/*
 * Where a block belongs.  Pages are scattered, and the 128 blocks that one may
 * hold stay together: as many pages of the table are touched as of the heap.
 */
static uint64_t
home(uint64_t a)
{
	uint64_t page = (a >> 12) * UINT64_C(0x9e3779b97f4a7c15) >> 24;

	return (page << 7 | (a >> 5 & 127)) & last;
}

/* The block's slot, or the empty one where it would go. */
static struct slot *
find(const void *p)
{
	uint64_t a = (uintptr_t)p, at = home(a);

	while (table[at].key && table[at].key != (a ^ MASK))
		at = (at + 1) & last;
	return &table[at];
}

/* Empties a slot, and moves up those that only went past it because it was taken. */
static void
empty(uint64_t gap)
{
	for (uint64_t at = (gap + 1) & last; table[at].key; at = (at + 1) & last) {
		uint64_t from_home = (at - home(table[at].key ^ MASK)) & last;

		if (from_home < ((at - gap) & last))
			continue;
		table[gap] = table[at];
		gap = at;
	}
	table[gap] = (struct slot) { .key = 0 };
}

/* The program holds p now.  Returns p. */
static void *
got(void *p, size_t requested, uint64_t mark)
{
	if (!p)
		return NULL;
	lock();
	if (used < last) {
		used++;
		*find(p) = (struct slot) {
			.key = (uintptr_t)p ^ MASK,
			.usable = malloc_usable_size(p),
			.requested = requested,
			.mark = mark,
		};
	} else {
		record->lost++;
	}
	unlock();
	return p;
}

/* The program gives p back.  Comes before it does: afterwards p may be anyone's. */
static struct slot
gone(void *p)
{
	struct slot *s, was;

	lock();
	s = find(p);
	was = *s;
	if (was.key) {
		used--;
		empty(s - table);
	}
	unlock();
	return was;
}

/* ---- what the program calls ---- */

void *
malloc(size_t n)
{
	void *p;

	if (!enter())
		return __libc_malloc(n);
	p = got(__libc_malloc(n), n, MARK_NONE);
	leave();
	return p;
}

void *
calloc(size_t count, size_t n)
{
	void *p;

	if (!enter())
		return __libc_calloc(count, n);
	p = got(__libc_calloc(count, n), count * n, MARK_NONE);
	leave();
	return p;
}

void
free(void *p)
{
	if (!p || !enter()) {
		__libc_free(p);
		return;
	}
	gone(p);
	__libc_free(p);
	leave();
}

void *
realloc(void *p, size_t n)
{
	struct slot was;
	void *q;

	if (!enter())
		return __libc_realloc(p, n);
	was = gone(p);
	q = got(__libc_realloc(p, n), n, MARK_NONE);
	if (!q && n && was.key)
		got(p, was.requested, was.mark); /* it failed: p is held as before */
	leave();
	return q;
}

void *
memalign(size_t alignment, size_t n)
{
	void *p;

	if (!enter())
		return __libc_memalign(alignment, n);
	p = got(__libc_memalign(alignment, n), n, MARK_NONE);
	leave();
	return p;
}

/* ---- the rest of the family, in terms of those ---- */

static bool
power_of_two(size_t n)
{
	return n && !(n & (n - 1));
}

void *
reallocarray(void *p, size_t count, size_t n)
{
	size_t size;

	if (!__builtin_mul_overflow(count, n, &size))
		return realloc(p, size);
	errno = ENOMEM;
	return NULL;
}

void *
aligned_alloc(size_t alignment, size_t n)
{
	if (power_of_two(alignment))
		return memalign(alignment, n);
	errno = EINVAL;
	return NULL;
}

int
posix_memalign(void **to, size_t alignment, size_t n)
{
	int saved = errno;
	void *p;

	if (!power_of_two(alignment) || alignment % sizeof(void *))
		return EINVAL;
	p = memalign(alignment, n);
	errno = saved;
	if (!p)
		return ENOMEM;
	*to = p;
	return 0;
}

void *
valloc(size_t n)
{
	return memalign(getpagesize(), n);
}

void *
pvalloc(size_t n)
{
	size_t page = getpagesize();

	if (n > SIZE_MAX - page) {
		errno = ENOMEM;
		return NULL;
	}
	return memalign(page, (n + page - 1) & -page);
}

/* ---- what test programs call: mark.h ---- */

void
recorder_mark(void *p, enum mark mark)
{
	struct slot *s;

	if (!p || !enter())
		return;
	lock();
	s = find(p);
	if (s->key)
		s->mark = mark;
	unlock();
	leave();
}

void
recorder_ready(void)
{
	if (!enter())
		return;
	record->ready = 1;
	leave();
}
