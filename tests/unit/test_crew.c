/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Work that is cut into jobs: done once each, whoever does it. */
#include "base/crew.h"
#include "base/fault.h"
#include "unit/check.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum { JOBS = 1000 };

/* How often each job ran, and what the call-back heard. */
struct trial {
	unsigned char ran[JOBS];
	atomic_size_t total;
	size_t failing;    /* this job fails; JOBS: none */
	unsigned calls;    /* of the call-back */
	unsigned go_on;    /* it says no from this call on; 0: never */
	pthread_t caller;  /* of crew_run() */
	bool from_outside; /* the call-back was called by another thread */
	int percent;       /* that it heard last */
	uint64_t done, all;
};

static bool
run_job(void *arg, size_t i)
{
	struct trial *t = arg;

	t->ran[i]++;
	atomic_fetch_add(&t->total, 1);
	return i != t->failing;
}

static bool
hear(void *arg, const struct hs_progress *p)
{
	struct trial *t = arg;

	t->from_outside |= !pthread_equal(pthread_self(), t->caller);
	CHECK(strcmp(p->stage, "trial") == 0 && p->percent >= t->percent);
	t->percent = p->percent;
	t->done = p->done;
	t->all = p->all;
	return ++t->calls != t->go_on;
}

/* n jobs, which read so many bytes.  Empties *t but for its wishes. */
static bool
try(struct trial *t, unsigned threads, size_t n, uint64_t bytes, struct hs_error *err)
{
	struct progress progress = { hear, t };
	struct crew crew = { .threads = threads, .progress = &progress };

	*t = (struct trial) {
		.failing = t->failing,
		.go_on = t->go_on,
		.caller = pthread_self(),
	};
	return crew_read(&crew, "trial", bytes, n, run_job, t, err);
}

static bool
ran_once(const struct trial *t, size_t n)
{
	for (size_t i = 0; i < JOBS; i++)
		if (t->ran[i] != (i < n))
			return false;
	return t->total == n;
}

static void
every_job_runs_once_however_many_threads_there_are(void)
{
	static const unsigned threads[] = { 0, 1, 2, 7, 100000 };
	static const size_t jobs[] = { 0, 1, 3, JOBS };
	struct trial t = { .failing = JOBS };
	struct hs_error err;

	for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
		for (size_t k = 0; k < sizeof jobs / sizeof *jobs; k++) {
			CHECK(try(&t, threads[i], jobs[k], 0, &err));
			CHECK(ran_once(&t, jobs[k]));
			CHECK(!t.from_outside && t.calls > 0);
		}
}

static void
one_thread_asks_before_each_job(void)
{
	struct trial t = { .failing = JOBS };
	struct hs_error err;

	CHECK(try(&t, 1, 10, 0, &err));
	CHECK(t.calls == 11 && t.percent == 100 && t.done == 0 && t.all == 0);
	t.go_on = 6;
	CHECK(!try(&t, 1, 10, 0, &err));
	CHECK(t.total == 5 && t.percent == 50);
}

static void
jobs_that_read_tell_how_many_bytes(void)
{
	struct trial t = { .failing = JOBS, .go_on = 6 };
	struct hs_error err;

	CHECK(!try(&t, 1, 10, 1ull << 40, &err));
	CHECK(t.percent == 50 && t.done == 1ull << 39 && t.all == 1ull << 40);
}

static void
after_a_failure_no_job_is_begun(void)
{
	struct trial t = { .failing = 5 };
	struct hs_error err;

	CHECK(!try(&t, 1, JOBS, 0, &err));
	CHECK(err.status == HS_FAILED && strstr(err.text, "memory"));
	CHECK(t.total == 6);
	for (unsigned threads = 2; threads <= 7; threads += 5) {
		CHECK(!try(&t, threads, JOBS, 0, &err));
		CHECK(err.status == HS_FAILED && strstr(err.text, "memory"));
	}
}

/* Nobody works any more when crew_run() returns. */
static void
whoever_wants_to_stop_is_heard(void)
{
	struct trial t = { .failing = JOBS, .go_on = 1 };
	struct hs_error err;

	for (unsigned threads = 1; threads <= 7; threads += 3) {
		CHECK(!try(&t, threads, JOBS, 0, &err));
		CHECK(err.status == HS_INTERRUPTED && t.calls == 1);
		size_t total = t.total;
		sched_yield();
		CHECK(t.total == total);
	}
	CHECK(!try(&t, 1, JOBS, 0, &err) && t.total == 0);
}

/* Jobs that take a while, of which the first one to be called fails. */
struct slow {
	atomic_size_t begun, ended;
	bool fails;
};

static bool
run_slowly(void *arg, size_t i UNUSED)
{
	struct slow *s = arg;
	bool first = atomic_fetch_add(&s->begun, 1) == 0;

	usleep(first ? 0 : 2000);
	atomic_fetch_add(&s->ended, 1);
	return !first || !s->fails;
}

