/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands on one block: which one the operand means, and how they name it. */
#ifndef CMD_OPERAND_H
#define CMD_OPERAND_H

#include "cmd/command.h"

/* c->operand as an address, without its tag.  False when it is none. */
bool operand_address(const struct call *c, hs_addr *a, struct hs_error *err) MUST_CHECK;

/*
 * The block in use that holds the address c->operand.  False when the operand
 * is no address, or no such block is there.  Wants the heap.
 */
bool operand_block(const struct call *c, struct block *b,
    struct hs_error *err) MUST_CHECK;

/* The block, and what is reachable of it: for people a line, for tools `key`. */
void show_block(struct call *c, const char *key, const struct block *b);

/* "start", "interior", "end". */
const char *meet_name(enum meet meet);

#endif
