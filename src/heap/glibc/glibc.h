/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading glibc's malloc: what its parts share.  Seen by this folder only.
 *
 *	find.c     which arenas there are, and their layout
 *	params.c   mp_: the totals, and where the main arena began
 *	main.c     the main arena's segments     heaps.c   thread arenas' heaps
 *	run.c      chunk after chunk             waves.c   ahead of it, many at once:
 *	resync.c   past damage                   parts.c   several, in turns
 *	chain.c    is this a chunk?
 *	mapped.c   chunks with a mapping of their own
 *	lists.c    fastbins and bins             links.c   their links, ahead
 *	tcache.c   threads' caches, by           shape.c   what they look like
 *	account.c  do the sums agree?            glibc.c   the order of it all
 *	check.c    a closer look for damage
 */
#ifndef HEAP_GLIBC_GLIBC_H
#define HEAP_GLIBC_GLIBC_H

#include "heap/glibc/layouts.h"
#include "heap/map.h"

/* One malloc_state, by address.  Its sums are in heap->arenas, same index. */
struct pt_arena {
	hs_addr address;
	unsigned instance;
	bool main;
	hs_addr top;     /* chunk */
	uint64_t system; /* system_mem, bytes */
	int flags;
	int mutex;
	struct range state;        /* the malloc_state itself */
	size_t first_heap, nheaps; /* thread arenas: in ptmalloc->heaps */
};

/* A heap of a thread arena: one aligned reservation, used up to .size. */
struct pt_heap {
	hs_addr address;
	uint64_t size;
};

/* mp_ of one C library. */
struct pt_params {
	const struct par_layout *layout; /* NULL: not found */
	hs_addr address;
	uint64_t hp_pagesize, n_mmaps, mmapped, sbrk_base, tcache_count;
};

/* How single links are stored; fastbins and tcaches do it the same way. */
enum links {
	LINKS_UNKNOWN, /* none was seen */
	LINKS_PLAIN,
	LINKS_MANGLED, /* XORed with their own address >> 12, since 2.32 */
};

/* One copy of malloc: a C library, or libc_malloc_debug. */
struct pt_instance {
	const struct arena_layout *layout;
	struct pt_params params;
	uint32_t main;        /* index of its main arena */
	unsigned heap_header; /* bytes of heap_info; 0: no thread arena seen */
	uint64_t heap_max;    /* HEAP_MAX_SIZE, bytes */
	const struct tcache_layout *tcache; /* NULL: none seen */
	enum links links;
};

/* A tcache_perthread_struct that was found. */
struct pt_cache {
	hs_addr chunk;
	unsigned instance;
	uint32_t thread; /* number, or 0 */
	const struct tcache_layout *layout;
};

struct vouchers;

struct ptmalloc {
	struct heap *heap;
	const struct space *space;
	const struct image *image;
	const struct crew *crew;
	const struct malloc_abi *abi;
	uint64_t page; /* AT_PAGESZ */
	struct VEC(struct pt_instance) instances;
	struct VEC(struct pt_arena) arenas; /* of each instance the main one first */
	struct VEC(struct pt_heap) heaps;
	struct VEC(struct range) taken; /* by arenas; sorted, not overlapping */
	struct VEC(struct pt_cache) caches;
	struct VEC(hs_addr) tcache_like; /* chunks of a size that a tcache's has, mapped ones too */
	struct vouchers *vouchers; /* made when damage is met first */
	uint64_t searched; /* headers looked at in search of a chunk: see pt_may_search() */
	struct damage unsaid; /* one too many to be recorded */
};

/* Arenas and instances, by shape alone.  False: out of memory or interrupted. */
bool pt_find(struct ptmalloc *pt, struct hs_error *err) MUST_CHECK;

/* mp_ of an instance, near its main arena; .layout stays NULL when none fits. */
void pt_find_params(const struct ptmalloc *pt, struct pt_instance *in);

/* The heaps of thread arenas: filled into pt->heaps. */
void pt_find_heaps(struct ptmalloc *pt);

bool pt_walk_main(struct ptmalloc *pt, uint32_t arena, struct hs_error *err) MUST_CHECK;
/* Those of arenas [from, to), none of them a main one. */
bool pt_walk_heaps(struct ptmalloc *pt, uint32_t from, uint32_t to,
    struct hs_error *err) MUST_CHECK;
