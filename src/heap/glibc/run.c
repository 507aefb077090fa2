/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chunk after chunk.
 *
 * A chunk's header says how long it is, and so where the next one starts; the
 * next one's header says whether this one is free (as far as bins go: what is
 * in a tcache or a fastbin looks used, and lists decide that later).  So we
 * always hold one chunk back until its neighbour was seen.
 *
 * Where all is as it should be, chunks were found ahead, many places at once
 * (waves.c), and we take over what lies behind the chunk that we are at.  All
 * else is done here, step by step, so that what comes out is the same.
 *
 * A run ends at the arena's top, or at fences: headers too small for a chunk,
 * by which malloc closes memory that it cannot extend.  In a main arena more
 * may follow after others' sbrk() memory.
 *
 * A header that makes no sense is damage.  Where the walk goes on is
 * resync.c's matter; what lies between is taken as one block in use, since
 * most often it is one whose size was overwritten.
 */
#include "heap/glibc/header.h"
#include "heap/glibc/waves.h"

enum {
	TICK = 1 << 18,     /* steps between two looks at the clock */
	MAX_DAMAGES = 1000, /* of one run: then all up to top is skipped */
};

struct walk {
	struct ptmalloc *pt;
	const struct run *run;
	struct arena *sum;
	struct window at;
	hs_addr p;       /* the header to look at next */
	hs_addr held;    /* the chunk before it, not yet added; 0: none */
	bool held_fence; /* it is no chunk but what was left of an old top */
	struct part *part; /* that it is the last chunk of, which are not yet added; or NULL */
	bool open; /* a span is open */
	uint64_t steps, damages;
};

static bool
load(struct walk *w, hs_addr a, uint64_t *word)
{
	return window_next(&w->at, a, word);
}

static bool
load_size(struct walk *w, hs_addr chunk, uint64_t *word)
{
	return load(w, chunk + w->pt->abi->word, word);
}

static bool
open_span(struct walk *w)
{
	struct range r = { w->p, w->run->range.end };

	w->open = map_begin(w->pt->heap, r, w->run->arena, w->pt->abi->header,
	    (int)w->pt->abi->word);
	return w->open;
}

static void
close_span(struct walk *w, hs_addr end)
{
	if (w->open)
		map_end(w->pt->heap, end);
	w->open = false;
}

/* Could this be a tcache_perthread_struct?  tcache.c looks closer. */
static void
note_size(struct walk *w, uint64_t size)
{
	const struct malloc_abi *abi = w->pt->abi;

	if (size < abi->tcache_min || size > abi->tcache_max)
		return;
	for (const struct tcache_layout *l = abi->tcaches; l->since; l++)
		if (tcache_size_fits(l, size)) {
			vec_push(&w->pt->tcache_like, w->held);
			return;
		}
}

static void
count(struct walk *w, enum state state, uint64_t size)
{
	w->sum->tally[state].count++;
	w->sum->tally[state].bytes += size;
}

static void
add(struct walk *w, hs_addr at, enum state state, uint64_t size)
{
	map_chunk(w->pt->heap, at, state);
	count(w, state, size);
}

static void
add_part(struct walk *w)
{
	if (w->part)
		part_place(w->part, w->pt->heap);
	w->part = NULL;
}

/* Add the chunk that was held back, now that its end, w->p, is known. */
static void
release(struct walk *w, bool used)
{
	uint64_t size = w->p - w->held;
	enum state state = w->held_fence ? STATE_FENCE
	    : used                       ? STATE_USED
					 : STATE_LOOSE;

	if (!w->held)
		return;
	if (state == STATE_USED)
		note_size(w, size);
	if (w->part) {
		part_close(w->part, state);
		add_part(w);
		count(w, state, size);
	} else {
		add(w, w->held, state, size);
	}
	w->held = 0;
	w->held_fence = false;
}

/* A heap's old top may leave 32 bytes that look used but were never handed out. */
static bool
is_left_over(const struct walk *w, uint64_t word)
{
	return !w->run->main && !w->run->top && !(word & FLAG_NOT_MAIN)
	    && (word & ~(uint64_t)FLAGS) == w->pt->abi->min_chunk
	    && (word & FLAG_PREV_USED)
	    && range_left(w->run->range, w->p)
	    == w->pt->abi->min_chunk + w->pt->abi->header;
}

static void
skip(struct walk *w, hs_addr to)
{
	struct range r = { w->p, to };

	vec_push(&w->pt->heap->skipped, r);
	w->sum->lost_bytes += range_size(r);
	w->p = to;
}

