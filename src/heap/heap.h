/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The heap map: every chunk that an allocator manages, what became of it, and
 * whether the sums agree with what the allocator itself recorded.
 *
 * A span is a contiguous range of addresses that one arena manages (or that
 * one mmapped chunk takes).  Chunks tile a span, each from its header to the
 * next header, so a bitmap of starts says where each begins and how long it
 * is.  A cell is that bitmap for 64 granules, with the number of its first
 * chunk beside it: one look at one cell turns an address into a chunk.
 *
 *	cell      start  rank           chunk number = rank + starts before it
 *	1 KiB     64 b   of its first
 *
 * Numbers are dense, 0 to heap->nchunks - 1, so that other stages keep what
 * they know of a chunk in plain arrays.  A number has 64 bits; arrays of them
 * are narrow as long as the heap is small enough for it, which heap_suffices()
 * tells.  Ranks have 32 bits and count from a base that many cells share.
 *
 * A block is a chunk as the program sees it: the address malloc() returned and
 * the bytes it may use.
 */
#ifndef HEAP_HEAP_H
#define HEAP_HEAP_H

#include "base/crew.h"
#include "image/image.h"

enum { GRANULE = 16, CELL_BYTES = 64 * GRANULE };

/* What became of a chunk.  The order is that of the report. */
enum state {
	STATE_USED,     /* the program holds it: a block */
	STATE_TCACHE,   /* free: in a thread's cache */
	STATE_FAST,     /* free: in a fastbin */
	STATE_UNSORTED, /* free: in the unsorted bin */
	STATE_SMALL,    /* free: in a small bin */
	STATE_LARGE,    /* free: in a large bin */
	STATE_POOL,     /* free: in a pool of pymalloc's */
	STATE_LOOSE,    /* free by its flags, in no bin: being moved, or damaged */
	STATE_TOP,      /* the rest of an arena, never handed out */
	STATE_FENCE,    /* closes a span: headers only */
	STATE_INTERNAL, /* the allocator's own: tcache_perthread_struct, headers of pools */
	STATE_COUNT,
};

/* "in-use", "tcache", ...: for reports. */
extern const char *const state_name[STATE_COUNT];

static inline bool
state_is_free(enum state s)
{
	return s >= STATE_TCACHE && s <= STATE_LOOSE;
}

struct cell {
	uint64_t start; /* bit i: a chunk starts at granule i */
	uint32_t rank; /* of the first chunk that starts here or later: cell_first() */
	union {
		/* Without a start: cells from here back to the last one with some. */
		uint32_t back;
		/* Else bit i: the i-th chunk that starts here is STATE_USED.  For the first 32. */
		uint32_t used;
	};
};

struct span {
	struct range range; /* from the first chunk's header, granule 0, to past the last */
	size_t cell;    /* its first cell in heap->cells */
	uint64_t first; /* its first chunk's number */
	uint64_t count; /* its chunks */
	uint32_t arena; /* index in heap->arenas */
	uint8_t header; /* bytes from a chunk's start to what malloc() returned */
	int8_t tail; /* bytes from a chunk's end to its block's: a word for glibc's */
	bool inside; /* a pointer anywhere into a block is as good as one to its start */
	bool mapped;    /* one mmapped chunk, in a single cell with bit 0 set */
	uint64_t front; /* mapped: bytes of the mapping before the chunk */
};

struct tally {
	uint64_t count, bytes; /* bytes of whole chunks, headers included */
};

/* Up to glibc 2.22 an arena does not know. */
#define ATTACHED_UNKNOWN UINT32_MAX

struct arena {
	const char *owner; /* "pymalloc", or NULL: malloc's own */
	hs_addr address;   /* of its malloc_state or table; 0: the mmapped chunks */
	unsigned instance; /* which C library it belongs to, from 0 */
	bool main, contiguous;
	bool locked;    /* a thread was inside it */
	unsigned heaps; /* thread arenas: how many heap_infos; pymalloc: its arenas */
	unsigned attached;     /* threads that use it, or ATTACHED_UNKNOWN */
	uint64_t system_bytes; /* what the allocator says it took from the system */
	uint64_t max_system_bytes;
	uint64_t found_bytes; /* what we found of it: the sum to be compared */
	uint64_t overhead_bytes; /* of found_bytes: headers of heaps and arenas, alignment */
	uint64_t foreign_bytes; /* of found_bytes: others' sbrk() memory in between */
	uint64_t lost_bytes;    /* of found_bytes: skipped over because of damage */
	struct tally tally[STATE_COUNT];
};

