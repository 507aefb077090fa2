/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * why: the way from a root to a block.
 *
 * The first path is the surest, and of those the shortest.  Further ones differ
 * in their last step: each comes by way of another root or another holder.
 */
#include "cmd/operand.h"

#include <stdio.h>

#include "graph/links.h"
#include "graph/mark.h"

enum { SHOWN = 20 /* steps of a path, for people */ };

static const struct column columns[] = {
	COLUMN("path", "path"),
	COLUMN("step", "step"),
	COLUMN_TOOLS("kind"),
	COLUMN_TOOLS("address"),
	COLUMN("text", "from"),
	COLUMN("meets", "meets"),
	COLUMN("block", "block"),
	COLUMN("size_bytes", "usable"),
	COLUMNS_END,
};

/* A last step to the block in question: from a root, or from another block. */
struct way {
	const struct root *root; /* or NULL */
	uint32_t holder;
	enum reach reach; /* of the whole path */
	size_t length;    /* steps */
};

struct ways VEC(struct way);

static int
by_strength(const void *a, const void *b)
{
	const struct way *x = a, *y = b;

	if (x->reach != y->reach)
		return x->reach < y->reach ? -1 : 1;
	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	if (x->root && y->root)
		return x->root < y->root ? -1 : x->root > y->root;
	return x->holder < y->holder ? -1 : x->holder > y->holder;
}

static enum reach
weaker(enum reach a, enum reach b)
{
	return a > b ? a : b;
}

/* The path that marking found. */
static void
add_best(struct ways *ways, const struct hs_scan *s, uint32_t block)
{
	uint32_t before = s->paths.before[block];

	if (before == PATHS_NONE)
		return;
	vec_push(ways,
	    (struct way) {
		.root = before == block ? paths_root(&s->roots, block) : NULL,
		.holder = before,
		.reach = (enum reach)s->graph.reach[block],
		.length = s->paths.length[block],
	    });
}

/* All roots of the block, and all holders that have a path of their own. */
static bool
add_all(struct ways *ways, const struct hs_scan *s, uint32_t block, struct hs_error *err)
{
	struct holders holders = { 0 };
	struct link_word link;

	for (size_t i = 0; i < s->roots.all.n; i++) {
		const struct root *r = &s->roots.all.at[i];

		if (r->block == block)
			vec_push(ways,
			    (struct way) { r, block, reach_of((enum meet)r->meet), 1 });
	}
	if (!links_to(&holders, &s->graph, &s->heap, block, &s->progress, err)) {
		vec_free(&holders);
		return false;
	}
	for (size_t i = 0; i < holders.n; i++) {
		uint32_t h = holders.at[i];

		if (s->paths.before[h] == PATHS_NONE || paths_pass(&s->paths, h, block)
		    || !link_find(&s->graph, &s->heap, &s->image, h, block, &link))
			continue;
		vec_push(ways,
		    (struct way) { NULL, h,
			weaker((enum reach)s->graph.reach[h], reach_of(link.meet)),
			s->paths.length[h] + (size_t)1 });
	}
	vec_free(&holders);
	vec_sort(ways, by_strength);
	return true;
}

static void
show_root_step(struct call *c, size_t path, const struct root *r)
{
	struct hs_scan *s = c->scan;
	struct block b = heap_block(&s->heap, r->block);
	enum root_kind kind = s->roots.regions.at[r->region].kind;
	char text[ROOT_TEXT];

	report_row(&c->out, value_count(path), value_count(1),
	    value_word(root_kind_name[kind]),
	    kind == ROOT_REGISTER ? value_none() : value_addr(r->at),
	    value_text(root_text(r, &s->roots, &s->image, text)),
	    value_word(meet_name((enum meet)r->meet)), value_addr(b.address),
	    value_bytes(b.size));
}

