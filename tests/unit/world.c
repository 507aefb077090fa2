/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small worlds: from memory to a core, and what became of it. */
#include "unit/world.h"

#include <elf.h>
#include <stdio.h>

enum {
	PRPSINFO = 136, /* bytes; its end: pids, a name, arguments */
	PRPSINFO_PID = 24,
	PRPSINFO_NAME = 40,
	PRSTATUS = 336,
	PRSTATUS_SIGNAL = 12,
	PRSTATUS_TID = 32,
	PRSTATUS_REGS = 112,
	PID = 100,
	SIGNAL = 6,
};

void
world_put(struct world *w, hs_addr at, uint64_t word)
{
	memory_put(&w->memory, at, word);
}

void
world_name(struct world *w, const char *text, hs_addr at)
{
	struct name n = { .at = at };

	snprintf(n.text, sizeof n.text, "%s", text);
	vec_push(&w->names, n);
}

hs_addr
world_at(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->names.n; i++)
		if (strcmp(w->names.at[i].text, name) == 0)
			return w->names.at[i].at;
	fprintf(stderr, "nothing has the name %s\n", name);
	abort();
}

/* ---- The core */

static void
freeze_thread(struct world *w, const struct world_thread *t, int32_t tid)
{
	unsigned char status[PRSTATUS] = { 0 };

	status[PRSTATUS_SIGNAL] = SIGNAL;
	memcpy(status + PRSTATUS_TID, &tid, sizeof tid);
	memcpy(status + PRSTATUS_REGS, t->reg, machines[0]->nregs * sizeof *t->reg);
	tiny_note(&w->core, "CORE", NT_PRSTATUS, status, sizeof status);
	tiny_note(&w->core, "CORE", NT_FPREGSET, t->vector, sizeof t->vector);
}

static void
freeze_notes(struct world *w)
{
	unsigned char process[PRPSINFO] = { 0 };
	int32_t pid = PID;

	memcpy(process + PRPSINFO_PID, &pid, sizeof pid);
	memcpy(process + PRPSINFO_NAME, "synth", 5);
	for (size_t i = 0; i < w->threads.n; i++)
		if (!w->threads.at[i].spare)
			freeze_thread(w, &w->threads.at[i], PID + (int32_t)i);
	tiny_note(&w->core, "CORE", NT_PRPSINFO, process, sizeof process);
}

static void
freeze_memory(struct world *w)
{
	for (size_t i = 0; i < w->memory.n; i++) {
		const struct area *a = &w->memory.at[i];

		vec_push(&w->core.segments,
		    (struct tiny_segment) {
			.start = a->range.start,
			.memory = a->size,
			.contents = a->missing ? 0 : a->size,
			.flags = a->flags,
			.bytes = a->bytes,
			.known = a->size,
		    });
	}
}

void
world_freeze(struct world *w)
{
	freeze_notes(w);
	world_list_files(w);
	freeze_memory(w);
	tiny_make(&w->core);
}

void
world_read(struct world *w)
{
	struct hs_options o = { .core = w->core.path };
	struct hs_error err;

	world_freeze(w);
	tiny_put(&w->core, w->core.image.at, w->core.image.n);
	w->scan = hs_open(&o, &err);
	if (!w->scan || !scan_graph(w->scan, &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

void
world_make(struct world *w, const char *text)
{
	world_write(w, text);
	world_read(w);
}

void
world_fini(struct world *w)
{
	hs_close(w->scan);
	tiny_fini(&w->core);
	memory_fini(&w->memory);
	draft_fini(&w->draft);
	vec_free(&w->names);
	vec_free(&w->facts);
	vec_free(&w->threads);
}

/* ---- What became of it */

struct block
world_block(const struct world *w, const char *name)
{
	struct block b = { .span = NULL };

	if (!heap_chunk_at(&w->scan->heap, world_at(w, name), &b)) {
		fprintf(stderr, "%s is in no span\n", name);
		abort();
	}
	return b;
}

enum state
world_state(const struct world *w, hs_addr a)
{
	struct block b;

	return heap_chunk_at(&w->scan->heap, a, &b) ? b.state : STATE_COUNT;
}

const char *
world_reach(const struct world *w, const char *name)
{
	struct block b;

	if (!heap_chunk_at(&w->scan->heap, world_at(w, name), &b))
		return "nothing";
	if (b.address != world_at(w, name))
		return "elsewhere";
	return b.state == STATE_USED ? reach_name[w->scan->graph.reach[b.number]]
				     : state_name[b.state];
}

/* What is true of a fact's subject, as a word. */
static const char *
truth(const struct world *w, const char *what, char number[24])
{
	const struct hs_scan *s = w->scan;

	if (strcmp(what, "accounting") == 0)
		return accounting_name[s->heap.accounting];
	if (strcmp(what, "leaks") == 0)
		snprintf(number, 24, "%zu", s->graph.leaks.n);
	else if (strcmp(what, "damages") == 0)
		snprintf(number, 24, "%zu", s->heap.damages.n);
	else
		return world_reach(w, what);
	return number;
}

/* What is wrong with the heap map, or NULL: chunks must tile their spans. */
static const char *
wrong_in(const struct heap *h)
{
	struct block at = { .span = NULL };
	hs_addr end = 0;

	while (heap_next(h, &at)) {
		hs_addr start = at.address - at.span->header;

		if (start != (at.number == at.span->first ? at.span->range.start : end))
			return "a chunk begins where none ends";
		end = at.address + at.size - (uint64_t)(int64_t)at.span->tail;
		if (end <= start || end > at.span->range.end)
			return "a chunk ends outside of its span";
	}
	return heap_invalid(h);
}

bool
world_holds(const struct world *w)
{
	bool all = true;
	char number[24];

	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fact *f = &w->facts.at[i];
		const char *true_word = truth(w, f->what, number);

		if (strcmp(true_word, f->wanted) == 0)
			continue;
		printf("# %s is %s, not %s\n", f->what, true_word, f->wanted);
		all = false;
	}
	if (wrong_in(&w->scan->heap)) {
		printf("# %s\n", wrong_in(&w->scan->heap));
		all = false;
	}
	return all;
}

bool
world_is_so(const char *text)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w, text);
	return world_holds(&w);
}