/* After fences of a main arena: where its next segment starts, or the end. */
static void
cross_foreign(struct walk *w)
{
	hs_addr from = w->p, q;

	for (q = abi_chunk_from(w->pt->abi, from); q < w->run->range.end; q += GRANULE) {
		uint64_t word;
		hs_addr end;

		w->pt->searched++;
		if (!pt_may_search(w->pt))
			q = w->run->range.end;
		else if (q == w->run->top
		    || (load_size(w, q, &word) && (word & FLAG_PREV_USED)
			&& sane_size(w->pt->abi, w->run, q, word)
			&& pt_chain(w->pt, w->run, q, &end) != CHAIN_BAD))
			break;
	}
	if (q >= w->run->range.end) {
		pt_damage(w->pt, DAMAGE_HEAP, from, 0,
		    "no chunk was found behind others' sbrk() memory");
		skip(w, w->run->range.end);
		return;
	}
	w->sum->foreign_bytes += q - from;
	w->p = q;
}

static bool
at_fences(struct walk *w, uint64_t bytes)
{
	uint64_t word = FLAG_PREV_USED, step;

	if (!w->open && !open_span(w))
		return false;
	(void)load_size(w, w->p, &word);
	release(w, word & FLAG_PREV_USED);
	/* a chunk each; on i386 they are too close together for the map, and are one */
	step = w->pt->abi->header == GRANULE ? GRANULE : bytes;
	for (uint64_t i = 0; i < bytes; i += step)
		add(w, w->p + i, STATE_FENCE, step);
	w->p += bytes;
	close_span(w, w->p);
	if (w->run->main && w->p < w->run->range.end)
		cross_foreign(w);
	return true;
}

/* Are most of the n bytes at w->p missing?  Asked of many only: a size may be wrong. */
static bool
is_hollow(const struct walk *w, uint64_t n)
{
	uint64_t there = 0, same;

	for (hs_addr a = w->p; n >= BIG && a - w->p < n; a += same) {
		const unsigned char *bytes;

		same = space_stretch(w->pt->space, a, n - (a - w->p), &bytes);
		there += bytes ? same : 0;
	}
	return n >= BIG && there < n / 2;
}

/* q is where the next good chunk was found, or 0. */
static struct damage *
tell_damage(const struct walk *w, bool missing, hs_addr culprit, hs_addr q)
{
	struct damage *d;

	if (missing)
		d = pt_damage(w->pt, DAMAGE_MISSING, w->p + w->pt->abi->word,
		    culprit, "the header of this chunk is not in the core");
	else if (q && q < w->p && culprit)
		d = pt_damage(w->pt, DAMAGE_SIZE, culprit + w->pt->abi->word, culprit,
		    "size of the chunk is too large: another one starts in it");
	else
		d = pt_damage(w->pt, DAMAGE_SIZE, w->p + w->pt->abi->word, culprit,
		    "size of the chunk makes no sense: it was overwritten");
	d->resumed = q;
	return d;
}

/* The header at w->p is damaged or missing: find the next good one. */
static void
at_damage(struct walk *w, bool missing, uint64_t word)
{
	hs_addr culprit = w->held;
	struct damage *d;
	hs_addr q = ++w->damages > MAX_DAMAGES
	    ? w->run->top
	    : pt_resync(w->pt, w->run, w->held ? w->held : w->p);

	if (q == w->p) /* the header is good, but what it promises is not there */
		q = pt_resync(w->pt, w->run, w->p);
	d = tell_damage(w, missing, culprit, q);
	if (q && q < w->p) { /* the chunk before had a wrong size */
		w->p = q;
		if (load_size(w, q, &word))
			release(w, word & FLAG_PREV_USED);
		return;
	}
	release(w, true);
	if (q > w->p && w->open && !missing && !is_hollow(w, q - w->p)) {
		w->held = w->p;
		w->p = q;
		return;
	}
	close_span(w, w->p);
	q = q > w->p ? q : w->run->range.end;
	d->skipped = q - w->p;
	skip(w, q);
}

static bool
at_top(struct walk *w)
{
	uint64_t word = FLAG_PREV_USED;

	if (!w->open && !open_span(w))
		return false;
	if (!load_size(w, w->p, &word)
	    || (word & ~(uint64_t)FLAGS) != range_left(w->run->range, w->p)) {
		if (!w->sum->locked)
			pt_damage(w->pt, DAMAGE_TOP, w->p + w->pt->abi->word, w->held,
			    "size of the top chunk is wrong: 0x%llx bytes are left",
			    (unsigned long long)range_left(w->run->range, w->p));
		word |= w->sum->locked ? 0 : FLAG_PREV_USED;
	}
	release(w, word & FLAG_PREV_USED);
	if (is_hollow(w, range_left(w->run->range, w->p))) {
		close_span(w, w->p);
		skip(w, w->run->range.end);
		return true;
	}
	add(w, w->p, STATE_TOP, range_left(w->run->range, w->p));
	close_span(w, w->run->range.end);
	w->p = w->run->range.end;
	return true;
}