static bool
refuse(void *arg, const struct hs_progress *p UNUSED)
{
	while (atomic_load(&((struct slow *)arg)->begun) < 2)
		sched_yield();
	return false;
}

static void
what_was_begun_ends_and_nothing_else_is_begun(void)
{
	struct slow s = { .fails = true };
	struct progress silent = { 0 }, refusing = { refuse, &s };
	struct crew crew = { .threads = 3, .progress = &silent };
	struct hs_error err;

	CHECK(!crew_run(&crew, "trial", JOBS, run_slowly, &s, &err));
	CHECK(s.begun == s.ended && s.begun < JOBS);
	s = (struct slow) { .fails = false };
	crew.progress = &refusing; /* when another is in the middle of a job */
	CHECK(!crew_run(&crew, "trial", JOBS, run_slowly, &s, &err));
	CHECK(err.status == HS_INTERRUPTED && s.begun == s.ended && s.begun < JOBS);
}

static void
threads_that_cannot_be_started_are_done_without(void)
{
	struct trial t = { .failing = JOBS };
	struct hs_error err;
	pthread_attr_t usual, huge;

	CHECK(pthread_getattr_default_np(&usual) == 0);
	CHECK(pthread_getattr_default_np(&huge) == 0);
	CHECK(pthread_attr_setstacksize(&huge, (size_t)1 << 62) == 0);
	CHECK(pthread_setattr_default_np(&huge) == 0);
	CHECK(try(&t, 7, JOBS, 0, &err));
	CHECK(ran_once(&t, JOBS) && t.calls == JOBS + 1);
	CHECK(pthread_setattr_default_np(&usual) == 0);
}

/* ---- Two threads, each in a job of its own */

struct pair {
	pthread_barrier_t both;
	pthread_t caller;
	const volatile char *map; /* of a file that is empty by now */
	size_t page;
	char seen[2];
	bool deaf[2], hears_faults[2];
};

static bool
run_half(void *arg, size_t i)
{
	struct pair *p = arg;
	bool own = pthread_equal(pthread_self(), p->caller);
	sigset_t mask;

	pthread_barrier_wait(&p->both);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	p->deaf[own] = sigismember(&mask, SIGINT);
	p->hears_faults[own] =
	    !sigismember(&mask, SIGBUS) && !sigismember(&mask, SIGSEGV);
	if (p->map)
		p->seen[i] = p->map[i * p->page];
	return true;
}

static bool
run_pair(struct pair *p)
{
	struct progress silent = { 0 };
	struct crew crew = { .threads = 2, .progress = &silent };
	struct hs_error err;

	p->caller = pthread_self();
	pthread_barrier_init(&p->both, NULL, 2);
	bool ok = crew_run(&crew, "pair", 2, run_half, p, &err);
	pthread_barrier_destroy(&p->both);
	return ok;
}

static void
signals_are_for_the_thread_that_called(void)
{
	struct pair p = { .page = 0 };
	sigset_t after;

	CHECK(run_pair(&p));
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	CHECK(!sigismember(&after, SIGINT));
	CHECK(!p.deaf[true] && p.hears_faults[true]);
	CHECK(p.deaf[false] && p.hears_faults[false]);
}

static void
file_that_shrinks_is_noticed_by_every_thread(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("shrinks", MFD_CLOEXEC);
	uint64_t offset = 1;

	CHECK(fd >= 0 && ftruncate(fd, (off_t)(2 * page)) == 0);
	char *map = mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE, fd, 0);
	struct pair p = { .map = map, .page = page, .seen = "xx" };
	CHECK(fault_watch(map, 2 * page));
	CHECK(ftruncate(fd, 0) == 0);
	fault_guard();
	CHECK(run_pair(&p));
	fault_release();
	CHECK(p.seen[0] == 0 && p.seen[1] == 0);
	CHECK(fault_met(map, &offset) && offset % page == 0);
	fault_unwatch(map);
	munmap(map, 2 * page);
	close(fd);
}

static void
cpus_are_those_that_may_be_used(void)
{
	cpu_set_t all, one;

	CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
	CHECK(crew_cpus() == (unsigned)CPU_COUNT(&all));
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
	CHECK(crew_cpus() == 1);
	CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
}

TESTS(every_job_runs_once_however_many_threads_there_are,
    one_thread_asks_before_each_job, jobs_that_read_tell_how_many_bytes,
    after_a_failure_no_job_is_begun, whoever_wants_to_stop_is_heard,
    what_was_begun_ends_and_nothing_else_is_begun,
    threads_that_cannot_be_started_are_done_without,
    signals_are_for_the_thread_that_called,
    file_that_shrinks_is_noticed_by_every_thread, cpus_are_those_that_may_be_used)
