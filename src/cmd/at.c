/* SPDX-License-Identifier: GPL-3.0-or-later */
/* at: what lies at an address. */
#include "cmd/address.h"
#include "cmd/operand.h"

static const struct column columns[AT_COUNT + 1] = {
	[AT_ADDRESS] = COLUMN("address", "address"),
	[AT_KIND] = COLUMN_TOOLS("kind"),
	[AT_WHAT] = COLUMN_PEOPLE("here"),
	[AT_BLOCK] = COLUMN("block", "block"),
	[AT_SIZE] = COLUMN("size_bytes", "usable"),
	[AT_OFFSET] = COLUMN_TOOLS("offset_bytes"),
	[AT_STATE] = COLUMN("state", "state"),
	[AT_REACH] = COLUMN("reach", "reach"),
	[AT_ARENA] = COLUMN("arena", "arena"),
	[AT_THREAD] = COLUMN_TOOLS("thread"),
	[AT_MODULE] = COLUMN_TOOLS("module"),
	[AT_SYMBOL] = COLUMN_TOOLS("symbol"),
	[AT_ACCESS] = COLUMN("access", "access"),
	[AT_SOURCE] = COLUMN("source", "contents"),
	[AT_COUNT] = COLUMNS_END,
};

static bool
at_run(struct call *c, struct hs_error *err)
{
	struct answer to = { 0 };
	hs_addr a;

	if (!operand_address(c, &a, err) || !call_graph(c, err))
		return false;
	address_ask(c->scan, a, &to);
	if (!call_begin(c, err))
		return false;
	report_values(&c->out, "at", columns, to.is, AT_COUNT);
	show_notes(c);
	return true;
}

static const struct hs_option options[] = { OPTIONS_END };

const struct command cmd_at = {
	.info = {
		.name = "at",
		.args = "ADDR",
		.about = "say what lies at an address: block, stack, variable, file, nothing",
		.options = options,
	},
	.run = at_run,
};
