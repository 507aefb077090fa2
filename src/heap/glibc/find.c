/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding glibc's arenas, without symbols.
 *
 * malloc_state holds 127 bins, and an empty bin is two words that both hold
 * the address two words below themselves: a mark that next to nothing else in
 * memory leaves, repeated some dozen times at a stride of two words.  (One that is not
 * empty says as much: what its words lead to leads back.)  That says where
 * the bins are but not which of them we see, nor the layout around them.  So
 * every layout and every bin number is tried, and the ring decides: arenas
 * are linked in a circle, and only the right guess leads through arenas that
 * look like arenas back to where it began.
 *
 * A ring without a thread heap in front is a main arena's: a C library, and
 * there may be several (dlmopen, libc_malloc_debug).
 *
 * What can fool it: freed memory that held an arena once, which no ring leads
 * back to; damage in one arena, which is why a few odd bins are forgiven; a ring
 * that is broken, or closes elsewhere.  Then the guess is taken under which most
 * arenas hang together, if a main one is among them.
 *
 * Up to glibc 2.41 a process that never called malloc has bins of zeros: it is
 * not found, and nothing is missed.
 */
#include "heap/glibc/glibc.h"

#include "base/bits.h"

enum {
	MAX_INSTANCES = 32, /* dlmopen() makes 16 at most; what is more, is made up */
	MAX_ODD = 6, /* bins that damage, or a thread inside malloc, may have spoilt */
	SMALL_PIECE = 8 << 20, /* bytes: larger anonymous ones are looked at only if need be */
	MANY_THREADS = 1 << 16, /* no arena serves as many */
	MAX_TRIES = 1 << 16, /* hits that lead nowhere: memory made to look like bins */
	MAX_LOOKS = 1 << 16, /* at all bins of a place; so the longest ring has fewer arenas */
};

struct ring {
	struct VEC(hs_addr) arenas;
	size_t whole; /* of them have no bin wrong */
	bool closed;
	struct VEC(struct range) known; /* arenas of rings that were found, sorted */
	unsigned tries, looks;
};

static bool
word(const struct ptmalloc *pt, hs_addr a, uint64_t *w)
{
	return space_word(pt->space, a, w);
}

/* The first two fields of a malloc_state: the mutex, and the flags above it. */
static bool
state_head(const struct ptmalloc *pt, hs_addr arena, uint64_t *head)
{
	return space_read(pt->space, arena, head, sizeof *head);
}

/* May a chunk be at a, as far as its block's alignment goes? */
static bool
is_chunk_place(const struct ptmalloc *pt, hs_addr a)
{
	return (a + pt->abi->header) % GRANULE == 0;
}

/* Does what fd and bk lead to lead back to the bin? */
static bool
is_list(const struct ptmalloc *pt, hs_addr head, uint64_t fd, uint64_t bk)
{
	uint64_t there;

	return word(pt, fd + pt->abi->header + pt->abi->word, &there) && there == head
	    && word(pt, bk + pt->abi->header, &there) && there == head;
}

/* Does bin i of the arena whose bins are at `bins` hang together?  An empty one is a list, too. */
static bool
bin_fits(const struct ptmalloc *pt, hs_addr bins, unsigned i)
{
	const struct malloc_abi *abi = pt->abi;
	hs_addr head = bins + (hs_addr)abi->header * (i - 1) - abi->header;
	uint64_t fd, bk;

	return word(pt, head + abi->header, &fd)
	    && word(pt, head + abi->header + abi->word, &bk)
	    && is_list(pt, head, fd, bk);
}

/*
 * No arena has more bytes than it ever had, so one of the two was overwritten; the
 * other, and the count of threads, must look the better.
 */
static bool
is_likely_sum(const struct ptmalloc *pt, const struct arena_layout *l,
    hs_addr arena, uint64_t system, uint64_t max)
{
	uint64_t attached;

	return l->attached && word(pt, arena + l->attached, &attached)
	    && attached < MANY_THREADS
	    && ((system && system % 4096 == 0) || (max && max % 4096 == 0));
}

/*
 * Where no threads are counted, `system` is where later releases have that count.  It is
 * whole pages; or some, and not even, when others had called sbrk() before.
 */
static bool
is_size_of_arena(uint64_t system, uint64_t max)
{
	return system ? system % 4096 == 0 || system > MANY_THREADS : max == 0;
}

/*
 * Could the words beside the bins be those of an arena with this layout?  What
 * `next` holds is not asked: the ring will show, and it may be broken.
 */
