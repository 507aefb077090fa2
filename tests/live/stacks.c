/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * More stacks than threads: a signal handler on its own stack, a coroutine
 * that is suspended, one that a thread runs right now, and the frames that
 * each left behind on the stack where it came from.
 */
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "live/live.h"

enum { STACK = 256 << 10 };

static ucontext_t caller, suspended;
static __thread ucontext_t own, running;

static void *
new_stack(void)
{
	void *p = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void
enter(ucontext_t *back, ucontext_t *to, void (*f)(void))
{
	getcontext(to);
	to->uc_stack.ss_sp = new_stack();
	to->uc_stack.ss_size = STACK;
	to->uc_link = back;
	makecontext(to, f, 0);
	swapcontext(back, to);
}

/* Ends in then() below frames that each hold a block of its own size. */
static NOINLINE void
frames(int depth, size_t size, void (*then)(void))
{
	void *volatile held = reachable(calloc(1, size + depth));

	if (depth > 0)
		frames(depth - 1, size, then);
	else
		then();
	(void)held;
}

static void
go_back(void)
{
	swapcontext(&suspended, &caller);
}

static void
coroutine(void)
{
	frames(12, 1000, go_back);
}

static void
suspend_one(void)
{
	enter(&caller, &suspended, coroutine);
	leaked(calloc(1, 50));
}

static void
arrive_and_wait(void)
{
	arrived();
	wait_forever();
}

static void
busy_coroutine(void)
{
	frames(5, 2000, arrive_and_wait);
}

static void
run_one(void)
{
	enter(&own, &running, busy_coroutine);
}

static void *
run_coroutine(void *unused)
{
	(void)unused;
	frames(5, 3000, run_one); /* its own stack, where its SP is not */
	return NULL;
}

static void
handle(int number)
{
	(void)number;
	frames(5, 4000, ready);
}

static void
interrupt(void)
{
	stack_t stack = { .ss_sp = new_stack(), .ss_size = STACK };
	struct sigaction action = { .sa_handler = handle, .sa_flags = SA_ONSTACK };

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
}

int
main(void)
{
	below(suspend_one);
	with_thread(run_coroutine, NULL);
	frames(5, 5000, interrupt);
}