/* One free list. */
struct bin {
	enum state kind; /* STATE_TCACHE to STATE_POOL */
	uint32_t arena;  /* index; for a tcache UINT32_MAX */
	uint32_t thread; /* tcache: the thread's number, 0 if it is gone or unknown */
	unsigned index;                /* as the allocator counts them */
	uint64_t chunk_min, chunk_max; /* sizes of chunks it may hold, bytes */
	struct tally tally;
};

enum damage_kind {
	DAMAGE_MISSING, /* none, perhaps: memory is not in the core */
	DAMAGE_SIZE,    /* a chunk's size field */
	DAMAGE_FLAGS, /* flags in a size field that do not agree with its neighbour's state */
	DAMAGE_PREV_SIZE, /* the size of the free chunk before, as its neighbour keeps it */
	DAMAGE_TOP,     /* the size of an arena's top */
	DAMAGE_LINK,    /* of a free list */
	DAMAGE_TWICE,   /* a chunk on a list twice, or on two: freed twice */
	DAMAGE_KEY,     /* the mark that malloc leaves in what a tcache holds */
	DAMAGE_COUNTER, /* how many chunks a tcache's list is said to hold */
	DAMAGE_ARENA,   /* a field of a malloc_state, or of malloc's totals */
	DAMAGE_HEAP, /* a heap_info, or memory of an arena that is not as it should be */
	DAMAGE_KINDS,
};

/* "size", "link", ...: for reports. */
extern const char *const damage_name[DAMAGE_KINDS];

/* Something in the heap that makes no sense. */
struct damage {
	enum damage_kind kind;
	hs_addr at; /* the word that is wrong */
	hs_addr chunk; /* the chunk before it, the likely culprit of an overflow; or 0 */
	hs_addr resumed; /* where the walk found the next good chunk; 0: it did not stray */
	uint64_t skipped; /* bytes on the way there that belong to no chunk */
	char text[160];   /* one line; it quotes no contents of memory */
};
struct damages VEC(struct damage);

enum accounting {
	ACCOUNT_EXACT,
	ACCOUNT_KNOWN_DRIFT, /* glibc 2.43+ counts two words too many a mremap */
	ACCOUNT_IN_FLIGHT,   /* an arena is locked, and off by one */
	ACCOUNT_INEXACT,
};

extern const char *const accounting_name[];

/* Spans close together, with a table from address to span: see heap/map.c. */
struct zone {
	struct range range;
	unsigned shift; /* bytes of a bucket, as a power of two */
	uint32_t *first; /* of each bucket: the first span that ends after its start */
};

struct heap {
	const struct space *space;
	bool short_words;      /* of 4 bytes, not 8 */
	const char *allocator; /* "glibc", or NULL: none that we can read */
	const char *inner; /* one that carves blocks out of its own memory beside it, or NULL */
	const char *other; /* another one that is loaded and cannot be read, or NULL */
	char layout[96]; /* which layout the evidence speaks for */
	char inner_layout[96];
	struct VEC(struct span) spans;  /* sorted by address */
	struct VEC(uint32_t) by_number; /* indices of spans, by .first */
	struct VEC(struct cell) cells;
	struct VEC(unsigned char) states; /* of each chunk, by number */
	uint64_t nchunks;
	/* Chunks for which narrow numbers are taken; 0: as many as they have bits for. */
	uint64_t narrow;
	uint64_t *bases; /* of 2^base_cells cells each: what ranks count from.  NULL: 0 */
	unsigned base_cells;
	struct VEC(struct arena) arenas; /* each C library's main one first; then its mmapped
					  * chunks; then others' */
	struct VEC(struct bin) bins; /* lists that are not empty */
	struct damages damages;      /* sorted by address */
	struct VEC(struct range) owned; /* all that is malloc's: no roots.  Sorted, merged */
	struct VEC(struct range) skipped; /* in spans' way, not understood: may hold pointers */
	struct tally used;                /* blocks; bytes are usable ones */
	uint64_t mapped_count, mapped_bytes; /* what mp_ says of mmapped chunks */
	enum accounting accounting;
	hs_addr disagreement; /* where accounting is off first, or 0 */
	char disagreement_text[200];
	struct VEC(struct zone) zones; /* for look-ups: heap/map.c */
	struct range bounds;           /* from the first zone to past the last */
	const struct allocator *by; /* who made this, and what it keeps for heap_check() */
	void *kept;
};

