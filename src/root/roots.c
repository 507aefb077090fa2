/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Collecting roots.
 *
 * Several parts of us know something about the same memory: a stack is an
 * anonymous mapping, holds a thread's TLS, and may itself be a malloc block.  So
 * each kind of root lays claim to ranges, with a rank, and memory is cut where
 * claims begin and end; every cut belongs to the claim of the highest rank, or
 * to nobody when that one says it is dead.  What remains is searched word by
 * word, in order of address, and becomes one region for each stretch of one
 * kind and owner.
 */
#include "root/root.h"

#include "base/bits.h"
#include "heap/pointer.h"
#include "root/kinds.h"

#include <stdlib.h>

enum { TICK_BYTES = 16 << 20 }; /* searched between two looks at the clock */

/*
 * Claims that have begun, as a binary heap: one is stronger than those at 2i + 1
 * and 2i + 2, so the strongest is at 0.  One that has ended goes when it gets there.
 */
struct open VEC(const struct claim *);

struct searching {
	struct roots *to;
	const struct sources *from;
	const struct progress *progress;
	size_t done, all; /* claims */
};

void
claims_add(struct claims *to, struct claim c)
{
	if (c.range.start < c.range.end)
		vec_push(to, c);
}

/*
 * A pointer to a block's last word is most often malloc's own, which freed memory
 * keeps, or the end of what was asked for.  A global variable keeps none of
 * malloc's; and when a pointer to a block is in that word, it was asked for.
 * Then it is a field like any other: of small structs the last one often is there.
 */
static bool
is_field(const struct sources *from, enum root_kind kind, hs_addr a)
{
	uint64_t block;
	uint64_t word;

	return kind == ROOT_GLOBAL && space_word(from->image->space, a, &word)
	    && heap_meet(from->heap, word, &block) == MEET_START;
}

void
root_see(struct roots *to, const struct sources *from, hs_addr at, uint64_t word)
{
	struct region *r = &to->regions.at[to->regions.n - 1];
	uint64_t block;
	enum meet meet;

	r->words++;
	word &= machine_address_mask(from->image->core->machine);
	if (!pointer_likely(from->heap, word))
		return;
	meet = pointer_meet(from->heap, from->image, word, &block);
	if (meet == MEET_NONE)
		return;
	if (meet == MEET_END && is_field(from, r->kind, word))
		meet = MEET_INTERIOR;
	r->pointers++;
	vec_push(&to->all,
	    (struct root) {
		.at = at,
		.region = (to->regions.n - 1) % (1 << ROOT_REGION_BITS),
		.block = block & ((UINT64_C(1) << NUMBER_BITS) - 1),
		.meet = meet & 3,
	    });
}

static void
search_bytes(struct roots *to, const struct sources *from, hs_addr start,
    const unsigned char *bytes, uint64_t n)
{
	const struct heap *h = from->heap;
	unsigned step = from->image->core->machine->word;
	uint64_t keep = machine_address_mask(from->image->core->machine);
	uint64_t skip = -start % step;

	for (uint64_t i = skip; i + step <= n; i += step) {
		uint64_t word = word_from(bytes + i, step), frame;

		if (pointer_likely(h, word & keep))
			root_see(to, from, start + i, word);
		else if (pointer_may_be_pc(from->image, word)
		    && pointer_in_jmp_buf(from->image, start + i - JMP_PC, word, &frame))
			root_see(to, from, start + i - JMP_PC + JMP_RBP, frame);
	}
	to->regions.at[to->regions.n - 1].words = (n - skip) / step;
}

/* Search [r.start, r.end), which one claim has.  What is missing the verdict tells. */
static bool
search(struct searching *s, const struct claim *c, struct range r, struct hs_error *err)
{
	while (r.start < r.end) {
		bool hole;
		const unsigned char *bytes;
		uint64_t n = space_stretch(s->from->image->space, r.start,
		    range_size(r), &bytes);

		if (bytes) {
			n = core_stretch(s->from->image->core, bytes, n, &hole);
			n = !hole && n > TICK_BYTES ? TICK_BYTES : n;
			vec_push(&s->to->regions,
			    (struct region) {
				.kind = c->kind,
				.range = { r.start, r.start + n },
				.words = n / s->from->image->core->machine->word,
				.thread = c->thread,
				.module = c->module,
			    });
			if (s->to->regions.broke)
				return fail_nomem(err);
			if (!hole)
				search_bytes(s->to, s->from, r.start, bytes, n);
		}
		r.start += n;
		if (!progress_on(s->progress, "looking for roots", s->done, s->all, err))
			return false;
	}
	return true;
}

