/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands: what the CLI and gdb offer.
 *
 * To add one: src/cmd/NAME.c with a const struct command cmd_NAME, named in
 * cmd/commands.c.  Help, the command line and gdb read that table.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "out/report.h"
#include "scan.h"

struct call;

struct command {
	struct hs_command info;
	bool (*run)(struct call *c, struct hs_error *err); /* leaves c->status on success */
	bool finds_damage; /* which does not make its answer incomplete */
};

enum { OPTIONS_MAX = 8 };

/* One run of a command. */
struct call {
	struct hs_scan *scan;
	const struct command *command;
	const char *operand;             /* for info.args, else NULL */
	const char *option[OPTIONS_MAX]; /* as in info.options; NULL: not given, "": no value */
	struct report out;
	int status; /* enum hs_status */
};

/* At the end of each command's options. */
#define OPTIONS_END                                           \
	{ "json", "[FILE]", "write JSON, to FILE if given" }, \
	{                                                     \
		NULL, NULL, NULL                              \
	}

/* Ends with NULL. */
extern const struct command *const commands[];

/* Fills *c from the arguments of hs_run(). */
bool call_parse(struct call *c, int argc, char *const argv[],
    struct hs_error *err) MUST_CHECK;

/* The value of an option of the command, or NULL. */
const char *call_option(const struct call *c, const char *name);

/* Numbers in options: "4096", "0x1000", "4K"; false when *text is none. */
bool parse_number(const char *text, uint64_t *number) MUST_CHECK;

/* "16-4K", "1M-", "-64", "32": smallest and largest, both included. */
bool parse_range(const char *text, uint64_t *least, uint64_t *most) MUST_CHECK;

/* --limit=N of the call; `otherwise` when it is not given. */
bool call_limit(const struct call *c, uint64_t *limit, uint64_t otherwise,
    struct hs_error *err) MUST_CHECK;

/* Makes sure of blocks, roots and graph; fails when another allocator is there. */
bool call_graph(struct call *c, struct hs_error *err) MUST_CHECK;

/*
 * Begins the report with what all have in common; to be called when the
 * analysis is done.  Sets c->status to HS_CLEAN or HS_INCOMPLETE.
 */
bool call_begin(struct call *c, struct hs_error *err) MUST_CHECK;

/* The same for a mere list, whose JSON is one object a line. */
bool call_begin_rows(struct call *c, struct hs_error *err) MUST_CHECK;

/* How many of the verdict's reasons, from the first on, make this answer incomplete. */
size_t call_reasons(const struct call *c);

/* To be called now and then while a long list is written. */
bool call_writing(struct call *c, struct hs_error *err) MUST_CHECK;

/* What an arena is called: "main", "mmapped", or its address. */
enum { ARENA_NAME = 24 };
const char *arena_name(char name[ARENA_NAME], const struct heap *heap, uint32_t arena);

/* What the allocator itself recorded that it took for an arena. */
uint64_t arena_system_bytes(const struct heap *heap, uint32_t arena);

/* Parts that more than one command shows. */
void show_arenas(struct call *c, const char *key);

/* All that is odd but does not change the answer; every document has it. */
void show_notes(struct call *c);

#endif