#define HEAP_EMPTY ((struct heap) { .space = NULL })

/* Bytes of a word of the program. */
static inline unsigned
heap_word(const struct heap *heap)
{
	return heap->short_words ? 4 : 8;
}

/* A block, or a chunk that is none. */
struct block {
	hs_addr address; /* what malloc() returned */
	uint64_t size;   /* bytes the program may use */
	uint64_t number;
	enum state state;
	const struct span *span;
};

enum { NUMBER_BITS = 36 }; /* a heap with more chunks is refused */

/* Do numbers of so many bits suffice to tell n things in this heap apart? */
static inline bool
heap_suffices(const struct heap *h, unsigned bits, uint64_t n)
{
	return n <= (h->narrow ? h->narrow : UINT64_C(1) << bits);
}

/* The number of the first chunk that starts in this cell or later. */
static inline uint64_t
cell_first(const struct heap *h, const struct cell *c)
{
	return c->rank
	    + (h->bases ? h->bases[(size_t)(c - h->cells.at) >> h->base_cells] : 0);
}

/*
 * Finds the allocator and walks all it manages.  A process without a heap
 * that we know gives an empty heap, not a failure; damage is recorded.
 * *space and *image must outlive *heap.
 */
bool heap_walk(struct heap *heap, const struct space *space, const struct image *image,
    const struct crew *crew, struct hs_error *err) MUST_CHECK;

void heap_fini(struct heap *heap);

/*
 * A closer look: adds to *to, sorted by address, heap->damages and all else that
 * is wrong but no hindrance to the walk: neighbours, lists, caches and sums that
 * do not agree.  DAMAGE_MISSING is left out.  *heap stays as it is.
 * whole: no memory is missing that may be malloc's, so totals must agree.
 */
bool heap_check(struct heap *heap, bool whole, struct damages *to,
    struct hs_error *err) MUST_CHECK;

/* What may be wrong with *heap, in one line, or NULL: for assertions and tests. */
const char *heap_invalid(const struct heap *heap);

/* All chunks in order of address: start with a zeroed *at (span NULL). */
bool heap_next(const struct heap *heap, struct block *at);

/* The chunk with this number. */
struct block heap_block(const struct heap *heap, uint64_t number);

/* The same, faster where numbers rise.  before: one found before, or zeroed. */
struct block heap_block_after(const struct heap *heap, const struct block *before,
    uint64_t number);

/* How a pointer meets a block. */
enum meet {
	MEET_NONE,     /* no block in use */
	MEET_START,    /* what malloc() returned; or as good, if the span says so */
	MEET_INTERIOR, /* past its start, before its end */
	MEET_END, /* its last usable word, where the next chunk's header is; or just past it */
};

/* Which block in use does a meet, and how?  *number is set unless MEET_NONE. */
enum meet heap_meet(const struct heap *heap, hs_addr a, uint64_t *number);

/*
 * The same for many addresses, faster than one by one.  The first n of a[] are
 * given; heap_expect() asks memory for what their look-ups will want, and
 * heap_meet_all() fills meet[] and number[]: better a while later.
 */
enum { HEAP_BATCH = 64 };
struct heap_batch {
	unsigned n;
	hs_addr a[HEAP_BATCH];
	const struct span *span[HEAP_BATCH]; /* NULL: in none */
	const struct cell *cell[HEAP_BATCH]; /* of a block that starts there */
	enum meet meet[HEAP_BATCH];
	uint64_t number[HEAP_BATCH];
};
void heap_expect(const struct heap *heap, struct heap_batch *batch);
void heap_meet_all(const struct heap *heap, struct heap_batch *batch);

/* The chunk of any state whose header or bytes are at a.  False when a is in no span. */
bool heap_chunk_at(const struct heap *heap, hs_addr a, struct block *chunk);

#endif