static bool
is_likely_state(const struct ptmalloc *pt, const struct arena_layout *l, hs_addr arena)
{
	uint64_t head, top, system, max;

	return state_head(pt, arena, &head) && (uint32_t)head <= 2
	    && head >> 32 <= (uint64_t)l->max_flags && word(pt, arena + l->top, &top)
	    && (is_chunk_place(pt, top) || top == arena + l->bins - pt->abi->header)
	    && word(pt, arena + l->system, &system)
	    && word(pt, arena + l->max_system, &max)
	    && (max >= system || is_likely_sum(pt, l, arena, system, max))
	    && (l->attached || is_size_of_arena(system, max));
}

/* How many bins of the arena are wrong; more than MAX_ODD: it is no arena under this layout. */
static unsigned
odd_bins(const struct ptmalloc *pt, const struct arena_layout *l, hs_addr arena,
    struct ring *ring)
{
	uint64_t top = 0, system = 0, max = 0;
	unsigned odd;

	if (!is_likely_state(pt, l, arena) || ring->looks >= MAX_LOOKS)
		return NBINS;
	ring->looks++;
	/* up to 2.28 a top of absurd size was split, and the rest of it lies anywhere */
	odd = !word(pt, arena + l->top, &top) || !space_at(pt->space, top);
	odd += word(pt, arena + l->system, &system)
	    && word(pt, arena + l->max_system, &max) && max < system;
	for (unsigned i = 1; i < NBINS && odd <= MAX_ODD; i++)
		odd += !bin_fits(pt, arena + l->bins, i);
	return odd;
}

/* A chain that runs in a circle ends with all of that: keep each arena once. */
static void
cut_circle(struct ring *ring, size_t circle)
{
	size_t i = 0;

	while (i + circle < ring->arenas.n
	    && ring->arenas.at[i] != ring->arenas.at[i + circle])
		i++;
	ring->arenas.n = i + circle;
}

/*
 * Follow `next` from an arena; closed when that comes back to it.  One that
 * runs in a circle further on meets an arena that we remember: each time after
 * twice as many steps we remember the one at hand.
 */
static void
follow_ring(const struct ptmalloc *pt, const struct arena_layout *l, hs_addr first,
    struct ring *ring)
{
	hs_addr a = first, seen = 0;
	size_t before = 0; /* arenas in front of that */
	unsigned odd;

	ring->arenas.n = ring->whole = 0;
	ring->closed = false;
	while (a != seen && (odd = odd_bins(pt, l, a, ring)) <= MAX_ODD) {
		vec_push(&ring->arenas, a);
		ring->whole += odd == 0;
		if (ring->arenas.broke)
			return;
		if ((ring->arenas.n & (ring->arenas.n - 1)) == 0) {
			seen = a;
			before = ring->arenas.n - 1;
		}
		if (!word(pt, a + l->next, &a))
			break;
		ring->closed = a == first;
		if (ring->closed)
			break;
	}
	if (a == seen && !ring->closed && ring->arenas.n)
		cut_circle(ring, ring->arenas.n - before);
}

/* The size of the heap_info in front of a thread arena; 0: there is none. */
static unsigned
heap_header(const struct ptmalloc *pt, hs_addr arena)
{
	const unsigned *sizes = pt->abi->heap_headers;
	uint64_t owner;

	for (size_t i = 0; i < sizeof pt->abi->heap_headers / sizeof *sizes; i++)
		if (sizes[i] && (arena - sizes[i]) % 4096 == 0
		    && word(pt, arena - sizes[i], &owner) && owner == arena)
			return sizes[i];
	return 0;
}

