/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chunks with a mapping of their own.
 *
 * No list holds them.  Each starts a page of anonymous memory with a header
 * of which almost every bit is known: no bytes before it (on i386, whose headers
 * are shorter than blocks' alignment, 8), the flag "mapped"
 * alone, a size that fills whole pages.  The kernel merges neighbouring
 * mappings, so we step through regions page by page and jump over what a
 * header claims.
 *
 * An aligned chunk (memalign) has a second header further in, which says how
 * far in; the first one is then stale, and its size may be, too, after a
 * mremap().  So at every page there may be several readings:
 *
 *	inner   the header at o, if it says that it is o bytes in
 *	outer   the header at the page itself
 *	none    the page is something else that happens to look so
 *
 * We take the first that fits.  malloc counts these chunks and their bytes
 * in mp_; when the sums disagree, readings with one deviation from the first
 * choice are tried, then with two, until one agrees.
 */
#include "heap/glibc/glibc.h"

#include <elf.h>

enum {
	MAX_STEPS = 50000000, /* of the search for a reading that agrees */
	MAX_CLOSER = 1 << 24, /* pages that a closer look is taken at, in all */
	MAX_ALIGN_LOG = 40,
	/* Pages of a chunk in which any offset is looked for: always; and with a closer look */
	FEW_PAGES = 256,
	THOROUGH_PAGES = 1 << 16,
};

/* The places where a mapping may begin, and how each may be read. */
struct candidate {
	hs_addr start;
	struct reading {
		uint64_t offset; /* of the chunk in the mapping */
		hs_addr end;     /* of the mapping; 0: no such reading */
	} inner, outer;
};

struct search {
	struct ptmalloc *pt;
	unsigned trailer; /* bytes of the mapping that sizes leave out if .shorter: since 2.43 */
	unsigned pad; /* of it that are before the chunk */
	bool shorter;
	bool thorough; /* inner headers at any page */
	uint64_t drift; /* bytes that mp_ may count too many, in words that are left out */
	struct VEC(struct candidate) found;
	uint64_t want_count, want_bytes;
	uint64_t count, bytes; /* of the reading at hand */
	uint64_t steps, closer;
	struct VEC(struct range) stacks; /* sorted */
};

/* The header at q + offset, read as that of a chunk so far into its mapping. */
static struct reading
read_header(const struct search *s, hs_addr q, uint64_t offset, hs_addr limit)
{
	struct reading none = { 0, 0 };
	uint64_t prev, size, total;

	if (!space_word(s->pt->space, q + offset, &prev)
	    || !space_word(s->pt->space, q + offset + s->pt->abi->word, &size)
	    || (s->shorter ? prev & ~1ull : prev) != offset
	    || (size & FLAGS) != FLAG_MAPPED)
		return none;
	size &= ~(uint64_t)FLAGS;
	if (size > limit - q || size < s->pt->abi->min_chunk - s->trailer)
		return none;
	total = offset + size + (s->shorter ? s->trailer : 0);
	if (total % s->pt->page != 0 || total > limit - q)
		return none;
	return (struct reading) { offset, q + total };
}

/*
 * An aligned chunk in the mapping at q.  Alignments are powers of two; but what
 * mremap() has moved is at the same place of another page.
 */
static struct reading
read_inner(struct search *s, hs_addr q, hs_addr outer_end, hs_addr limit)
{
	const struct malloc_abi *abi = s->pt->abi;
	struct reading r = { 0, 0 };
	uint64_t pages = ((outer_end < limit ? outer_end : limit) - q) / s->pt->page;
	uint64_t most = s->thorough ? THOROUGH_PAGES : FEW_PAGES;

	for (unsigned log = 5; log < MAX_ALIGN_LOG && !r.end; log++) {
		uint64_t offset =
		    align_up(q + abi->header, 1ull << log) - abi->header - q;

		if (q + offset >= outer_end || q + offset >= limit)
			break;
		if (offset > s->pad)
			r = read_header(s, q, offset, limit);
		if (!r.end && offset - s->pad < abi->min_chunk)
			r = read_header(s, q, offset + (1ull << log), limit);
	}
	for (uint64_t i = 1; i <= pages && i < most && !r.end && s->closer < MAX_CLOSER;
	     i++, s->closer++)
		r = read_header(s, q, i * s->pt->page - abi->header, limit);
	return r;
}

static void
note_stacks(struct search *s)
{
	for (size_t i = 0; i < s->pt->image->threads.n; i++)
		vec_push(&s->stacks, s->pt->image->threads.at[i].stack);
	vec_sort(&s->stacks, range_by_start);
}

static bool
is_stack(const struct search *s, hs_addr a)
{
	return range_holding(s->stacks.at, s->stacks.n, a) != NULL;
}

static struct reading
first_choice(const struct candidate *c)
{
	return c->inner.end ? c->inner : c->outer;
}

/* How many bytes at q are a hole of the core's file, or are not: *hole says which. */
static uint64_t
stretch_at(const struct search *s, hs_addr q, bool *hole)
{
	const unsigned char *bytes;
	uint64_t n = space_run(s->pt->space, q, &bytes);

	*hole = false;
	return n > 0 ? core_stretch(s->pt->space->core, bytes, n, hole) : s->pt->page;
}

/*
 * Every page of [from, to) that may start a mapping goes into s->found.  Holes
 * hold no header, and may be many gigabytes.
 */
static void
collect(struct search *s, struct range region)
{
	struct ptmalloc *pt = s->pt;
	struct range within;
	hs_addr known = 0; /* no hole before this */

	for (hs_addr q = align_up(region.start, pt->page); q < region.end;
	     q += pt->page) {
		struct candidate c = { .start = q };
		hs_addr limit;

		if (pt_is_taken(pt, q, &within)) {
			q = align_down(within.end - 1, pt->page);
			continue;
		}
		if (q >= known) {
			bool hole;

			known = q + stretch_at(s, q, &hole);
			if (hole) {
				q = align_down(known - 1, pt->page);
				continue;
			}
		}
		limit = pt_next_taken(pt, q);
		limit = limit < region.end ? limit : region.end;
		c.outer = read_header(s, q, s->pad, UINT64_MAX);
		if (!c.outer.end || is_stack(s, q))
			continue;
		c.inner = read_inner(s, q, c.outer.end, limit);
		if (c.outer.end > limit) /* stale, if anything: the mapping was shrunk */
			c.outer.end = 0;
		if (!first_choice(&c).end)
			continue;
		vec_push(&s->found, c);
	}
}

static void
collect_all(struct search *s)
{
	const struct space *space = s->pt->space;
	struct range region = { 0, 0 };

	s->found.n = 0;
	for (size_t i = 0; i < space->pieces.n; i++) {
		const struct piece *p = &space->pieces.at[i];

		if (p->file || !p->bytes || !(p->flags & PF_W))
			continue;
		if (p->range.start != region.end) {
			collect(s, region);
			region = p->range;
		}
		region.end = p->range.end;
	}
	collect(s, region);
}

/*
 * Read on from candidate i, with end as the first free address, taking first
 * choices; adds to s->count and s->bytes, and to *out when it is not NULL.
 */
struct chosen {
	hs_addr start;
	struct reading reading;
};
struct chosen_vec VEC(struct chosen);

static void
take_first(struct search *s, size_t i, hs_addr end, struct chosen_vec *out)
{
	for (; i < s->found.n; i++) {
		const struct candidate *c = &s->found.at[i];
		struct reading r = first_choice(c);

		s->steps++;
		if (c->start < end)
			continue;
		s->count++;
		s->bytes += r.end - c->start;
		end = r.end;
		if (out)
			vec_push(out, (struct chosen) { c->start, r });
	}
}

static bool
agrees(const struct search *s)
{
	uint64_t over = s->want_bytes - s->bytes;

	if (s->count != s->want_count || s->bytes > s->want_bytes)
		return false;
	return over == 0 || (s->shorter && over <= s->drift && over % s->trailer == 0);
}

/*
 * Is there a reading from candidate i on, with `left` deviations, that makes
 * the sums agree?  The chosen readings are then in *out, last ones first.
 */
static bool
deviate(struct search *s, size_t i, hs_addr end, unsigned left, struct chosen_vec *out)
{
	uint64_t count = s->count, bytes = s->bytes;

	if (left == 0) {
		size_t n = out->n;

		take_first(s, i, end, out);
		if (agrees(s))
			return true;
		out->n = n;
		s->count = count;
		s->bytes = bytes;
		return false;
	}
	for (; i < s->found.n && s->steps < MAX_STEPS; i++) {
		const struct candidate *c = &s->found.at[i];
		struct reading r = first_choice(c);
		size_t n = out->n;

		if (c->start < end)
			continue;
		count = s->count;
		bytes = s->bytes;
		if (deviate(s, i + 1, end, left - 1, out)) /* it is no chunk */
			return true;
		if (c->inner.end && c->outer.end) { /* only the outer header counts */
			vec_push(out, (struct chosen) { c->start, c->outer });
			s->count = count + 1;
			s->bytes = bytes + (c->outer.end - c->start);
			if (deviate(s, i + 1, c->outer.end, left - 1, out))
				return true;
			out->n = n;
		}
		vec_push(out, (struct chosen) { c->start, r });
		s->count = count + 1;
		s->bytes = bytes + (r.end - c->start);
		end = r.end;
	}
	return false;
}

/* The reading that agrees with mp_; failing that, all first choices.  True: it agrees. */
static bool
choose(struct search *s, bool totals, struct chosen_vec *out)
{
	if (totals && s->want_count == 0) {
		out->n = 0;
		return true;
	}
	for (unsigned deviations = 0; totals && deviations <= 3; deviations++) {
		out->n = 0;
		s->count = s->bytes = 0;
		if (deviate(s, 0, 0, deviations, out))
			return true;
	}
	out->n = 0;
	s->count = s->bytes = 0;
	take_first(s, 0, 0, out);
	return !totals;
}

static bool
add_chosen(struct ptmalloc *pt, const struct chosen_vec *out, bool shorter,
    uint32_t arena)
{
	struct arena *sum = &pt->heap->arenas.at[arena];

	for (size_t i = 0; i < out->n; i++) {
		const struct chosen *c = &out->at[i];
		struct range r = { c->start + c->reading.offset, c->reading.end };

		if (!map_mapped(pt->heap, r, arena, pt->abi->header,
			shorter ? -(int)pt->abi->word : 0, c->reading.offset,
			STATE_USED))
			return false;
		sum->found_bytes += r.end - c->start;
		sum->overhead_bytes += c->reading.offset;
		sum->tally[STATE_USED].count++;
		sum->tally[STATE_USED].bytes += range_size(r);
		if (range_size(r) <= pt->page) /* under a low mmap_threshold */
			vec_push(&pt->tcache_like, r.start);
	}
	return true;
}

/* What mp_ says, of all copies of malloc.  False: some mp_ was not found. */
static bool
wanted(const struct ptmalloc *pt, struct search *s)
{
	s->want_count = s->want_bytes = 0;
	for (size_t i = 0; i < pt->instances.n; i++) {
		const struct pt_params *p = &pt->instances.at[i].params;

		if (!p->layout)
			return false;
		s->want_count += p->n_mmaps;
		s->want_bytes += p->mmapped;
	}
	return true;
}

/*
 * The way of the layout first; then with a closer look; then the other way.
 * Since 2.43 malloc counts two words too many for each mremap().  What we misread
 * is off by whole pages, so a drift of less than one is told from that.  Only if
 * nothing fits so may it be any, and the closer look has the first word.
 */
static bool
search_all(struct search *s, bool usual, struct chosen_vec *out)
{
	bool totals = wanted(s->pt, s);

	for (int way = 0; way < 8; way++) {
		bool any = way >= 4;

		s->shorter = usual != (way / 2 % 2 == 1);
		s->thorough = any != (way % 2 == 1);
		s->drift = any ? UINT64_MAX : s->pt->page - 1;
		if (any && !s->shorter)
			continue;
		s->steps = 0;
		collect_all(s);
		if (choose(s, totals, out))
			return true;
	}
	s->shorter = usual;
	s->thorough = false;
	collect_all(s);
	return choose(s, false, out);
}

bool
pt_walk_mapped(struct ptmalloc *pt, struct hs_error *err)
{
	struct search s = {
		.pt = pt,
		.trailer = pt->abi->header,
		.pad = GRANULE - pt->abi->header,
	};
	struct chosen_vec out = { 0 };
	struct heap *h = pt->heap;
	bool usual = false, ok;

	for (size_t i = 0; i < pt->instances.n; i++)
		usual |= pt->instances.at[i].layout->mapped_short;
	note_stacks(&s);
	(void)search_all(&s, usual, &out);
	h->mapped_count = s.want_count;
	h->mapped_bytes = s.want_bytes;
	ok = !s.found.broke && !out.broke && !s.stacks.broke;
	if (ok && out.n > 0) {
		vec_push(&h->arenas, (struct arena) { .address = 0 });
		ok = !h->arenas.broke
		    && add_chosen(pt, &out, s.shorter, (uint32_t)(h->arenas.n - 1));
	}
	vec_free(&s.found);
	vec_free(&s.stacks);
	vec_free(&out);
	return ok || fail_nomem(err);
}
