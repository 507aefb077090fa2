/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A process that writes its own core, as the kernel would.
 *
 *	dump_prepare(2);
 *	... one thread more, which ends in dump_park() ...
 *	dump_core(fd);
 */
#ifndef BENCH_DUMP_H
#define BENCH_DUMP_H

#include <stdbool.h>

/*
 * To be called before any other thread exists; so many there will be, the calling one
 * included.  False, with errno set, when there is no memory.
 */
bool dump_prepare(unsigned threads);

/* The calling thread is in the core as it stands here, and waits forever. */
_Noreturn void dump_park(void);

/*
 * Waits for the others to be parked; the calling thread is the core's first one.  fd is
 * an empty file.  False, with errno set, when the core cannot be written.
 */
bool dump_core(int fd);

#endif
