/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs: threads take the next number until there is none, the caller's too. */
#include "base/crew.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

enum { THREADS_MOST = 256 };

struct work {
	crew_job *job;
	void *arg;
	size_t n;
	atomic_size_t next, done;
	atomic_bool stop, failed;
};

/* Takes one job; false when there is none to take. */
static bool
take_job(struct work *w)
{
	size_t i;

	if (atomic_load_explicit(&w->stop, memory_order_relaxed)
	    || (i = atomic_fetch_add(&w->next, 1)) >= w->n)
		return false;
	if (!w->job(w->arg, i)) {
		atomic_store(&w->failed, true);
		atomic_store(&w->stop, true);
	}
	atomic_fetch_add(&w->done, 1);
	return true;
}

static void *
help(void *arg)
{
	while (take_job(arg))
		;
	return NULL;
}

/* Signals are the caller's thread's: its handlers, and its call-backs, expect that. */
static unsigned
start(pthread_t *threads, unsigned n, struct work *w)
{
	sigset_t all, before;
	unsigned started = 0;

	sigfillset(&all);
	sigdelset(&all, SIGBUS); /* base/fault.h */
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	while (started < n && pthread_create(&threads[started], NULL, help, w) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

/* Bytes are told when there are any. */
static bool
tell(const struct crew *crew, const char *stage, uint64_t bytes, size_t done,
    size_t n, struct hs_error *err)
{
	double part = n ? (double)done / (double)n : 1;

	return bytes ? progress_bytes(crew->progress, stage,
		   (uint64_t)(part * (double)bytes), bytes, err)
		     : progress_on(crew->progress, stage, done, n, err);
}

bool
crew_read(const struct crew *crew, const char *stage, uint64_t bytes, size_t n,
    crew_job *job, void *arg, struct hs_error *err)
{
	struct work w = { .job = job, .arg = arg, .n = n };
	pthread_t threads[THREADS_MOST];
	size_t wanted = crew->threads < n ? crew->threads : n;
	unsigned started = 0;
	bool go_on = true;

	if (wanted > THREADS_MOST)
		wanted = THREADS_MOST;
	if (wanted > 1)
		started = start(threads, (unsigned)wanted - 1, &w);
	do
		go_on = tell(crew, stage, bytes, atomic_load(&w.done), n, err);
	while (go_on && take_job(&w));
	if (!go_on)
		atomic_store(&w.stop, true);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (go_on && atomic_load(&w.failed))
		return fail_nomem(err);
	return go_on;
}

bool
crew_run(const struct crew *crew, const char *stage, size_t n, crew_job *job,
    void *arg, struct hs_error *err)
{
	return crew_read(crew, stage, 0, n, job, arg, err);
}

/* The kernel refuses to fill a set that is smaller than its own. */
unsigned
crew_cpus(void)
{
	int n = 0;

	for (unsigned most = 1 << 10; n == 0 && most <= 1 << 20; most <<= 2) {
		size_t size = CPU_ALLOC_SIZE(most);
		cpu_set_t *set = CPU_ALLOC(most);

		if (set && sched_getaffinity(0, size, set) == 0)
			n = CPU_COUNT_S(size, set);
		CPU_FREE(set);
	}
	return n > 0 ? (unsigned)n : 1;
}
