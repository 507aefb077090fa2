/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/operand.h"

#include "out/words.h"

bool
operand_address(const struct call *c, hs_addr *a, struct hs_error *err)
{
	if (!parse_number(c->operand, a))
		return fail_usage(err,
		    "%s is no address: it looks like 0x55d0c0ffee10", c->operand);
	*a &= machine_address_mask(c->scan->core.machine);
	return true;
}

bool
operand_block(const struct call *c, struct block *b, struct hs_error *err)
{
	const struct heap *heap = &c->scan->heap;
	uint64_t number;
	hs_addr a;

	if (!operand_address(c, &a, err))
		return false;
	if (heap_meet(heap, a, &number) == MEET_NONE)
		return fail(err,
		    "%s is in no block that is in use: `at %s` says what lies there",
		    c->operand, c->operand);
	*b = heap_block(heap, number);
	return true;
}

void
show_block(struct call *c, const char *key, const struct block *b)
{
	static const struct column columns[] = {
		COLUMN_TOOLS("block"),
		COLUMN_TOOLS("size_bytes"),
		COLUMN_TOOLS("reach"),
		COLUMNS_END,
	};
	const char *reach = reach_name[c->scan->graph.reach[b->number]];
	char size[WORDS_TEXT];

	report_fields(&c->out, key, columns, value_addr(b->address),
	    value_bytes(b->size), value_word(reach));
	report_say(&c->out, "block 0x%llx, %s, %s", (unsigned long long)b->address,
	    words_bytes(size, b->size), reach);
}

const char *
meet_name(enum meet meet)
{
	static const char *const names[] = {
		[MEET_NONE] = "none",
		[MEET_START] = "start",
		[MEET_INTERIOR] = "interior",
		[MEET_END] = "end",
	};

	return names[meet];
}
