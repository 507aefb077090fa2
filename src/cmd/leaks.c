/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * leaks: what the program can no longer reach.
 *
 * For people the verdict comes first, in ten lines that do for a ticket; then
 * the groups that waste most; then what to run next.
 */
#include "cmd/command.h"
#include "find/leak.h"
#include "out/words.h"

enum { TOP_GROUPS = 10, ROWS_BETWEEN_LOOKS = 4096 };

static const struct column group_columns[] = {
	COLUMN("kind", "kind"),
	COLUMN("count", "leaks"),
	COLUMN("size_bytes", "each"),
	COLUMN_TOOLS("blocks"),
	COLUMN("direct_bytes", "direct"),
	COLUMN_TOOLS("indirect_count"),
	COLUMN("indirect_bytes", "indirect"),
	COLUMN("fingerprint", "fingerprint"),
	COLUMN_TOOLS("examples"),
	COLUMN_PEOPLE("for example"),
	COLUMNS_END,
};

static const struct column leak_columns[] = {
	COLUMN("kind", "kind"),
	COLUMN("address", "address"),
	COLUMN("blocks", "blocks"),
	COLUMN("size_bytes", "direct"),
	COLUMN("indirect_count", "holds"),
	COLUMN("indirect_bytes", "indirect"),
	COLUMNS_END,
};

static const struct tally *
total(const struct call *c, enum reach reach)
{
	return &c->scan->graph.total[reach];
}

static const char *
blocks_text(struct call *c, uint64_t count, uint64_t bytes)
{
	char blocks[WORDS_TEXT], text[WORDS_TEXT];

	return report_text(&c->out, "%s, %s", words_many(blocks, count, "block"),
	    words_bytes(text, bytes));
}

static struct value
tally_value(struct call *c, enum reach reach)
{
	const struct tally *t = total(c, reach);

	return t->count > 0 ? value_text(blocks_text(c, t->count, t->bytes))
			    : value_none();
}

static struct value
leaked_value(struct call *c)
{
	const struct tally *direct = total(c, REACH_DIRECT),
			   *rest = total(c, REACH_INDIRECT);
	char leaks[WORDS_TEXT];
	struct value v = value_text("nothing");

	v.mood = MOOD_GOOD;
	if (c->scan->graph.leaks.n > 0) {
		v = value_text(report_text(&c->out, "%s: %s",
		    words_many(leaks, c->scan->graph.leaks.n, "leak"),
		    blocks_text(c, direct->count + rest->count,
			direct->bytes + rest->bytes)));
		v.mood = MOOD_BAD;
	} else if (c->status == HS_INCOMPLETE) {
		v = value_text("nothing is known to be leaked");
		v.mood = MOOD_DOUBTFUL;
	}
	return v;
}

static struct value
heap_value(struct call *c)
{
	const struct heap *heap = &c->scan->heap;
	uint64_t system = 0;
	char size[WORDS_TEXT];

	if (!heap->allocator)
		return value_text("none was found");
	for (uint32_t i = 0; i < heap->arenas.n; i++)
		system += arena_system_bytes(heap, i);
	return value_text(report_text(&c->out, "%s, of %s taken from the system",
	    blocks_text(c, heap->used.count, heap->used.bytes),
	    words_size(size, system)));
}

static struct value
accounting_value(struct call *c)
{
	const struct heap *heap = &c->scan->heap;
	const char *beside = heap->inner == heap->allocator ? NULL : heap->inner;
	struct value v =
	    value_text(heap->allocator ? report_text(&c->out, "%s (%s%s%s%s%s)",
			   accounting_name[heap->accounting], heap->allocator,
			   heap->layout[0] ? ", " : "", heap->layout,
			   beside ? "; " : "", beside ? beside : "")
				       : accounting_name[heap->accounting]);

	v.mood = heap->accounting == ACCOUNT_INEXACT ? MOOD_BAD : MOOD_GOOD;
	return v;
}

/* The ten lines. */
static void
say_verdict(struct call *c)
{
	static const struct column columns[] = {
		COLUMN_PEOPLE("leaked"),
		COLUMN_PEOPLE("  direct"),
		COLUMN_PEOPLE("  indirect"),
		COLUMN_PEOPLE("unknown"),
		COLUMN_PEOPLE("interior"),
		COLUMN_PEOPLE("end-only"),
		COLUMN_PEOPLE("reachable"),
		COLUMN_PEOPLE("heap"),
		COLUMN_PEOPLE("accounting"),
		COLUMN_PEOPLE("complete"),
		COLUMNS_END,
	};
	bool complete = c->status != HS_INCOMPLETE;

	report_fields(&c->out, NULL, columns, leaked_value(c),
	    tally_value(c, REACH_DIRECT), tally_value(c, REACH_INDIRECT),
	    tally_value(c, REACH_UNKNOWN), tally_value(c, REACH_INTERIOR),
	    tally_value(c, REACH_END), tally_value(c, REACH_START), heap_value(c),
	    accounting_value(c),
	    { .kind = VALUE_WORD,
		.text = complete ? "yes" : "no",
		.mood = complete ? MOOD_GOOD : MOOD_BAD });
}

static void
show_reach(struct call *c)
{
	static const struct column columns[] = {
		COLUMN_TOOLS("reach"),
		COLUMN_TOOLS("count"),
		COLUMN_TOOLS("size_bytes"),
		COLUMNS_END,
	};

	report_rows(&c->out, "reach", columns);
	for (int reach = 0; reach < REACH_NONE; reach++) {
		const struct tally *t = total(c, (enum reach)reach);

		report_row(&c->out, value_word(reach_name[reach]),
		    value_count(t->count), value_bytes(t->bytes));
	}
	report_rows_end(&c->out);
}

