/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding glibc's arenas, without symbols.
 *
 * malloc_state holds 127 bins, and an empty bin is two words that both hold
 * the address 16 bytes below themselves: a mark that next to nothing else in
 * memory leaves, repeated some dozen times at a stride of 16.  That says where
 * the bins are but not which of them we see, nor the layout around them.  So
 * every layout and every bin number is tried, and the ring decides: arenas
 * are linked in a circle, and only the right guess leads through arenas that
 * look like arenas back to where it began.
 *
 * A ring without a thread heap in front is a main arena's: a C library, and
 * there may be several (dlmopen, libc_malloc_debug).
 *
 * What can fool it: freed memory that held an arena once, which no ring leads
 * back to; damage in one arena, which is why a few odd bins are forgiven, and
 * why an arena with all bins right is taken though its ring be broken.
 *
 * Up to glibc 2.41 a process that never called malloc has bins of zeros: it is
 * not found, and nothing is missed.
 */
#include "heap/glibc/glibc.h"

enum {
	MAX_RING = 1 << 20, /* more arenas than that are a damaged ring */
	MIN_EMPTY = 8,      /* empty bins that a candidate must show */
	MAX_ODD = 6, /* bins that damage, or a thread inside malloc, may have spoilt */
	SMALL_PIECE = 8 << 20, /* bytes: larger anonymous ones are looked at only if need be */
	MAX_TRIES = 1 << 16, /* hits that lead nowhere: memory made to look like bins */
};

struct ring {
	struct VEC(hs_addr) arenas;
	bool closed;
	struct VEC(struct range) known; /* arenas of rings that were found, sorted */
	unsigned tries;
};

static bool
word(const struct ptmalloc *pt, hs_addr a, uint64_t *w)
{
	return space_word(pt->space, a, w);
}

/* Does bin i of the arena whose bins are at `bins` hang together? 1: empty, 2: a list, 0: no. */
static int
bin_kind(const struct ptmalloc *pt, hs_addr bins, unsigned i)
{
	hs_addr head = bins + 16 * (i - 1) - HEADER;
	uint64_t fd, bk, there;

	if (!word(pt, head + HEADER, &fd) || !word(pt, head + HEADER + 8, &bk))
		return 0;
	if (fd == head && bk == head)
		return 1;
	return word(pt, fd + 24, &there) && there == head
		&& word(pt, bk + 16, &there) && there == head
	    ? 2
	    : 0;
}

/* How many bins of the arena are wrong; NBINS when it is no arena under this layout. */
static unsigned
odd_bins(const struct ptmalloc *pt, const struct arena_layout *l, hs_addr arena)
{
	uint64_t head, top, next, system, max;
	unsigned odd = 0, empty = 0;

	if (!word(pt, arena, &head) || !word(pt, arena + l->top, &top)
	    || !word(pt, arena + l->next, &next)
	    || !word(pt, arena + l->system, &system)
	    || !word(pt, arena + l->max_system, &max))
		return NBINS;
	if ((uint32_t)head > 2 || head >> 32 > (uint64_t)l->max_flags || max < system
	    || (top % 16 != 0 && top != arena + l->bins - HEADER) || next % 16 != 0
	    || !space_at(pt->space, top) || !space_at(pt->space, next))
		return NBINS;
	for (unsigned i = 1; i < NBINS; i++) {
		int kind = bin_kind(pt, arena + l->bins, i);

		empty += kind == 1;
		odd += kind == 0;
	}
	return empty >= MIN_EMPTY ? odd : NBINS;
}

/* Follow `next` from an arena; closed when that comes back to it. */
static void
follow_ring(const struct ptmalloc *pt, const struct arena_layout *l, hs_addr first,
    struct ring *ring)
{
	hs_addr a = first;

	ring->arenas.n = 0;
	ring->closed = false;
	while (ring->arenas.n < MAX_RING && odd_bins(pt, l, a) <= MAX_ODD) {
		vec_push(&ring->arenas, a);
		if (!word(pt, a + l->next, &a))
			break;
		ring->closed = a == first;
		if (ring->closed)
			break;
	}
	if (!ring->closed && ring->arenas.n > 1)
		ring->arenas.n = 1; /* it went astray: believe the one that we saw */
}

/* The size of the heap_info in front of a thread arena; 0: there is none. */
static unsigned
heap_header(const struct ptmalloc *pt, hs_addr arena)
{
	static const unsigned sizes[] = { 0x30, 0x20 }; /* since 2.35; before */
	uint64_t owner;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		if ((arena - sizes[i]) % 4096 == 0
		    && word(pt, arena - sizes[i], &owner) && owner == arena)
			return sizes[i];
	return 0;
}

static void
add_arena(struct ptmalloc *pt, const struct arena_layout *l, hs_addr a, unsigned instance)
{
	uint64_t head = 0, top = 0, system = 0, max = 0, attached = 0;
	bool main = heap_header(pt, a) == 0;

	(void)(word(pt, a, &head) && word(pt, a + l->top, &top)
	    && word(pt, a + l->system, &system) && word(pt, a + l->max_system, &max)
	    && word(pt, a + l->attached, &attached));
	vec_push(&pt->arenas,
	    (struct pt_arena) {
		.address = a,
		.instance = instance,
		.main = main,
		.top = top,
		.system = system,
		.flags = (int)(head >> 32),
		.mutex = (int)(uint32_t)head,
		.state = { a, a + l->size },
	    });
	vec_push(&pt->heap->arenas,
	    (struct arena) {
		.address = a,
		.instance = instance,
		.main = main,
		.contiguous = main && !(head >> 32 & NONCONTIGUOUS),
		.locked = (uint32_t)head != 0,
		.attached = (unsigned)attached,
		.system_bytes = system,
		.max_system_bytes = max,
	    });
}

