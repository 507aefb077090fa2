/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waves: parts of runs that are walked at the same time.
 *
 * A wave begins where the walk is, and goes on over as many runs as it takes.
 * Its parts are walked by all threads, and then the walk comes and takes over
 * what is right.  Waves grow while nearly all is; else the next one is a single
 * part, so that a heap that was made to mislead us costs little.
 */
#include "heap/glibc/waves.h"

#include "heap/glibc/header.h"

enum {
	PART = 1 << 20,   /* bytes */
	JOBS = 32,        /* for each thread, in the largest wave */
	MAX_PARTS = 1024, /* in a wave: runs may be small, threads many */
};

/* A bit for each 16 bytes from tcache_min on. */
static unsigned
likely_sizes(const struct malloc_abi *abi)
{
	unsigned sizes = 0;

	for (const struct tcache_layout *l = abi->tcaches; l->since; l++)
		for (unsigned i = 0;
		     abi->tcache_min + i * GRANULE <= abi->tcache_max; i++)
			if (tcache_size_fits(l, abi->tcache_min + i * GRANULE))
				sizes |= 1u << i;
	return sizes;
}

void
wave_init(struct wave *w, const struct ptmalloc *pt, const struct run *runs, size_t n)
{
	*w = (struct wave) {
		.pt = pt,
		.runs = runs,
		.nruns = n,
		.grain = pt->crew->grain ? align_up(pt->crew->grain, CELL_BYTES) : PART,
		.likely = likely_sizes(pt->abi),
	};
	for (size_t i = 0; i < n; i++)
		w->all += run_bytes(&runs[i]);
}

void
wave_fini(struct wave *w)
{
	vec_free(&w->parts);
	free(w->words);
}

/* Where headers of other kinds may begin: top, fences, what was left of an old top. */
static hs_addr
plain_end(const struct run *run)
{
	uint64_t n = run_bytes(run);

	if (n < MAX_FENCES)
		return run->range.start;
	return run->top ? run->top
			: run->range.start + align_down(n - MAX_FENCES, GRANULE);
}

static const struct pt_params *
params_of(const struct wave *w, const struct run *run)
{
	const struct ptmalloc *pt = w->pt;

	return &pt->instances.at[pt->heap->arenas.at[run->arena].instance].params;
}

/* The part of run i from p on.  False when nothing ordinary is there, or no memory. */
static bool
add_part(struct wave *w, size_t i, hs_addr p, bool known)
{
	const struct run *run = &w->runs[i];
	struct part part = {
		.run = i,
		.known = known,
		.run_left = range_left(run->range, p),
		.alien = alien_bits(run),
		.likely = w->likely,
		.params = params_of(w, run),
		.abi = w->pt->abi,
	};
	uint64_t n, left;

	if (p >= plain_end(run))
		return false;
	n = space_run(w->pt->space, p, &part.bytes);
	if (n < GRANULE)
		return false;
	left = plain_end(run) - p;
	part.exact = run->top && left < n - (GRANULE - 1);
	part.limit = left < n - (GRANULE - 1) ? left : n - (GRANULE - 1);
	part.stop = w->grain - (p - run->range.start) % w->grain;
	part.range = (struct range) { p, p + part.stop };
	if (part.stop >= part.limit) {
		part.stop = part.limit;
		n = align_up(n, GRANULE);
		part.range.end = p + (left < n ? left : n);
	}
	part.words = range_size(part.range) / CELL_BYTES + 1;
	vec_push(&w->parts, part);
	return !w->parts.broke;
}

/* Cuts a wave of `reach` bytes, or a bit more. */
static void
cut(struct wave *w, hs_addr p)
{
	size_t i = w->run;
	hs_addr at = p;

	w->parts.n = w->next = w->taken = 0;
	w->bytes = 0;
	w->from = p;
	while (w->bytes < w->reach && w->parts.n < MAX_PARTS) {
		const struct run *run = &w->runs[i];

		if (add_part(w, i, at, at == p || at == run->range.start)) {
			const struct part *last = &w->parts.at[w->parts.n - 1];

			w->bytes += range_size(last->range);
			at = last->range.end;
		} else if (at >= plain_end(run) && i + 1 < w->nruns) {
			at = w->runs[++i].range.start;
		} else {
			break;
		}
	}
}