static void
show_summary(struct call *c)
{
	static const struct column columns[] = {
		COLUMN_TOOLS("leaks"),
		COLUMN_TOOLS("leaked_count"),
		COLUMN_TOOLS("leaked_bytes"),
		COLUMN_TOOLS("in_use_count"),
		COLUMN_TOOLS("in_use_bytes"),
		COLUMNS_END,
	};
	const struct tally *direct = total(c, REACH_DIRECT),
			   *rest = total(c, REACH_INDIRECT);
	const struct heap *heap = &c->scan->heap;

	report_open(&c->out, "summary");
	report_fields(&c->out, NULL, columns, value_count(c->scan->graph.leaks.n),
	    value_count(direct->count + rest->count),
	    value_bytes(direct->bytes + rest->bytes), value_count(heap->used.count),
	    value_bytes(heap->used.bytes));
	show_reach(c);
	report_close(&c->out);
}

static void
show_group(struct call *c, const struct leak_group *g)
{
	report_row(&c->out, value_word(g->kind), value_count(g->count),
	    value_bytes(g->size), value_count(g->count * g->members),
	    value_bytes(g->bytes), value_count(g->indirect.count),
	    value_bytes(g->indirect.bytes), value_word(g->fingerprint),
	    value_addrs(g->examples, g->nexamples), value_addr(g->examples[0]));
}

static void
show_groups(struct call *c, const struct leaks *leaks, uint64_t limit)
{
	uint64_t shown = leaks->groups.n < limit ? leaks->groups.n : limit;

	if (shown > 0)
		report_title(&c->out,
		    "Leaks of the same kind and size, most bytes first");
	report_rows(&c->out, "groups", group_columns);
	for (size_t i = 0; i < shown; i++)
		show_group(c, &leaks->groups.at[i]);
	report_rows_end(&c->out);
	if (shown < leaks->groups.n)
		report_say(&c->out, "  and %llu more groups: --limit=%llu shows them",
		    (unsigned long long)(leaks->groups.n - shown),
		    (unsigned long long)leaks->groups.n);
}

static bool
show_each(struct call *c, struct hs_error *err)
{
	const struct graph *graph = &c->scan->graph;

	if (graph->leaks.n > 0)
		report_title(&c->out, "Each leak");
	report_rows(&c->out, "leaks", leak_columns);
	for (size_t i = 0; i < graph->leaks.n && !report_broken(&c->out); i++) {
		const struct leak *leak = &graph->leaks.at[i];

		if (i % ROWS_BETWEEN_LOOKS == 0 && !call_writing(c, err))
			return false;
		report_row(&c->out, value_word(leak_kind(leak)),
		    value_addr(heap_block(&c->scan->heap, leak->block).address),
		    value_count(leak->members), value_bytes(leak->bytes),
		    value_count(leak->indirect_count),
		    value_bytes(leak->indirect_bytes));
	}
	report_rows_end(&c->out);
	return true;
}

static void
say_next(struct call *c, const struct leaks *leaks)
{
	const char *prefix = c->scan->options.prefix;
	const char *core = prefix ? "" : " CORE";

	if (!prefix)
		prefix = "heapscan";
	report_title(&c->out, "Next");
	if (leaks->groups.n > 0) {
		report_say(&c->out, "  %s at 0x%llx%s: what lies there", prefix,
		    (unsigned long long)leaks->groups.at[0].examples[0], core);
		if (!call_option(c, "all"))
			report_say(&c->out, "  %s leaks --all%s: each leak", prefix,
			    core);
	}
	report_say(&c->out, "  %s summary%s: where the memory went", prefix, core);
}

static bool
show_leaks(struct call *c, const struct leaks *leaks, uint64_t limit,
    struct hs_error *err)
{
	if (!call_begin(c, err))
		return false;
	say_verdict(c);
	show_summary(c);
	show_groups(c, leaks, limit);
	if (call_option(c, "all") && !show_each(c, err))
		return false;
	show_notes(c);
	say_next(c, leaks);
	if (c->status == HS_CLEAN && leaks->groups.n > 0)
		c->status = HS_FOUND;
	return true;
}

static bool
leaks_run(struct call *c, struct hs_error *err)
{
	scoped(leaks_fini) struct leaks leaks = { 0 };
	uint64_t limit;

	return call_limit(c, &limit,
		   call_option(c, "json") ? UINT64_MAX : TOP_GROUPS, err)
	    && call_graph(c, err)
	    && leaks_group(&leaks, &c->scan->heap, &c->scan->graph, err)
	    && show_leaks(c, &leaks, limit, err);
}

static const struct hs_option options[] = {
	{ "all", NULL, "list each leak as well" },
	{ "limit", "N", "no more than N groups; 10 unless told, in JSON all" },
	OPTIONS_END,
};

const struct command cmd_leaks = {
	.info = {
		.name = "leaks",
		.about = "report what the program can no longer reach",
		.help = "A block is leaked when no chain of pointers leads to it from a register,\n"
			"a live stack, a global or thread-local variable or another mapping.\n"
			"direct: no other leaked block leads to it; indirect: one does.  A cycle of\n"
			"leaked blocks counts once.\n"
			"\n"
			"Not called leaked, but counted: interior, held by pointers into a block's\n"
			"middle only; end-only, by pointers to a block's end only; unknown, not\n"
			"reached, but memory that may hold a pointer is missing.",
		.options = options,
	},
	.run = leaks_run,
};