static int
range_cmp(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int
range_holds_cmp(const void *key, const void *range)
{
	hs_addr a = *(const hs_addr *)key;
	const struct range *r = range;

	return a < r->start ? -1 : a >= r->end;
}

/* Is a in an arena that was found already? */
static bool
is_known(const struct ring *ring, hs_addr a)
{
	return ring->known.n
	    && bsearch(&a, ring->known.at, ring->known.n, sizeof *ring->known.at,
		range_holds_cmp);
}

/* Which of the ring's arenas is the main one; its length when none is. */
static size_t
main_of(const struct ptmalloc *pt, const struct ring *ring)
{
	size_t i = 0;

	while (i < ring->arenas.n && heap_header(pt, ring->arenas.at[i]))
		i++;
	return i;
}

/* A ring was found.  False when it is known, or has no main arena. */
static bool
add_instance(struct ptmalloc *pt, const struct arena_layout *l, struct ring *ring)
{
	struct pt_instance in = { .layout = l, .main = (uint32_t)pt->arenas.n };
	unsigned number = (unsigned)pt->instances.n;
	size_t main = main_of(pt, ring);

	if (main == ring->arenas.n || is_known(ring, ring->arenas.at[main]))
		return false;
	for (size_t n = 0; n < ring->arenas.n; n++) {
		hs_addr a = ring->arenas.at[(main + n) % ring->arenas.n];
		unsigned header = heap_header(pt, a);

		if (header)
			in.heap_header = header;
		add_arena(pt, l, a, number);
		vec_push(&ring->known, (struct range) { a, a + l->size });
	}
	vec_sort(&ring->known, range_cmp);
	if (!ring->closed)
		pt_damage(pt, pt->arenas.at[in.main].address + l->next, 0,
		    "the list of arenas is broken: arenas behind it are lost");
	vec_push(&pt->instances, in);
	return true;
}

/*
 * An empty bin was seen at x.  Which arena is it of?  The guess under which
 * the ring closes; failing that, the one with no bin wrong.
 */
static void
try_hit(struct ptmalloc *pt, hs_addr x, struct ring *ring)
{
	const struct arena_layout *whole = NULL;
	hs_addr sole = 0;

	if (ring->tries++ > MAX_TRIES)
		return;
	for (const struct arena_layout *l = arena_layouts; l->since; l++)
		for (unsigned i = 1; i < NBINS; i++) {
			hs_addr arena = x - 16 * (i - 1) - l->bins;
			unsigned odd = odd_bins(pt, l, arena);

			if (odd > MAX_ODD)
				continue;
			follow_ring(pt, l, arena, ring);
			if (ring->closed && add_instance(pt, l, ring))
				return;
			if (odd == 0 && !ring->closed) {
				whole = l;
				sole = arena;
			}
		}
	if (!whole || heap_header(pt, sole))
		return;
	ring->arenas.n = 0;
	ring->closed = false;
	vec_push(&ring->arenas, sole);
	(void)add_instance(pt, whole, ring);
}

static void
scan_piece(struct ptmalloc *pt, const struct piece *p, struct ring *ring)
{
	uint64_t n = range_size(p->range), run = 0;

	for (uint64_t i = (8 - p->range.start % 8) % 8; i + 16 <= n; i += 8) {
		uint64_t w[2];
		hs_addr x = p->range.start + i;

		memcpy(w, p->bytes + i, sizeof w);
		if (w[0] != x - HEADER || w[1] != w[0])
			continue;
		if (++run < 2 || is_known(ring, x))
			continue; /* bins come in flocks: one alone is chance */
		try_hit(pt, x, ring);
	}
}

/* A piece that a C library's data may be in: of a file, or right behind one, or small. */
static bool
is_likely(const struct space *s, size_t i)
{
	const struct piece *p = &s->pieces.at[i];

	return p->file || range_size(p->range) <= SMALL_PIECE
	    || (i > 0 && p[-1].file && p[-1].range.end == p->range.start);
}

bool
pt_find(struct ptmalloc *pt, struct hs_error *err)
{
	const struct space *s = pt->space;
	struct ring ring = { .tries = 0 };
	bool ok = true;

	for (int pass = 0; pass < 2 && ok && pt->instances.n == 0; pass++)
		for (size_t i = 0; i < s->pieces.n && ok; i++) {
			const struct piece *p = &s->pieces.at[i];

			if (!p->bytes || !(p->flags & PF_W) || p->source != SOURCE_CORE
			    || is_likely(s, i) == (pass == 1))
				continue;
			ok = progress_on(pt->progress, "looking for the heap", i,
			    s->pieces.n, err);
			scan_piece(pt, p, &ring);
		}
	if (ring.known.broke || ring.arenas.broke)
		ok = fail_nomem(err);
	vec_free(&ring.arenas);
	vec_free(&ring.known);
	return ok && (!pt->arenas.broke || fail_nomem(err));
}
