/* SPDX-License-Identifier: GPL-3.0-or-later */
/* blocks: every block and every free chunk, one a row. */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"

static const struct column columns[] = {
	COLUMN("address", "address"),
	COLUMN("size_bytes", "bytes"),
	COLUMN("state", "state"),
	COLUMN("list", "list"),
	COLUMN("reach", "reach"),
	COLUMN("arena", "arena"),
	COLUMNS_END,
};

enum { ANY = -1, ROWS_BETWEEN_LOOKS = 16384 };

/* Which chunks are wanted. */
struct filter {
	uint64_t least, most; /* usable bytes */
	bool state[STATE_COUNT];
	int reach;         /* enum reach, or ANY */
	const char *arena; /* name, or NULL */
	uint64_t limit;
};

/* Top, fenceposts and malloc's own chunks are nobody's blocks: not listed. */
static bool
is_listed(int state)
{
	return state == STATE_USED || state_is_free((enum state)state);
}

/* Which of the names is text?  NULL is none of them.  -1, and *err, when none is. */
static int
choose(const char *option, const char *text, const char *const names[], int n,
    struct hs_error *err)
{
	char list[256] = "";

	for (int i = 0; i < n; i++) {
		if (names[i] && !strcmp(names[i], text))
			return i;
		if (names[i])
			snprintf(list + strlen(list), sizeof list - strlen(list),
			    "%s%s", *list ? ", " : "", names[i]);
	}
	fail_usage(err, "--%s=%s: it is one of %s", option, text, list);
	return -1;
}

static bool
filter_state(struct filter *f, const char *text, struct hs_error *err)
{
	const char *names[STATE_COUNT + 1] = { [STATE_COUNT] = "free" };
	int chosen = STATE_COUNT;

	for (int s = 0; s < STATE_COUNT; s++)
		names[s] = is_listed(s) ? state_name[s] : NULL;
	if (text)
		chosen = choose("state", text, names, STATE_COUNT + 1, err);
	for (int s = 0; s < STATE_COUNT; s++)
		f->state[s] = is_listed(s)
		    && (!text || chosen == s
			|| (chosen == STATE_COUNT && s != STATE_USED));
	return chosen >= 0;
}

static bool
filter_reach(struct filter *f, const char *text, struct hs_error *err)
{
	f->reach = text ? choose("reach", text, reach_name, REACH_NONE, err) : ANY;
	return !text || f->reach >= 0;
}

static bool
filter_read(struct filter *f, const struct call *c, struct hs_error *err)
{
	const char *size = call_option(c, "size");

	f->least = 0;
	f->most = UINT64_MAX;
	f->arena = call_option(c, "arena");
	if (size && !parse_range(size, &f->least, &f->most))
		return fail_usage(err,
		    "--size=%s: a range looks like 64, 64-4K or 1M-", size);
	return filter_state(f, call_option(c, "state"), err)
	    && filter_reach(f, call_option(c, "reach"), err)
	    && call_limit(c, &f->limit, UINT64_MAX, err);
}

static bool
wanted(const struct filter *f, const struct block *b, enum reach reach, const char *arena)
{
	return f->state[b->state] && b->size >= f->least && b->size <= f->most
	    && (f->reach == ANY || f->reach == (int)reach)
	    && (!f->arena || !strcmp(f->arena, arena));
}

static void
show_block(struct call *c, const struct block *b, enum reach reach, const char *arena)
{
	bool used = b->state == STATE_USED;

	report_row(&c->out, value_addr(b->address), value_bytes(b->size),
	    value_word(used ? "in-use" : "free"),
	    used ? value_none() : value_word(state_name[b->state]),
	    used ? value_word(reach_name[reach]) : value_none(), value_word(arena));
}

static bool
show_blocks(struct call *c, const struct filter *f, struct hs_error *err)
{
	const struct heap *heap = &c->scan->heap;
	char name[ARENA_NAME] = "";
	uint32_t arena = UINT32_MAX;
	struct block b = { 0 };
	uint64_t shown = 0;

	while (shown < f->limit && heap_next(heap, &b)) {
		enum reach reach = (enum reach)c->scan->graph.reach[b.number];

		if (b.number % ROWS_BETWEEN_LOOKS == 0 && !call_writing(c, err))
			return false;
		if (report_broken(&c->out))
			return true;
		if (b.span->arena != arena)
			arena_name(name, heap, arena = b.span->arena);
		if (!wanted(f, &b, reach, name))
			continue;
		show_block(c, &b, reach, name);
		shown++;
	}
	return true;
}

static bool
blocks_run(struct call *c, struct hs_error *err)
{
	struct filter f;

	if (!filter_read(&f, c, err) || !call_graph(c, err) || !call_begin_rows(c, err))
		return false;
	report_rows(&c->out, "blocks", columns);
	if (!show_blocks(c, &f, err))
		return false;
	report_rows_end(&c->out);
	return true;
}

static const struct hs_option options[] = {
	{ "size", "RANGE", "usable bytes: 64, 64-4K, 1M-, -128" },
	{ "state", "STATE",
	    "in-use, free, or what it is on: tcache, fastbin, unsorted, small-bin, ..." },
	{ "reach", "REACH",
	    "reachable, interior, end-only, unknown, leaked-direct, ..." },
	{ "arena", "ARENA", "main, mmapped, pymalloc or the address of one" },
	{ "limit", "N", "no more than N rows" },
	OPTIONS_END,
};

const struct command cmd_blocks = {
	.info = {
		.name = "blocks",
		.about = "list every block in use and every free chunk",
		.help = "The address is what malloc() returned, the size what the program may\n"
			"use of it.  JSON is one object a line.",
		.options = options,
	},
	.run = blocks_run,
};
