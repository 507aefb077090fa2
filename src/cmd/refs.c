/* SPDX-License-Identifier: GPL-3.0-or-later */
/* refs: who points at a block, and at which blocks it points. */
#include "cmd/operand.h"

#include <stdio.h>

#include "graph/edges.h"
#include "graph/links.h"

enum { SHOWN = 20 /* rows of each kind, for people */ };

static const struct column columns[] = {
	COLUMN_TOOLS("kind"),
	COLUMN_TOOLS("address"),
	COLUMN("text", "word"),
	COLUMN("meets", "meets"),
	COLUMN("block", "block"),
	COLUMN("size_bytes", "usable"),
	COLUMN("reach", "reach"),
	COLUMNS_END,
};

static void
show_root(struct call *c, const struct root *r)
{
	struct hs_scan *s = c->scan;
	enum root_kind kind = s->roots.regions.at[r->region].kind;
	char text[ROOT_TEXT];

	report_row(&c->out, value_word(root_kind_name[kind]),
	    kind == ROOT_REGISTER ? value_none() : value_addr(r->at),
	    value_text(root_text(r, &s->roots, &s->image, text)),
	    value_word(meet_name((enum meet)r->meet)), value_none(), value_none(),
	    value_none());
}

/* The word in block `from` that points at block `to`; the row is about `other`. */
static void
show_link(struct call *c, uint32_t from, uint32_t to, uint32_t other)
{
	struct hs_scan *s = c->scan;
	struct block a = heap_block(&s->heap, from), b = heap_block(&s->heap, other);
	struct link_word link;
	char text[32] = "in a jmp_buf";

	if (!link_find(&s->graph, &s->heap, &s->image, from, to, &link))
		return;
	if (link.at)
		snprintf(text, sizeof text, "+%llu",
		    (unsigned long long)(link.at - a.address));
	report_row(&c->out, value_word("block"),
	    link.at ? value_addr(link.at) : value_none(), value_text(text),
	    value_word(meet_name(link.meet)), value_addr(b.address),
	    value_bytes(b.size), value_word(reach_name[s->graph.reach[other]]));
}

static void
say_more(struct call *c, uint64_t all, uint64_t limit)
{
	if (all > limit)
		report_say(&c->out, "  and %llu more: --limit=N",
		    (unsigned long long)(all - limit));
}

static void
show_holders(struct call *c, uint32_t block, const struct holders *holders,
    uint64_t limit)
{
	const struct roots *roots = &c->scan->roots;
	uint64_t n = 0;

	report_title(&c->out, "What points at it");
	report_rows(&c->out, "referrers", columns);
	for (size_t i = 0; i < roots->all.n; i++)
		if (roots->all.at[i].block == block && n++ < limit)
			show_root(c, &roots->all.at[i]);
	for (size_t i = 0; i < holders->n; i++)
		if (n++ < limit)
			show_link(c, holders->at[i], block, holders->at[i]);
	report_rows_end(&c->out);
	if (n == 0)
		report_say(&c->out, "  nothing");
	say_more(c, n, limit);
}

static void
show_targets(struct call *c, uint32_t block, uint64_t limit)
{
	uint32_t n;
	const uint32_t *edge = edges_of(&c->scan->graph.edges, block, &n);

	report_title(&c->out, "At what it points");
	report_rows(&c->out, "targets", columns);
	for (uint32_t i = 0; i < n && i < limit; i++)
		show_link(c, block, edge_to(edge[i]), edge_to(edge[i]));
	report_rows_end(&c->out);
	if (n == 0)
		report_say(&c->out, "  at no block");
	say_more(c, n, limit);
}

static bool
show_all(struct call *c, const struct block *b, uint64_t limit,
    const struct holders *holders, struct hs_error *err)
{
	if (!call_begin(c, err))
		return false;
	show_block(c, "refs", b);
	show_holders(c, b->number, holders, limit);
	show_targets(c, b->number, limit);
	show_notes(c);
	return true;
}

static bool
refs_run(struct call *c, struct hs_error *err)
{
	struct hs_scan *s = c->scan;
	struct holders holders = { 0 };
	uint64_t limit;
	struct block b;

	if (!call_limit(c, &limit, call_option(c, "json") ? UINT64_MAX : SHOWN, err)
	    || !call_graph(c, err) || !operand_block(c, &b, err)
	    || !scan_edges(s, err))
		return false;
	bool ok = links_to(&holders, &s->graph, &s->heap, b.number, &s->progress, err)
	    && show_all(c, &b, limit, &holders, err);
	vec_free(&holders);
	return ok;
}

static const struct hs_option options[] = {
	{ "limit", "N", "no more than N rows of each kind; 20 unless told, in JSON all" },
	OPTIONS_END,
};

const struct command cmd_refs = {
	.info = {
		.name = "refs",
		.args = "ADDR",
		.about = "show who points at a block, and at which blocks it points",
		.options = options,
	},
	.run = refs_run,
};
