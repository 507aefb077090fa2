/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SIGBUS while a mapped file is read.
 *
 * The handler runs in the middle of anything, in any thread, so it takes no
 * lock: the list of watched mappings only ever grows, and its nodes are
 * reused, never freed.  A node whose size is 0 is unused.  Only the file's
 * failure is ours: a SIGBUS anywhere else goes to whoever handled it before.
 */
#include "base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define NEVER UINT64_MAX

struct watch {
	atomic_uintptr_t map;
	atomic_size_t size;
	_Atomic uint64_t failed; /* offset of the first failure, or NEVER */
	struct watch *next;
};

static _Atomic(struct watch *) watches;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all but the handler */
static unsigned guards;
static struct sigaction before; /* what handled SIGBUS until the first guard */
static uintptr_t page_size;

static struct watch *
watch_over(uintptr_t at)
{
	struct watch *w = atomic_load(&watches);

	while (w && at - atomic_load(&w->map) >= atomic_load(&w->size))
		w = w->next;
	return w;
}

/* Zeros instead of the page that cannot be read. */
static bool
cover(struct watch *w, uintptr_t at)
{
	uint64_t never = NEVER;
	uintptr_t page = at & ~(page_size - 1);

	atomic_compare_exchange_strong(&w->failed, &never, at - atomic_load(&w->map));
	return mmap((void *)page, page_size, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
	    != MAP_FAILED;
}

/* Not ours: as if we were not there. */
static void
pass_on(int sig, siginfo_t *info, void *context)
{
	bool sent = info->si_code <= 0; /* by kill(), not by an access */

	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(sig, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(sig);
	} else if (before.sa_handler == SIG_DFL || !sent) {
		signal(sig, SIG_DFL); /* the access fails again, and ends us */
		if (sent)
			raise(sig);
	}
}

static void
on_bus(int sig, siginfo_t *info, void *context)
{
	int was = errno;
	struct watch *w = watch_over((uintptr_t)info->si_addr);

	if (info->si_code <= 0 || !w || !cover(w, (uintptr_t)info->si_addr))
		pass_on(sig, info, context);
	errno = was;
}

void
fault_guard(void)
{
	pthread_mutex_lock(&lock);
	if (guards++ == 0) {
		struct sigaction ours = { .sa_sigaction = on_bus,
			.sa_flags = SA_SIGINFO | SA_ONSTACK };

		page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
		sigemptyset(&ours.sa_mask);
		sigaction(SIGBUS, &ours, &before);
	}
	pthread_mutex_unlock(&lock);
}

void
fault_release(void)
{
	pthread_mutex_lock(&lock);
	if (--guards == 0)
		sigaction(SIGBUS, &before, NULL);
	pthread_mutex_unlock(&lock);
}

static struct watch *
unused(void)
{
	struct watch *w = atomic_load(&watches);

	while (w && atomic_load(&w->size) != 0)
		w = w->next;
	if (w)
		return w;
	w = calloc(1, sizeof *w);
	if (w) {
		w->next = atomic_load(&watches);
		atomic_store(&watches, w);
	}
	return w;
}

bool
fault_watch(const void *map, size_t size)
{
	pthread_mutex_lock(&lock);
	struct watch *w = unused();
	if (w) {
		atomic_store(&w->map, (uintptr_t)map);
		atomic_store(&w->failed, NEVER);
		atomic_store(&w->size, size);
	}
	pthread_mutex_unlock(&lock);
	return w;
}

static struct watch *
watch_of(const void *map)
{
	struct watch *w = atomic_load(&watches);

	while (w
	    && (atomic_load(&w->map) != (uintptr_t)map || atomic_load(&w->size) == 0))
		w = w->next;
	return w;
}

void
fault_unwatch(const void *map)
{
	pthread_mutex_lock(&lock);
	struct watch *w = watch_of(map);
	if (w)
		atomic_store(&w->size, 0);
	pthread_mutex_unlock(&lock);
}

bool
fault_met(const void *map, uint64_t *offset)
{
	pthread_mutex_lock(&lock);
	struct watch *w = watch_of(map);
	uint64_t failed = w ? atomic_load(&w->failed) : NEVER;
	pthread_mutex_unlock(&lock);
	if (failed == NEVER)
		return false;
	*offset = failed;
	return true;
}
