/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A .bss that nobody has written to yet.  The kernel leaves it out of a core:
 * it held zeros, so nothing is missing, and a leak is a leak.
 *
 * Variables that are written to must not lie in the same mapping: "common" ones
 * come last, and the others fit on the page where .data ends.
 */
#include "live/live.h"

char blank[1 << 20] __attribute__((common));
void *in_data = &in_data;

static void
hold(void)
{
	in_data = reachable(calloc(1, 100));
	leaked(calloc(1, 50));
}

int
main(void)
{
	below(hold);
	ready();
}
