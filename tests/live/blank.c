/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A .bss that nobody has written to yet, and a signal stack that was never used.
 * The kernel leaves both out of a core: they held zeros, so nothing is missing,
 * and a leak is a leak.
 *
 * Variables that are written to must not lie in the same mapping: "common" ones
 * come last, and the others fit on the page where .data ends.
 */
#include <signal.h>
#include <sys/mman.h>

#include "live/live.h"

char blank[1 << 20] __attribute__((common));
void *in_data = &in_data;

static void
hold(void)
{
	stack_t stack = { .ss_size = 1 << 16 };

	stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaltstack(&stack, NULL);
	in_data = reachable(calloc(1, 100));
	leaked(calloc(1, 50));
}

int
main(void)
{
	below(hold);
	ready();
}
