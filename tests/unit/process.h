/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A process made by hand, for tests of what looks at memory and threads: maps
 * some memory, puts words into it, adds threads, loads the image.
 *
 *	scoped(process_fini) struct process p = process_new();
 *
 *	process_map(&p, 0x7000, 0x1000, PF_R | PF_W);
 *	process_put(&p, 0x7008, 42);
 *	process_thread(&p, 0x7f00, 0x7f80);
 *	CHECK(process_load(&p));
 */
#ifndef UNIT_PROCESS_H
#define UNIT_PROCESS_H

#include "image/image.h"

struct process {
	struct core core;
	struct space space;
	struct image image;
	struct lookup how;
};

struct process process_new(void);
void process_fini(struct process *p);

/* Anonymous memory, zero.  Returns its bytes. */
unsigned char *process_map(struct process *p, hs_addr start, uint64_t size,
    unsigned flags);

/* The same, of a file from its first byte on; path must outlive p. */
unsigned char *process_map_file(struct process *p, hs_addr start, uint64_t size,
    unsigned flags, const char *path, uint64_t offset);

/* Memory whose contents are missing. */
void process_map_missing(struct process *p, hs_addr start, uint64_t size,
    unsigned flags);

/* What is mapped must be mapped before this. */
void process_put(struct process *p, hs_addr a, uint64_t word);
void process_auxv(struct process *p, uint64_t type, uint64_t value);

/* The first one is the first thread of the process. */
void process_thread(struct process *p, hs_addr sp, hs_addr tp);

/* Writes a descriptor as glibc's at tp, with its stack; 0, 0 for the first thread. */
void process_descriptor(struct process *p, hs_addr tp, hs_addr stack, uint64_t size);

/* Builds p->image; call it once. */
bool process_load(struct process *p);

#endif
