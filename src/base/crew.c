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

bool
crew_run(const struct crew *crew, const char *stage, size_t n, crew_job *job,
    void *arg, struct hs_error *err)
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
		go_on =
		    progress_on(crew->progress, stage, atomic_load(&w.done), n, err);
	while (go_on && take_job(&w));
	if (!go_on)
		atomic_store(&w.stop, true);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (go_on && atomic_load(&w.failed))
		return fail_nomem(err);
	return go_on;
}

unsigned
crew_cpus(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return 1;
	n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}
