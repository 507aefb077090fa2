/* SPDX-License-Identifier: GPL-3.0-or-later */
/* arenas: what each arena took from the system, and what became of it. */
#include "cmd/command.h"

static const struct column columns[] = {
	COLUMN("arena", "arena"),
	COLUMN_TOOLS("address"),
	COLUMN("heaps", "heaps"),
	COLUMN("threads", "threads"),
	COLUMN("locked", "locked"),
	COLUMN_TOOLS("contiguous"),
	COLUMN_BRIEF("system_bytes", "system"),
	COLUMN_TOOLS("max_system_bytes"),
	COLUMN_TOOLS("found_bytes"),
	COLUMN("in_use_count", "blocks"),
	COLUMN_BRIEF("in_use_bytes", "in use"),
	COLUMN("free_count", "free chunks"),
	COLUMN_BRIEF("free_bytes", "free"),
	COLUMN_BRIEF("top_bytes", "top"),
	COLUMN_BRIEF("overhead_bytes", "overhead"),
	COLUMN_TOOLS("foreign_bytes"),
	COLUMN_TOOLS("lost_bytes"),
	COLUMNS_END,
};

static void
show_arena(struct call *c, uint32_t i)
{
	const struct heap *heap = &c->scan->heap;
	const struct arena *a = &heap->arenas.at[i];
	struct tally spare = { 0 };
	char name[ARENA_NAME];
	uint64_t own = a->overhead_bytes + a->tally[STATE_FENCE].bytes
	    + a->tally[STATE_INTERNAL].bytes;

	for (size_t s = 0; s < STATE_COUNT; s++) {
		if (!state_is_free((enum state)s))
			continue;
		spare.count += a->tally[s].count;
		spare.bytes += a->tally[s].bytes;
	}
	report_row(&c->out, value_word(arena_name(name, heap, i)),
	    a->address ? value_addr(a->address) : value_none(),
	    a->address ? value_count(a->heaps) : value_none(),
	    a->address && a->attached != ATTACHED_UNKNOWN ? value_count(a->attached)
							  : value_none(),
	    a->address ? value_truth(a->locked) : value_none(),
	    a->address ? value_truth(a->contiguous) : value_none(),
	    value_bytes(arena_system_bytes(heap, i)), value_bytes(a->max_system_bytes),
	    value_bytes(a->found_bytes), value_count(a->tally[STATE_USED].count),
	    value_bytes(a->tally[STATE_USED].bytes), value_count(spare.count),
	    value_bytes(spare.bytes), value_bytes(a->tally[STATE_TOP].bytes),
	    value_bytes(own), value_bytes(a->foreign_bytes),
	    value_bytes(a->lost_bytes));
}

void
show_arenas(struct call *c, const char *key)
{
	report_rows(&c->out, key, columns);
	for (uint32_t i = 0; i < c->scan->heap.arenas.n; i++)
		show_arena(c, i);
	report_rows_end(&c->out);
}

static bool
arenas_run(struct call *c, struct hs_error *err)
{
	if (!scan_blocks(c->scan, err) || !call_begin(c, err))
		return false;
	show_arenas(c, "arenas");
	show_notes(c);
	return true;
}

static const struct hs_option options[] = { OPTIONS_END };

const struct command cmd_arenas = {
	.info = {
		.name = "arenas",
		.about = "show malloc's arenas: what each took, and what became of it",
		.help = "A row for each arena, and one for the blocks that have a mapping of\n"
			"their own (mmapped).  \"System\" is what malloc itself recorded.\n"
			"Bytes are those of whole chunks, headers included; \"overhead\" are headers\n"
			"of heaps and arenas, fenceposts, thread caches and what alignment costs.",
		.options = options,
	},
	.run = arenas_run,
};
