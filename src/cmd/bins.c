/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bins: every list of free chunks that is not empty. */
#include "cmd/command.h"

static const struct column columns[] = {
	COLUMN("kind", "list"),
	COLUMN("arena", "arena"),
	COLUMN("thread", "thread"),
	COLUMN("index", "index"),
	COLUMN("chunk_min_bytes", "chunks from"),
	COLUMN("chunk_max_bytes", "to"),
	COLUMN("count", "chunks"),
	COLUMN("size_bytes", "bytes"),
	COLUMNS_END,
};

static void
show_bin(struct call *c, const struct bin *b)
{
	const struct heap *heap = &c->scan->heap;
	bool tcache = b->kind == STATE_TCACHE;
	bool bounded = b->chunk_max > 0;
	char name[ARENA_NAME];

	report_row(&c->out, value_word(state_name[b->kind]),
	    b->arena < heap->arenas.n ? value_word(arena_name(name, heap, b->arena))
				      : value_none(),
	    tcache && b->thread ? value_count(b->thread) : value_none(),
	    value_count(b->index), bounded ? value_count(b->chunk_min) : value_none(),
	    bounded && b->chunk_max < UINT64_MAX / 2 ? value_count(b->chunk_max)
						     : value_none(),
	    value_count(b->tally.count), value_bytes(b->tally.bytes));
}

static bool
bins_run(struct call *c, struct hs_error *err)
{
	if (!scan_blocks(c->scan, err) || !call_begin(c, err))
		return false;
	report_rows(&c->out, "bins", columns);
	for (size_t i = 0; i < c->scan->heap.bins.n; i++)
		show_bin(c, &c->scan->heap.bins.at[i]);
	report_rows_end(&c->out);
	if (c->scan->heap.bins.n == 0)
		report_say(&c->out, "no list holds a free chunk");
	show_notes(c);
	return true;
}

static const struct hs_option options[] = { OPTIONS_END };

const struct command cmd_bins = {
	.info = {
		.name = "bins",
		.about = "show the lists of free chunks: thread caches, fastbins, bins",
		.help = "A row for each list that is not empty.  Sizes are those of chunks,\n"
			"headers included.",
		.options = options,
	},
	.run = bins_run,
};