static void
add_arena(struct ptmalloc *pt, const struct arena_layout *l, hs_addr a,
    unsigned instance, bool main)
{
	uint64_t head = 0, top = 0, system = 0, max = 0, attached = ATTACHED_UNKNOWN;

	(void)(state_head(pt, a, &head) && word(pt, a + l->top, &top)
	    && word(pt, a + l->system, &system) && word(pt, a + l->max_system, &max)
	    && (!l->attached || word(pt, a + l->attached, &attached)));
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

/* Is a in an arena that was found already? */
static bool
is_known(const struct ring *ring, hs_addr a)
{
	return range_holding(ring->known.at, ring->known.n, a) != NULL;
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

	if (main == ring->arenas.n || is_known(ring, ring->arenas.at[main])
	    || number == MAX_INSTANCES)
		return false;
	for (size_t n = 0; n < ring->arenas.n; n++) {
		hs_addr a = ring->arenas.at[(main + n) % ring->arenas.n];
		unsigned header = heap_header(pt, a);

		if (header)
			in.heap_header = header;
		add_arena(pt, l, a, number, n == 0);
		vec_push(&ring->known, (struct range) { a, a + l->size });
	}
	vec_sort(&ring->known, range_by_start);
	if (!ring->closed)
		pt_damage(pt, DAMAGE_ARENA,
		    ring->arenas.at[ring->arenas.n - 1] + l->next, 0,
		    "the list of arenas is broken: some may be lost");
	vec_push(&pt->instances, in);
	return true;
}

/* An arena read under some layout, whose ring does not close. */
struct guess {
	const struct arena_layout *layout;
	hs_addr arena;
	size_t whole; /* arenas without a wrong bin that hang together from it on */
};

/*
 * An empty bin was seen at x.  Which arena is it of?  The guess under which
 * the ring closes; failing that, the best one.  A thread arena
 * under a wrong layout looks like a main one, since its heap_info is not where
 * it should be: so the right layout has the last word.
 */
static void
try_hit(struct ptmalloc *pt, hs_addr x, struct ring *ring)
{
	struct guess best = { .whole = 0 };
	bool in_heap = false;

	if (ring->tries++ > MAX_TRIES)
		return;
	for (const struct arena_layout *l = pt->abi->arenas; l->since; l++)
		for (unsigned i = 1; i < NBINS; i++) {
			hs_addr arena =
			    x - (hs_addr)pt->abi->header * (i - 1) - l->bins;

			if (odd_bins(pt, l, arena, ring) > MAX_ODD)
				continue;
			follow_ring(pt, l, arena, ring);
			if (ring->closed && add_instance(pt, l, ring))
				return;
			in_heap |= heap_header(pt, arena) != 0;
			if (!ring->closed && ring->whole > best.whole
			    && main_of(pt, ring) < ring->arenas.n)
				best = (struct guess) { l, arena, ring->whole };
		}
	if (!best.whole || (in_heap && !heap_header(pt, best.arena)))
		return;
	follow_ring(pt, best.layout, best.arena, ring);
	if (ring->arenas.n > 0)
		(void)add_instance(pt, best.layout, ring);
}

/*
 * Is the pair of words at x a bin?  A heap that is large and old may have hardly
 * an empty one; but to follow each pair of words costs more.
 */
static bool
is_bin(const struct ptmalloc *pt, hs_addr x, const uint64_t w[2], bool empty)
{
	hs_addr head = x - pt->abi->header;

	if (w[0] == head)
		return w[1] == w[0];
	return !empty && w[0] && is_chunk_place(pt, w[0])
	    && is_chunk_place(pt, w[1]) && is_list(pt, head, w[0], w[1]);
}

static void
scan_piece(struct ptmalloc *pt, const struct piece *p, bool empty, struct ring *ring)
{
	uint64_t n = range_size(p->range), run = 0;
	unsigned step = pt->abi->word;

	for (uint64_t i = -p->range.start % step; i + 2 * step <= n; i += step) {
		uint64_t w[2] = { 0, 0 };
		hs_addr x = p->range.start + i;

		for (unsigned k = 0; k < 2; k++)
			w[k] = word_from(p->bytes + i + k * step, step);
		if (!is_bin(pt, x, w, empty))
			continue;
		if (++run < 2 || is_known(ring, x))
			continue; /* bins come in flocks: one alone is chance */
		try_hit(pt, x, ring);
	}
}

/*
 * Where a C library's data may be.  First in pieces of files, or right behind
 * one; when nothing was found there, in small ones; then in all that is left.
 */
enum likelihood { LIKELY, POSSIBLE, UNLIKELY, LIKELIHOODS };

static enum likelihood
how_likely(const struct space *s, size_t i)
{
	const struct piece *p = &s->pieces.at[i];

	if (p->file || (i > 0 && p[-1].file && p[-1].range.end == p->range.start))
		return LIKELY;
	return range_size(p->range) <= SMALL_PIECE ? POSSIBLE : UNLIKELY;
}

bool
pt_find(struct ptmalloc *pt, struct hs_error *err)
{
	const struct space *s = pt->space;
	struct ring ring = { .tries = 0 };
	bool ok = true;

	for (enum likelihood pass = LIKELY;
	     pass < LIKELIHOODS && ok && pt->instances.n == 0; pass++)
		for (size_t i = 0; i < s->pieces.n && ok; i++) {
			const struct piece *p = &s->pieces.at[i];

			if (!p->bytes || !(p->flags & PF_W)
			    || p->source != SOURCE_CORE || how_likely(s, i) != pass)
				continue;
			ok = progress_on(pt->crew->progress, "looking for the heap",
			    i, s->pieces.n, err);
			scan_piece(pt, p, pass != LIKELY, &ring);
		}
	if (ring.known.broke || ring.arenas.broke)
		ok = fail_nomem(err);
	vec_free(&ring.arenas);
	vec_free(&ring.known);
	return ok && (!pt->arenas.broke || fail_nomem(err));
}