static bool
keep(struct walk *w, uint64_t word)
{
	bool left_over = is_left_over(w, word);

	if (!w->open && !open_span(w))
		return false;
	release(w, word & FLAG_PREV_USED);
	w->held = w->p;
	w->held_fence = left_over;
	w->p += word & ~(uint64_t)FLAGS;
	return true;
}

/* One step: a chunk, or whatever else is at w->p.  False: out of memory. */
static bool
step(struct walk *w)
{
	uint64_t word = 0, n;
	bool there;

	if (w->p == w->run->top)
		return at_top(w);
	there = load_size(w, w->p, &word);
	if (there && sane_size(w->pt->abi, w->run, w->p, word)
	    && (!w->run->top || w->p < w->run->top)
	    && !is_hollow(w, word & ~(uint64_t)FLAGS))
		return keep(w, word);
	n = fences_at(w->pt->abi, &w->at, w->run, w->p);
	if (n)
		return at_fences(w, n);
	at_damage(w, !there, word);
	return true;
}

/* As note_size() does it. */
static void
note_likely(struct walk *w, const struct part *part)
{
	for (size_t i = 0; i < part->words; i++)
		for (uint64_t bits = part->starts.likely[i]; bits; bits &= bits - 1)
			vec_push(&w->pt->tcache_like,
			    part->range.start + i * CELL_BYTES
				+ (unsigned)__builtin_ctzll(bits) * GRANULE);
}

/* Takes over what the part has from w->p on, where it has a chunk. */
static bool
take_over(struct walk *w, struct part *part)
{
	struct tally *used = &w->sum->tally[STATE_USED];
	struct tally *loose = &w->sum->tally[STATE_LOOSE];
	uint64_t word = FLAG_PREV_USED;

	if (!w->open && !open_span(w))
		return false;
	(void)load_size(w, w->p, &word);
	release(w, word & FLAG_PREV_USED);
	part_trim(part, w->p);
	note_likely(w, part);
	used->count += part->chunks - part->loose.count;
	used->bytes += part->held - part->from - part->loose.bytes;
	loose->count += part->loose.count;
	loose->bytes += part->loose.bytes;
	w->held = part->held;
	w->part = part;
	w->p = part->to;
	part->to = 0; /* it has no more */
	return true;
}

/* A step, and now and then a look at the clock. */
static bool
go_on(struct walk *w, struct wave *wave, struct hs_error *err)
{
	if (++w->steps % TICK == 0 && !wave_tell(wave, w->p, err))
		return false;
	return step(w) || fail_nomem(err);
}

/* Through the part, or through what else lies before its end. */
static bool
walk_part(struct walk *w, struct wave *wave, struct part *part, struct hs_error *err)
{
	while (w->p < part->range.end)
		if (!part_has(part, w->p)) {
			if (!go_on(w, wave, err))
				return false;
		} else {
			wave->taken++;
			if (!take_over(w, part))
				return fail_nomem(err);
		}
	return true;
}

/*
 * No fences and no top behind it: if the arena's own word for where its top is was
 * overwritten, this chunk, which reaches to the very end, is top.
 */
static void
release_last(struct walk *w)
{
	if (w->held && !w->run->top && w->run->topless && w->p == w->run->range.end) {
		add_part(w);
		add(w, w->held, STATE_TOP, w->p - w->held);
		w->held = 0;
	}
	release(w, true);
}

static bool
walk_run(struct ptmalloc *pt, struct wave *wave, size_t i, struct hs_error *err)
{
	const struct run *run = &wave->runs[i];
	struct walk w = {
		.pt = pt,
		.run = run,
		.sum = &pt->heap->arenas.at[run->arena],
		.at = window_on(pt),
		.p = run->range.start,
	};

	while (w.p < run->range.end) {
		struct part *part = wave_part(wave, i, w.p);

		if (!part && wave_is_over(wave)) {
			add_part(&w);
			if (!wave_begin(wave, w.p, err))
				return false;
			part = wave_part(wave, i, w.p);
		}
		if (!(part ? walk_part(&w, wave, part, err) : go_on(&w, wave, err)))
			return false;
	}
	release_last(&w);
	close_span(&w, run->range.end);
	return (!pt->heap->states.broke && !pt->heap->cells.broke) || fail_nomem(err);
}

bool
pt_walk_runs(struct ptmalloc *pt, const struct run *runs, size_t n, struct hs_error *err)
{
	scoped(wave_fini) struct wave wave;

	wave_init(&wave, pt, runs, n);
	for (size_t i = 0; i < n; i++)
		if (run_bytes(&runs[i]) >= pt->abi->header
		    && !walk_run(pt, &wave, i, err))
			return false;
	return wave_end(&wave, err);
}