static int
claim_cmp(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	if (x->range.end != y->range.end)
		return x->range.end < y->range.end ? -1 : 1;
	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	if (x->module != y->module)
		return x->module < y->module ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

/* By rank; of equals one that is not dead, or the first. */
static bool
is_stronger(const struct claim *a, const struct claim *b)
{
	if (a->rank != b->rank)
		return a->rank > b->rank;
	return a->dead != b->dead ? b->dead : a < b;
}

static void
open_push(struct open *o, const struct claim *c)
{
	size_t i = o->n, up;

	vec_push(o, c);
	for (; !o->broke && i > 0 && is_stronger(c, o->at[up = (i - 1) / 2]); i = up) {
		o->at[i] = o->at[up];
		o->at[up] = c;
	}
}

/* Drops the strongest. */
static void
open_pop(struct open *o)
{
	const struct claim *last = o->at[--o->n];
	size_t i = 0, down;

	while ((down = 2 * i + 1) < o->n) {
		if (down + 1 < o->n && is_stronger(o->at[down + 1], o->at[down]))
			down++;
		if (!is_stronger(o->at[down], last))
			break;
		o->at[i] = o->at[down];
		i = down;
	}
	o->at[i] = last;
}

/* Claims are sorted: each stretch up to where one begins or ends has one owner. */
static bool
search_claims(struct searching *s, const struct claims *claims, struct hs_error *err)
{
	const struct claim *next = claims->at, *end = vec_from(claims, claims->n);
	struct open open = { 0 };
	hs_addr at = 0;
	bool ok = true;

	while (ok && !open.broke && (open.n > 0 || next < end)) {
		struct range r = { at, UINT64_MAX };

		for (; next < end && next->range.start <= at; next++)
			open_push(&open, next);
		while (open.n > 0 && open.at[0]->range.end <= at)
			open_pop(&open);
		if (next < end)
			r.end = next->range.start;
		if (open.n > 0 && open.at[0]->range.end < r.end)
			r.end = open.at[0]->range.end;
		if (open.n > 0 && !open.at[0]->dead)
			ok = search(s, open.at[0], r, err);
		s->done = (size_t)(next - claims->at);
		at = r.end;
	}
	ok = ok && (!open.broke || fail_nomem(err));
	vec_free(&open);
	return ok;
}

static bool
search_memory(struct roots *to, const struct sources *from,
    const struct progress *progress, struct hs_error *err)
{
	struct searching s = { to, from, progress, 0, 0 };
	struct claims claims = { 0 };
	bool ok;

	for (claim_fn *const *claim = kinds; *claim; claim++)
		(*claim)(from, &claims);
	vec_sort(&claims, claim_cmp);
	s.all = claims.n;
	ok = claims.broke ? fail_nomem(err) : search_claims(&s, &claims, err);
	vec_free(&claims);
	return ok;
}

static int
region_cmp(const void *a, const void *b)
{
	const struct region *x = *(const struct region *const *)a;
	const struct region *y = *(const struct region *const *)b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x < y ? -1 : x > y;
}

/*
 * Regions were found by address; put them in order of kind, join those that
 * adjoin, and let the roots, which follow their regions, know.
 */
static bool
order(struct roots *r)
{
	size_t n = r->regions.n;
	autofree const struct region **by_kind = malloc(n * sizeof *by_kind + 1);
	autofree struct region *sorted = malloc(n * sizeof *sorted + 1);
	autofree uint32_t *new = malloc(n * sizeof *new + 1);
	size_t out = 0;

	if (!by_kind || !sorted || !new)
		return false;
	for (size_t i = 0; i < n; i++)
		by_kind[i] = &r->regions.at[i];
	qsort(by_kind, n, sizeof *by_kind, region_cmp);
	for (size_t i = 0; i < n; i++) {
		const struct region *x = by_kind[i];
		struct region *last = out ? &sorted[out - 1] : NULL;

		if (last && x->kind == last->kind && x->thread == last->thread
		    && x->module == last->module && x->range.start == last->range.end
		    && x->kind != ROOT_REGISTER) {
			last->range.end = x->range.end;
			last->words += x->words;
			last->pointers += x->pointers;
		} else {
			sorted[out++] = *x;
		}
		new[x - r->regions.at] = (uint32_t)(out - 1);
	}
	for (size_t i = 0; i < r->all.n; i++)
		r->all.at[i].region = new[r->all.at[i].region];
	memcpy(r->regions.at, sorted, out * sizeof *sorted);
	r->regions.n = out;
	return true;
}

static int
root_cmp(const void *a, const void *b)
{
	const struct root *x = a, *y = b;

	if (x->region != y->region)
		return x->region < y->region ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

bool
roots_collect(struct roots *roots, const struct image *image,
    const struct heap *heap, const struct progress *progress, struct hs_error *err)
{
	scoped(roots_fini) struct roots r = ROOTS_EMPTY;
	struct sources from = { image, heap };

	add_registers(&r, &from);
	add_dtvs(&r, &from);
	if (!search_memory(&r, &from, progress, err))
		return false;
	if (r.regions.n > 1 << ROOT_REGION_BITS)
		return fail(err, "roots are in more than 2^%d places: not supported",
		    ROOT_REGION_BITS);
	if (r.all.broke || r.regions.broke || !order(&r))
		return fail_nomem(err);
	vec_sort(&r.all, root_cmp);
	*roots = r;
	r = ROOTS_EMPTY;
	return true;
}

void
roots_fini(struct roots *roots)
{
	vec_free(&roots->regions);
	vec_free(&roots->all);
}
