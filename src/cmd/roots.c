/* SPDX-License-Identifier: GPL-3.0-or-later */
/* roots: where pointers to blocks were looked for, and found. */
#include "cmd/operand.h"

static const struct column kind_columns[] = {
	COLUMN("kind", "kind"),
	COLUMN("regions", "regions"),
	COLUMN("size_bytes", "bytes"),
	COLUMN("words", "words"),
	COLUMN("pointers", "pointers"),
	COLUMNS_END,
};

static const struct column root_columns[] = {
	COLUMN("kind", "kind"),
	COLUMN_TOOLS("address"),
	COLUMN("meets", "meets"),
	COLUMN("block", "block"),
	COLUMN("text", "from"),
	COLUMNS_END,
};

enum { ROWS_BETWEEN_LOOKS = 1024 };

static void
show_kinds(struct call *c)
{
	const struct roots *roots = &c->scan->roots;

	report_rows(&c->out, "roots", kind_columns);
	for (int kind = 0; kind < ROOT_KINDS; kind++) {
		uint64_t regions = 0, bytes = 0, words = 0, pointers = 0;

		for (size_t i = 0; i < roots->regions.n; i++) {
			const struct region *r = &roots->regions.at[i];

			if ((int)r->kind != kind)
				continue;
			regions++;
			bytes += range_size(r->range);
			words += r->words;
			pointers += r->pointers;
		}
		if (regions > 0)
			report_row(&c->out, value_word(root_kind_name[kind]),
			    value_count(regions), value_bytes(bytes),
			    value_count(words), value_count(pointers));
	}
	report_rows_end(&c->out);
}

static void
show_root(struct call *c, const struct root *root)
{
	struct hs_scan *s = c->scan;
	enum root_kind kind = s->roots.regions.at[root->region].kind;
	char text[ROOT_TEXT];

	report_row(&c->out, value_word(root_kind_name[kind]),
	    kind == ROOT_REGISTER ? value_none() : value_addr(root->at),
	    value_word(meet_name((enum meet)root->meet)),
	    value_addr(heap_block(&s->heap, root->block).address),
	    value_text(root_text(root, &s->roots, &s->image, text)));
}

static bool
show_all(struct call *c, struct hs_error *err)
{
	const struct roots *roots = &c->scan->roots;
	uint64_t limit;

	if (!call_limit(c, &limit, UINT64_MAX, err) || !call_begin_rows(c, err))
		return false;
	report_rows(&c->out, "roots", root_columns);
	for (size_t i = 0; i < roots->all.n && i < limit; i++) {
		if (i % ROWS_BETWEEN_LOOKS == 0 && !call_writing(c, err))
			return false;
		if (report_broken(&c->out))
			return true;
		show_root(c, &roots->all.at[i]);
	}
	report_rows_end(&c->out);
	return true;
}

static bool
roots_run(struct call *c, struct hs_error *err)
{
	if (!scan_roots(c->scan, err))
		return false;
	if (call_option(c, "all"))
		return show_all(c, err);
	if (!call_begin(c, err))
		return false;
	show_kinds(c);
	show_notes(c);
	return true;
}

static const struct hs_option options[] = {
	{ "all", NULL, "list each root: where it is, and the block that it points to" },
	{ "limit", "N", "with --all: no more than N" },
	OPTIONS_END,
};

const struct command cmd_roots = {
	.info = {
		.name = "roots",
		.about = "show where pointers into the heap were looked for and found",
		.help = "Roots are words outside the heap that the program can read: registers,\n"
			"live stacks, thread-local and global variables, other mappings.",
		.options = options,
	},
	.run = roots_run,
};
