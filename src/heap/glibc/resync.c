/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Going on after damage.
 *
 * Behind a damaged header we do not know where the next chunk starts.  A
 * candidate is an address from which a chain of plausible headers leads to the
 * end of the run (or goes on for long enough that it is no chance).  Chunks'
 * contents may look like headers, so a candidate wants a witness: a word
 * somewhere in readable memory that holds the address of its block, or of its
 * header (as links of bins do).  The lowest witnessed candidate wins; without
 * any, the lowest; the arena's top is one that needs no witness.
 *
 * The witnesses are gathered in one pass over all memory, as one bit a
 * granule of the run, when damage is met first; for a few runs at most.
 */
#include "heap/glibc/glibc.h"

#include "base/bits.h"

#include <elf.h>

enum {
	MAX_GATHERINGS = 4, /* runs that get witnesses: each costs a pass over all memory */
	MAX_HOLLOW = 16, /* a run this many times as large as the core gets none */
	WINDOW = 1 << 28, /* bytes that are there past the damage: so far we look for a chunk */
};

struct vouchers {
	struct range range;
	uint64_t *bits; /* of each granule of range: a word points at a chunk there */
	unsigned gathered;
};

static void
vouch(struct vouchers *v, hs_addr a)
{
	uint64_t granule = (a - v->range.start) / GRANULE;

	v->bits[granule / 64] |= 1ull << granule % 64;
}

static void
gather_piece(struct vouchers *v, const struct malloc_abi *abi, const struct piece *p)
{
	uint64_t n = range_size(p->range), span = range_size(v->range);
	unsigned step = abi->word;

	for (uint64_t i = -p->range.start % step; i + step <= n; i += step) {
		uint64_t w = word_from(p->bytes + i, step);

		if (w - v->range.start < span && (w - v->range.start) % GRANULE == 0)
			vouch(v, w);
		w -= abi->header;
		if (w - v->range.start < span && (w - v->range.start) % GRANULE == 0)
			vouch(v, w);
	}
}

/* True when witnesses for this run are at hand. */
static bool
gather(struct ptmalloc *pt, const struct run *run)
{
	struct vouchers *v = pt->vouchers;

	if (!v)
		v = pt->vouchers = calloc(1, sizeof *v);
	if (!v)
		return false;
	if (v->bits && v->range.start == run->range.start)
		return true;
	if (range_size(run->range) / MAX_HOLLOW > pt->space->core->size
	    || v->gathered++ >= MAX_GATHERINGS)
		return false;
	free(v->bits);
	v->range = run->range;
	v->bits = calloc(range_size(run->range) / GRANULE / 64 + 1, 8);
	for (size_t i = 0; v->bits && i < pt->space->pieces.n; i++)
		if (pt->space->pieces.at[i].bytes
		    && (pt->space->pieces.at[i].flags & PF_R))
			gather_piece(v, pt->abi, &pt->space->pieces.at[i]);
	return v->bits != NULL;
}

static bool
has_voucher(const struct vouchers *v, hs_addr a)
{
	uint64_t granule = (a - v->range.start) / GRANULE;

	return v->bits[granule / 64] >> granule % 64 & 1;
}

/* The first piece with bytes that ends after a, or NULL. */
static const struct piece *
next_there(const struct space *s, hs_addr a)
{
	const struct piece *p = space_from(s, a),
			   *end = vec_from(&s->pieces, s->pieces.n);

	while (p && p < end && !p->bytes)
		p++;
	return p < end ? p : NULL;
}

hs_addr
pt_resync(struct ptmalloc *pt, const struct run *run, hs_addr from)
{
	bool vouched = gather(pt, run);
	hs_addr until = run->top > from ? run->top : run->range.end;
	hs_addr lowest = 0, end, q = from + pt->abi->min_chunk;
	const struct piece *p = next_there(pt->space, q);

	for (uint64_t n = 0; p && n < WINDOW && pt_may_search(pt);
	     n += GRANULE, q += GRANULE, pt->searched++) {
		if (q >= p->range.end && !(p = next_there(pt->space, q)))
			break;
		if (q < p->range.start)
			q = abi_chunk_from(pt->abi, p->range.start);
		if (q >= until)
			break;
		if (vouched ? !has_voucher(pt->vouchers, q) && lowest : lowest != 0)
			continue;
		if (pt_chain(pt, run, q, &end) == CHAIN_BAD)
			continue;
		if (!vouched || has_voucher(pt->vouchers, q))
			return q;
		lowest = q;
	}
	return lowest ? lowest : run->top > from ? run->top : 0;
}

void
pt_vouchers_free(struct vouchers *v)
{
	if (v)
		free(v->bits);
	free(v);
}
