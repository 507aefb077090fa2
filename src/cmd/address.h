/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lies at an address: for the command `at`, and for hs_at(). */
#ifndef CMD_ADDRESS_H
#define CMD_ADDRESS_H

#include "cmd/command.h"

enum {
	AT_ADDRESS,
	AT_KIND,
	AT_WHAT,
	AT_BLOCK,
	AT_SIZE,
	AT_OFFSET,
	AT_STATE,
	AT_REACH,
	AT_ARENA,
	AT_THREAD,
	AT_MODULE,
	AT_SYMBOL,
	AT_ACCESS,
	AT_SOURCE,
	AT_COUNT,
};

/* What is known of an address: values, absent where they make no sense. */
struct answer {
	struct value is[AT_COUNT];
	struct hs_place place;
	char what[512];
	char arena[ARENA_NAME];
};

/* Fills a zeroed *to.  Wants the heap (scan_heap()); reach is known once the graph is. */
void address_ask(struct hs_scan *s, hs_addr a, struct answer *to);

#endif
