/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where glibc keeps what, by layout.  A row is chosen by evidence: the one
 * under which arenas, lists and sums agree.  "since" is for people: nothing
 * compares it.  Source of each row: doc/glibc-heap.
 */
#ifndef HEAP_GLIBC_LAYOUTS_H
#define HEAP_GLIBC_LAYOUTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	HEADER = 16, /* prev_size and size */
	MIN_CHUNK = 32,
	NBINS = 128, /* bin 1 is unsorted, 2 to 63 small, 64 to 126 large; 0 is none */
	FLAG_PREV_USED = 1,
	FLAG_MAPPED = 2,
	FLAG_NOT_MAIN = 4,
	FLAGS = 7,
	NONCONTIGUOUS = 2,   /* in malloc_state.flags */
	SMALL_LIMIT = 0x400, /* bytes: chunks below it are small */
	MAX_TCACHE_BINS = 76,
	TCACHE_MIN = 0x250, /* bytes of the chunks that tcache_size_fits() */
	TCACHE_MAX = 0x320,
};

/* struct malloc_state: offsets in bytes. */
struct arena_layout {
	const char *name, *since;
	unsigned fastbins, nfast; /* nfast 0: there are none */
	unsigned top, bins, next, attached, system, max_system, size;
	int max_flags;
	bool mapped_short; /* an mmapped chunk's size leaves out its mapping's last two words */
};

/* struct malloc_par. */
struct par_layout {
	const char *since;
	unsigned hp_pagesize; /* 0: there is none */
	unsigned n_mmaps, n_mmaps_max, max_n_mmaps, no_dyn, mmapped, max_mmapped,
	    sbrk_base;
	unsigned tcache_bins, tcache_count;
};

/* struct tcache_perthread_struct. */
struct tcache_layout {
	const char *name, *since;
	unsigned count_bytes; /* of one count */
	unsigned bins;
	unsigned entries; /* offset of the list heads */
	unsigned chunk;   /* size of its chunk, at least: see tcache_size_fits() */
	bool counts_down; /* counts say how many slots are left */
	bool mangled;     /* links are XORed with their own address >> 12 */
};

/* To add one: a row here, its reason in doc/glibc-heap.  Each ends with a NULL .since. */
extern const struct arena_layout arena_layouts[];
extern const struct par_layout par_layouts[];
extern const struct tcache_layout tcache_layouts[];

/*
 * Could the struct be in a chunk of this size?  One that was too small to be
 * split is 16 bytes longer, and glibc 2.43 pads the request twice at times.
 */
static inline bool
tcache_size_fits(const struct tcache_layout *l, uint64_t size)
{
	return size - l->chunk <= (l->counts_down ? 32 : 16);
}

/* The bin of a free chunk of this size (as if sorted already). */
unsigned bin_index(uint64_t size);

/* The sizes of chunks, bytes, that the bin with this index may hold. */
void bin_sizes(unsigned index, uint64_t *min, uint64_t *max);

/* The bin of a tcache with 76 bins for chunks past the 64 small ones. */
void tcache_bin_sizes(unsigned index, uint64_t *min, uint64_t *max);

#endif
