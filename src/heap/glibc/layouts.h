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
	NBINS = 128, /* bin 1 is unsorted, 2 to 63 small, 64 to 126 large; 0 is none */
	FLAG_PREV_USED = 1,
	FLAG_MAPPED = 2,
	FLAG_NOT_MAIN = 4,
	FLAGS = 7,
	NONCONTIGUOUS = 2, /* in malloc_state.flags */
	MAX_TCACHE_BINS = 76,
};

/* struct malloc_state: offsets in bytes. */
struct arena_layout {
	const char *name, *since;
	unsigned fastbins, nfast; /* nfast 0: there are none */
	unsigned top, bins, next;
	unsigned attached; /* 0: there is none */
	unsigned system, max_system, size;
	int max_flags;
	bool mapped_short; /* an mmapped chunk's size leaves out its mapping's last two words */
};

/* struct malloc_par. */
struct par_layout {
	const char *since;
	unsigned hp_pagesize; /* 0: there is none */
	unsigned n_mmaps, n_mmaps_max, max_n_mmaps, no_dyn, mmapped, max_mmapped,
	    sbrk_base;
	unsigned tcache_bins, tcache_count; /* 0: there are none */
};

/* struct tcache_perthread_struct. */
struct tcache_layout {
	const char *name, *since;
	unsigned word;        /* bytes of a list's head */
	unsigned count_bytes; /* of one count */
	unsigned bins;
	unsigned entries; /* offset of the list heads */
	unsigned chunk;   /* size of its chunk, at least: see tcache_size_fits() */
	bool counts_down; /* counts say how many slots are left */
	bool mangled;     /* links are XORed with their own address >> 12 */
};

/*
 * What follows from the size of a word: numbers in bytes, and rows.  To add a
 * row: there, its reason in doc/glibc-heap.  Each table ends with a NULL .since.
 */
struct malloc_abi {
	unsigned word;
	unsigned header; /* prev_size and size: a block is aligned, its chunk may not be */
	unsigned min_chunk;
	unsigned small_limit; /* chunks below it are small */
	unsigned small_first; /* the bin that chunks of 0 bytes would have, were there any */
	unsigned tcache_min, tcache_max; /* the chunks that tcache_size_fits() */
	uint64_t heap_max;               /* HEAP_MAX_SIZE */
	unsigned heap_headers[2]; /* sizes of heap_info, the newest first; 0: no more */
	const struct arena_layout *arenas;
	const struct par_layout *params;
	const struct tcache_layout *tcaches;
};

extern const struct malloc_abi malloc_abi_64, malloc_abi_32;

/*
 * Could the struct be in a chunk of this size?  One that was too small to be
 * split is 16 bytes longer, and glibc 2.43 pads the request twice at times.
 */
static inline bool
tcache_size_fits(const struct tcache_layout *l, uint64_t size)
{
	return size - l->chunk <= (l->counts_down ? 32 : 16);
}

/* The first address from a on at which a chunk may start: its block is aligned to 16. */
static inline uint64_t
abi_chunk_from(const struct malloc_abi *abi, uint64_t a)
{
	return ((a + abi->header + 15) & ~UINT64_C(15)) - abi->header;
}

/* Bytes of malloc_par, as far as we read it. */
static inline unsigned
par_layout_size(const struct par_layout *l, unsigned word)
{
	return (l->tcache_count ? l->tcache_count : l->sbrk_base) + word;
}

/* The bin of a free chunk of this size (as if sorted already). */
unsigned bin_index(const struct malloc_abi *abi, uint64_t size);

/* The sizes of chunks, bytes, that the bin with this index may hold. */
void bin_sizes(const struct malloc_abi *abi, unsigned index, uint64_t *min,
    uint64_t *max);

/* The bin of a tcache with 76 bins for chunks past the 64 small ones. */
void tcache_bin_sizes(const struct malloc_abi *abi, unsigned index, uint64_t *min,
    uint64_t *max);

#endif
