/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Do the sums agree?
 *
 * Arenas must have as many bytes as they say they took from the system; mapped
 * chunks must be as many, and as large, as mp_ says; every chunk that its
 * flags call free must be on a list.  The first thing that does not fit is
 * named.  A thread that was stopped inside malloc leaves its arena locked and
 * a chunk or two between lists: that is no disagreement.
 */
#include "heap/glibc/state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	IN_FLIGHT = 3
}; /* chunks of a locked arena that may be on no list: observed */

uint64_t
pt_whole(const struct block *b)
{
	return b->size + b->span->header - (uint64_t)(int64_t)b->span->tail;
}

uint64_t
pt_set_state(struct ptmalloc *pt, const struct block *b, enum state state)
{
	struct arena *sum = &pt->heap->arenas.at[b->span->arena];
	uint64_t bytes = pt_whole(b);

	sum->tally[b->state].count--;
	sum->tally[b->state].bytes -= bytes;
	sum->tally[state].count++;
	sum->tally[state].bytes += bytes;
	map_change(pt->heap, b, state);
	return bytes;
}

/* The worst verdict stays, with the first place that led to it. */
static void PRINTF_LIKE(4, 5)
    verdict(struct heap *h, enum accounting v, hs_addr at, const char *fmt, ...)
{
	va_list ap;

	if (v <= h->accounting)
		return;
	h->accounting = v;
	h->disagreement = at;
	va_start(ap, fmt);
	vsnprintf(h->disagreement_text, sizeof h->disagreement_text, fmt, ap);
	va_end(ap);
}

static void
check_arena(struct ptmalloc *pt, uint32_t i)
{
	struct heap *h = pt->heap;
	const struct arena *a = &h->arenas.at[i];
	const struct tally *loose = &a->tally[STATE_LOOSE];

	if (a->found_bytes != a->system_bytes)
		verdict(h, a->locked ? ACCOUNT_IN_FLIGHT : ACCOUNT_INEXACT, a->address,
		    "the arena took %" PRIu64 " bytes from the system, %" PRIu64
		    " were found",
		    a->system_bytes, a->found_bytes);
	if (loose->count > 0)
		verdict(h,
		    a->locked && loose->count <= IN_FLIGHT ? ACCOUNT_IN_FLIGHT
							   : ACCOUNT_INEXACT,
		    a->address,
		    "%" PRIu64 " free chunks (%" PRIu64 " bytes) are on no list",
		    loose->count, loose->bytes);
	else if (a->locked)
		verdict(h, ACCOUNT_IN_FLIGHT, a->address,
		    "a thread was inside the arena");
	if (a->lost_bytes > 0)
		verdict(h, ACCOUNT_INEXACT, a->address,
		    "%" PRIu64 " bytes of the arena could not be understood",
		    a->lost_bytes);
}

static void
check_mapped(struct ptmalloc *pt)
{
	struct heap *h = pt->heap;
	const struct arena *last = h->arenas.n ? &h->arenas.at[h->arenas.n - 1] : NULL;
	uint64_t count = 0, bytes = 0;
	bool drifts = false;

	if (last && last->address == 0) {
		for (int s = 0; s < STATE_COUNT; s++)
			count += last->tally[s].count;
		bytes = last->found_bytes;
	}
	for (size_t i = 0; i < pt->instances.n; i++) {
		drifts |= pt->instances.at[i].layout->mapped_short;
		if (!pt->instances.at[i].params.layout) {
			verdict(h, ACCOUNT_INEXACT, 0,
			    "malloc's totals (mp_) were not found");
			return;
		}
	}
	if (count != h->mapped_count)
		verdict(h, ACCOUNT_INEXACT, pt->instances.at[0].params.address,
		    "malloc counts %" PRIu64 " mmapped chunks, %" PRIu64 " were found",
		    h->mapped_count, count);
	else if (bytes != h->mapped_bytes)
		verdict(h,
		    drifts && h->mapped_bytes > bytes
			    && (h->mapped_bytes - bytes) % pt->abi->header == 0
			? ACCOUNT_KNOWN_DRIFT
			: ACCOUNT_INEXACT,
		    pt->instances.at[0].params.address,
		    "malloc counts %" PRIu64 " bytes of mmapped chunks, %" PRIu64
		    " were found",
		    h->mapped_bytes, bytes);
}

/* Blocks of the program: how many, and their usable bytes. */
static void
sum_blocks(struct heap *h, unsigned word)
{
	for (size_t i = 0; i < h->arenas.n; i++) {
		const struct tally *used = &h->arenas.at[i].tally[STATE_USED];

		h->used.count += used->count;
		h->used.bytes += used->bytes - used->count * word; /* of a header */
	}
	for (size_t i = 0; i < h->spans.n; i++) /* mapped chunks: another tail */
		if (h->spans.at[i].mapped
		    && h->states.at[h->spans.at[i].first] == STATE_USED)
			h->used.bytes -= (uint64_t)((int)word - h->spans.at[i].tail);
}

void
pt_account(struct ptmalloc *pt)
{
	struct heap *h = pt->heap;

	for (uint32_t i = 0; i < pt->arenas.n; i++)
		check_arena(pt, i);
	check_mapped(pt);
	if (h->damages.n > 0)
		verdict(h, ACCOUNT_INEXACT, h->damages.at[0].at, "%s",
		    h->damages.at[0].text);
	sum_blocks(h, pt->abi->word);
}