static void
show_step(struct call *c, size_t path, size_t step, uint32_t from, uint32_t to)
{
	struct hs_scan *s = c->scan;
	struct block a = heap_block(&s->heap, from), b = heap_block(&s->heap, to);
	struct link_word link;
	char text[64];

	if (!link_find(&s->graph, &s->heap, &s->image, from, to, &link))
		return;
	if (link.at)
		snprintf(text, sizeof text, "0x%llx+%llu",
		    (unsigned long long)a.address,
		    (unsigned long long)(link.at - a.address));
	else
		snprintf(text, sizeof text, "0x%llx, in a jmp_buf",
		    (unsigned long long)a.address);
	report_row(&c->out, value_count(path), value_count(step),
	    value_word("block"), link.at ? value_addr(link.at) : value_none(),
	    value_text(text), value_word(meet_name(link.meet)),
	    value_addr(b.address), value_bytes(b.size));
}

/* The blocks of a way, from that which a root leads to: to be freed.  NULL: no memory. */
static uint32_t *
blocks_of(const struct hs_scan *s, const struct way *w, uint32_t block)
{
	uint32_t *at = malloc(w->length * sizeof *at);
	uint32_t b = w->holder;

	if (!at)
		return NULL;
	at[w->length - 1] = block;
	for (size_t i = w->length - 1; i > 0; i--, b = s->paths.before[b])
		at[i - 1] = b;
	return at;
}

static bool
show_way(struct call *c, size_t path, const struct way *w, uint32_t block,
    uint64_t limit, struct hs_error *err)
{
	autofree uint32_t *at = blocks_of(c->scan, w, block);
	const struct root *root;

	if (!at)
		return fail_nomem(err);
	root = w->root ? w->root : paths_root(&c->scan->roots, at[0]);
	if (root)
		show_root_step(c, path, root);
	for (size_t i = 1; i < w->length; i++)
		if (w->length <= limit || i < limit / 2 || i >= w->length - limit / 2)
			show_step(c, path, i + 1, at[i - 1], at[i]);
	return true;
}

static bool
show_ways(struct call *c, const struct ways *ways, const struct block *b,
    uint64_t paths, uint64_t limit, struct hs_error *err)
{
	size_t shown = ways->n < paths ? ways->n : (size_t)paths, cut = 0;

	if (!call_begin(c, err))
		return false;
	show_block(c, "why", b);
	if (shown > 0)
		report_title(&c->out, "From a root, step by step");
	report_rows(&c->out, "steps", columns);
	for (size_t i = 0; i < shown; i++) {
		if (!show_way(c, i + 1, &ways->at[i], b->number, limit, err))
			return false;
		cut += ways->at[i].length > limit;
	}
	report_rows_end(&c->out);
	if (shown == 0)
		report_say(&c->out,
		    "No root leads to it: `refs` says which blocks do.");
	if (cut > 0)
		report_say(&c->out, "  steps in the middle are left out: --limit=N");
	show_notes(c);
	return true;
}

static bool
why_run(struct call *c, struct hs_error *err)
{
	const char *wanted = call_option(c, "paths");
	struct ways ways = { 0 };
	uint64_t limit, paths = 1;
	struct block b;

	if (wanted && (!parse_number(wanted, &paths) || paths == 0))
		return fail_usage(err, "--paths=%s: how many, at least 1", wanted);
	if (!call_limit(c, &limit, call_option(c, "json") ? UINT64_MAX : SHOWN, err)
	    || !call_graph(c, err) || !operand_block(c, &b, err)
	    || !scan_paths(c->scan, err))
		return false;
	bool ok = true;
	if (paths == 1)
		add_best(&ways, c->scan, b.number);
	else
		ok = add_all(&ways, c->scan, b.number, err);
	if (ok && ways.broke)
		ok = fail_nomem(err);
	ok = ok && show_ways(c, &ways, &b, paths, limit, err);
	vec_free(&ways);
	return ok;
}

static const struct hs_option options[] = {
	{ "paths", "N", "up to N paths, each with another last step; 1 unless told" },
	{ "limit", "N", "no more than N steps of a path; 20 unless told, in JSON all" },
	OPTIONS_END,
};

const struct command cmd_why = {
	.info = {
		.name = "why",
		.args = "ADDR",
		.about = "say why a block is reachable: the way to it from a root",
		.help = "The path shown is the surest, and of those the shortest; each step is a word\n"
			"in memory that points at the next block.",
		.options = options,
	},
	.run = why_run,
};
