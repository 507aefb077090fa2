/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line: what was asked, and the terminal it was asked from. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "heapscan.h"

enum wish { WISH_RUN, WISH_HELP, WISH_VERSION };

enum { DIRS_MAX = 64 };

/* What the command line asks for.  All strings are argv's. */
struct request {
	enum wish wish;
	const struct hs_command *command; /* WISH_HELP: NULL when about the program */
	struct hs_options options;
	const char *dirs[DIRS_MAX + 1]; /* of options.debug_dirs */
	bool colour_always, colour_never;
	char **args; /* of hs_run(), owned: the command's name, its options, its operand */
	int nargs;
};

/* False, with HS_USAGE, when it makes no sense.  Free(r->args) either way. */
bool request_read(struct request *r, int argc, char **argv, struct hs_error *err);

/* To standard output. */
void help_program(void);
void help_command(const struct hs_command *command);

/* Colours and widths of standard output, progress on standard error, ^C. */
void terminal_begin(struct request *r);

/* Takes the progress line away. */
void terminal_end(void);

/* Was ^C pressed? */
bool terminal_interrupted(void);

#endif