static bool
give_words(struct wave *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->parts.n; i++)
		n += 3 * w->parts.at[i].words;
	if (n > w->room) {
		free(w->words);
		w->words = malloc(n * sizeof *w->words);
		w->room = w->words ? n : 0;
	}
	n = 0;
	for (size_t i = 0; w->words && i < w->parts.n; i++) {
		struct part *p = &w->parts.at[i];

		p->starts.all = w->words + n;
		p->starts.loose = p->starts.all + p->words;
		p->starts.likely = p->starts.loose + p->words;
		n += 3 * p->words;
	}
	return w->words || n == 0;
}

bool
wave_tell(const struct wave *w, hs_addr p, struct hs_error *err)
{
	uint64_t done = w->before + (p - w->runs[w->run].range.start);

	return progress_bytes(w->pt->crew->progress, "walking the heap",
	    done < w->all ? done : w->all, w->all, err);
}

/* The crew's progress, which is that of one wave, told of all runs. */
static bool
tell(void *arg, const struct hs_progress *p)
{
	const struct wave *w = arg;
	struct hs_error err;

	return wave_tell(w, w->from + w->bytes / 100 * (unsigned)p->percent, &err);
}

static bool
walk_some(void *arg, size_t job)
{
	const struct wave *w = arg;
	size_t from = job * STREAMS, n = w->parts.n - from;

	parts_walk(&w->parts.at[from], n < STREAMS ? n : STREAMS);
	return true;
}

static bool
put_some(void *arg, size_t job)
{
	const struct wave *w = arg;

	for (size_t i = job * STREAMS; i < w->parts.n && i < (job + 1) * STREAMS; i++)
		part_put(&w->parts.at[i], w->pt->heap);
	return true;
}

/* Jobs of STREAMS parts each. */
static size_t
jobs(const struct wave *w)
{
	return (w->parts.n + STREAMS - 1) / STREAMS;
}

bool
wave_end(struct wave *w, struct hs_error *err)
{
	const struct progress silent = { .call = NULL }; /* it is soon done */
	struct crew crew = *w->pt->crew;

	crew.progress = &silent;
	return crew_run(&crew, "", jobs(w), put_some, w, err);
}

static bool
walk_wave(struct wave *w, struct hs_error *err)
{
	struct progress progress = { tell, w };
	struct crew crew = *w->pt->crew;

	crew.progress = &progress;
	if (w->parts.broke || !give_words(w))
		return fail_nomem(err);
	return crew_run(&crew, "", jobs(w), walk_some, w, err);
}

/* Most of what was walked was of use: then more at once.  Else with care again. */
static void
set_reach(struct wave *w)
{
	unsigned threads = w->pt->crew->threads > 1 ? w->pt->crew->threads : 1;
	uint64_t most = w->grain * STREAMS * JOBS * threads;

	if (w->taken < w->parts.n - w->parts.n / 8)
		w->reach = 0;
	w->reach = w->reach ? 4 * w->reach : w->grain;
	w->reach = w->reach < most ? w->reach : most;
}

/* Is the next part before p of run w->run? */
static bool
is_behind(const struct wave *w, hs_addr p)
{
	const struct part *next = &w->parts.at[w->next];

	return next->run < w->run || (next->run == w->run && next->range.end <= p);
}

struct part *
wave_part(struct wave *w, size_t run, hs_addr p)
{
	for (; w->run < run; w->run++)
		w->before += run_bytes(&w->runs[w->run]);
	while (w->next < w->parts.n && is_behind(w, p))
		w->next++;
	return w->next < w->parts.n && w->parts.at[w->next].run == run
	    ? &w->parts.at[w->next]
	    : NULL;
}

bool
wave_begin(struct wave *w, hs_addr p, struct hs_error *err)
{
	if (!wave_end(w, err))
		return false;
	set_reach(w);
	cut(w, p);
	return w->parts.n == 0 || walk_wave(w, err);
}