bool pt_walk_mapped(struct ptmalloc *pt, struct hs_error *err) MUST_CHECK;

/* From fastbins, if any holds a chunk: how are links stored?  Into instances' .links. */
void pt_try_links(struct ptmalloc *pt);

/* After map_seal(): free lists and caches, which decide what is free. */
void pt_read_tcaches(struct ptmalloc *pt);
bool pt_read_lists(struct ptmalloc *pt, struct hs_error *err) MUST_CHECK;
void pt_account(struct ptmalloc *pt);

enum {
	MAX_FENCES = 48,      /* bytes */
	MAX_SEARCH = 1 << 28, /* headers looked at in search of a chunk, in all */
};

/* What a stretch of chunks may look like. */
struct run {
	struct range range; /* from the first header; no chunk goes past its end */
	hs_addr top;        /* where the last chunk is top; 0: it ends in fences */
	bool main;          /* of a main arena */
	bool topless; /* top is not known: the arena's word for it was overwritten */
	uint32_t arena;
	/* for pt_chain(): a bit a granule, set where chains came that failed; or NULL */
	uint64_t *failed;
	hs_addr failed_from; /* the address that bit 0 stands for */
};

/*
 * Adds the chunks of runs, in this order: each as a span, and what follows its
 * fences too (others' memory in between is .foreign_bytes of the arena).
 * Damage is recorded and skipped.
 */
bool pt_walk_runs(struct ptmalloc *pt, const struct run *runs, size_t n,
    struct hs_error *err) MUST_CHECK;

/* How a chain of chunks from some address ends. */
enum chain {
	CHAIN_BAD,   /* in something that is no chunk */
	CHAIN_TOP,   /* at the top of the arena, or the end of the range */
	CHAIN_FENCE, /* at a pair of fences */
};

/*
 * Follows headers from at and says how the chain ends, and where: at top, at
 * the first fence or at what is no chunk.  A chain that is so long that it is
 * no chance counts as CHAIN_TOP, unless run->failed is there.
 */
enum chain pt_chain(struct ptmalloc *pt, const struct run *run, hs_addr at,
    hs_addr *end);

/*
 * When the arena's word for its top was overwritten with the address of something
 * else in the run: says so, and makes the run one that is topless.
 */
void pt_doubt_top(struct ptmalloc *pt, struct run *run);

/* False when searches for chunks took so long already that they must stop. */
static inline bool
pt_may_search(const struct ptmalloc *pt)
{
	return pt->searched < MAX_SEARCH;
}

/*
 * Past damage: a place in (from, run->range.end) where a chunk starts for
 * sure or most likely; 0 when there is none.  Pointers anywhere in readable
 * memory vouch for starts.
 */
hs_addr pt_resync(struct ptmalloc *pt, const struct run *run, hs_addr from);
void pt_vouchers_free(struct vouchers *v);

/* The size word of the chunk at `at`. */
static inline bool
pt_size_word(const struct ptmalloc *pt, hs_addr at, uint64_t *word)
{
	return space_word(pt->space, at + pt->abi->word, word);
}

/*
 * Record damage: `at` is the wrong word, `chunk` the one before it, or 0.  What
 * is returned may be added to until the next call.
 */
struct damage *pt_damage(struct ptmalloc *pt, enum damage_kind kind, hs_addr at,
    hs_addr chunk, const char *fmt, ...) PRINTF_LIKE(5, 6);

/* The closer look of `check`: see check.c.  *pt is as the walk has left it. */
void pt_check(struct ptmalloc *pt, bool whole, struct damages *to);

/* r belongs to an arena.  False when some of it is another part of the heap already. */
bool pt_take(struct ptmalloc *pt, struct range r) MUST_CHECK;

/* Is a in a range that an arena takes?  *which is that range. */
bool pt_is_taken(const struct ptmalloc *pt, hs_addr a, struct range *which);

/* Where the next range that an arena takes begins, from a on; UINT64_MAX: none. */
hs_addr pt_next_taken(const struct ptmalloc *pt, hs_addr a);

#endif
