/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line: what was asked, and the terminal it was asked from. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "heapscan.h"

#include <stdio.h>
#include <sys/types.h>

enum wish { WISH_RUN, WISH_HELP, WISH_VERSION };

enum { DIRS_MAX = 64 };

/* What the command line asks for.  All strings are argv's. */
struct request {
	enum wish wish;
	const struct hs_command *command; /* WISH_HELP: NULL when about the program */
	struct hs_options options;
	const char *dirs[DIRS_MAX + 1]; /* of options.debug_dirs */
	bool colour_always, colour_never;
	bool no_sandbox;
	const char *stored; /* "@NAME": the core is in systemd-coredump's store; or NULL */
	const char *file_path; /* of --json=FILE, or NULL */
	FILE *file;            /* the file at file_path */
	bool file_begun;       /* something was written to it */
	int file_error;        /* errno of a write that failed, 0 if none did */
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

/*
 * The file of --json=FILE: file_write() is the hs_write_fn that fills it.  The
 * others do nothing when none was asked for, and are false, with *err, when it
 * cannot be made or written.
 */
bool file_open(struct request *r, struct hs_error *err);
bool file_write(void *request, const char *text, size_t n);
bool file_close(struct request *r, struct hs_error *err);

/* A core that coredumpctl is writing to our standard input. */
struct store {
	const char *what; /* "@PID" or "@NAME" */
	pid_t pid;        /* of coredumpctl, 0 when it has ended */
	FILE *reasons;    /* what it writes to standard error */
};

/*
 * Makes the newest core of PID or NAME our standard input.  False, with *err, when
 * there is none.  Close *s, which begins as zeros, either way.
 */
bool store_open(struct store *s, const char *what, struct hs_error *err);

/* False, with *err, when not all of the core came. */
bool store_close(struct store *s, struct hs_error *err);

/*
 * From here on nothing can be opened or started; what cannot be told from the
 * outside is in sandbox.c.  False, with *err, when the system does not allow it.
 * Does nothing where sandbox_missing().
 */
bool sandbox_enter(struct hs_error *err);

/* Why this build has no sandbox, in some words; NULL: it has one. */
const char *sandbox_missing(void);

#endif
