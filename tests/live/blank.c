/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that nobody has written to yet.  The kernel leaves it out of a core:
 * it held zeros, so nothing is missing, and a leak is a leak.
 */
#include "live/live.h"

char blank[1 << 20] __attribute__((aligned(1 << 16)));
void *in_bss;

static void
hold(void)
{
	in_bss = reachable(calloc(1, 100));
	leaked(calloc(1, 50));
}

int
main(void)
{
	below(hold);
	ready();
}
