/* SPDX-License-Identifier: GPL-3.0-or-later */
/* summary: where did the memory go? */
#include "cmd/command.h"
#include "find/memory.h"

static void
show_memory(struct call *c, const struct memory *m)
{
	static const struct column columns[] = {
		COLUMN("kind", "kind"),
		COLUMN("ranges", "ranges"),
		COLUMN("size_bytes", "bytes"),
		COLUMN("missing_bytes", "missing"),
		COLUMNS_END,
	};

	report_title(&c->out, "Memory");
	report_rows(&c->out, "memory", columns);
	for (int i = 0; i < MEMORY_KINDS; i++) {
		const struct memory_use *use = &m->use[i];

		if (use->ranges > 0)
			report_row(&c->out, value_word(memory_name[i]),
			    value_count(use->ranges), value_bytes(use->bytes),
			    value_bytes(use->missing));
	}
	report_rows_end(&c->out);
}

/* What malloc's memory was used for, arenas and mmapped blocks together. */
static void
show_chunks(struct call *c, const struct memory *m)
{
	static const struct column columns[] = {
		COLUMN("state", "what"),
		COLUMN("count", "chunks"),
		COLUMN("size_bytes", "bytes"),
		COLUMNS_END,
	};

	report_title(&c->out, "Heap, headers included");
	report_rows(&c->out, "heap", columns);
	for (int s = 0; s < STATE_COUNT; s++)
		if (m->chunks[s].count > 0)
			report_row(&c->out, value_word(state_name[s]),
			    value_count(m->chunks[s].count),
			    value_bytes(m->chunks[s].bytes));
	report_rows_end(&c->out);
}

static void
show_fragmentation(struct call *c, const struct memory *m)
{
	static const struct column columns[] = {
		COLUMN("arena_bytes", "arenas"),
		COLUMN("free_bytes", "free, but kept"),
		COLUMN("top_bytes", "never used yet"),
		COLUMN("largest_free_bytes", "largest free chunk"),
		COLUMN_PEOPLE("fragmentation"),
		COLUMN_PEOPLE("accounting"),
		COLUMNS_END,
	};
	const struct heap *heap = &c->scan->heap;
	double share = m->arena_bytes
	    ? 100.0 * (double)m->free_bytes / (double)m->arena_bytes
	    : 0;

	report_title(&c->out, "Fragmentation");
	report_fields(&c->out, "fragmentation", columns,
	    value_bytes(m->arena_bytes), value_bytes(m->free_bytes),
	    value_bytes(m->chunks[STATE_TOP].bytes), value_bytes(m->largest_free),
	    value_text(report_text(&c->out, "%.1f %% of the arenas is free", share)),
	    heap->disagreement_text[0]
		? value_text(report_text(&c->out, "%s: %s",
		    accounting_name[heap->accounting], heap->disagreement_text))
		: value_word(accounting_name[heap->accounting]));
}

static const char *
no_heap(struct call *c)
{
	const char *other = c->scan->heap.other;

	return other ? report_text(&c->out,
		   "No heap that can be read: the allocator is %s", other)
		     : "No heap was found";
}

static bool
summary_run(struct call *c, struct hs_error *err)
{
	struct memory m = { 0 };
	struct hs_scan *s = c->scan;

	if (!scan_heap(c->scan, err)
	    || !memory_measure(&m, &s->image, &s->heap, err) || !call_begin(c, err))
		return false;
	report_open(&c->out, "summary");
	show_memory(c, &m);
	if (s->heap.allocator)
		show_chunks(c, &m);
	else
		report_title(&c->out, no_heap(c));
	if (s->heap.allocator)
		report_title(&c->out, "Arenas");
	show_arenas(c, "arenas");
	show_fragmentation(c, &m);
	report_close(&c->out);
	show_notes(c);
	return true;
}

static const struct hs_option options[] = { OPTIONS_END };

const struct command cmd_summary = {
	.info = {
		.name = "summary",
		.about = "show where the memory went: heap, stacks, modules, mappings",
		.help = "Every address that the process had, by what it was used for; then the\n"
			"heap, by what became of each chunk; then its arenas, and how much of\n"
			"them is free but cannot be given back.",
		.options = options,
	},
	.run = summary_run,
};
