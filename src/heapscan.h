/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * heapscan: finds leaks in the heap of a process from its core file.
 *
 * One analysis is one struct hs_scan: nothing is global, several may exist at
 * once, and hs_close() frees all that belongs to one.  A scan is used by one
 * thread at a time.
 *
 *	struct hs_error err;
 *	struct hs_options o = { .core = "core.1234" };
 *	struct hs_scan *s = hs_open(&o, &err);
 *	int status = s ? hs_run(s, 1, (char *[]) { "leaks", NULL }, &err)
 *		       : err.status;
 *	hs_close(s);
 */
#ifndef HEAPSCAN_H
#define HEAPSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* all else in the library is hidden */

/* An address in the program under study; never a pointer of ours. */
typedef uint64_t hs_addr;

/* What a command ends with; the CLI exits with it. */
enum hs_status {
	HS_CLEAN = 0,  /* complete, and nothing was found */
	HS_FOUND = 1,  /* leaks, by `leaks` */
	HS_USAGE = 2,  /* the call makes no sense */
	HS_FAILED = 3, /* input unreadable or not supported, output unwritable */
	HS_INCOMPLETE = 4, /* analysed, but memory is missing or the heap is damaged */
	HS_INTERRUPTED = 130, /* the progress call-back said stop */
};

/* Why a call failed: one line, no newline at its end.  The caller owns it. */
struct hs_error {
	int status; /* HS_USAGE, HS_FAILED or HS_INTERRUPTED */
	char text[1024];
};

/* Takes n bytes of a report.  False when they cannot be written. */
typedef bool hs_write_fn(void *arg, const char *text, size_t n);

/*
 * Called now and then in long work; percent is 0 to 100.  False interrupts:
 * the running call fails with HS_INTERRUPTED.  While a report is written the
 * stage is "writing": a progress line should be gone by then.
 */
typedef bool hs_progress_fn(void *arg, const char *stage, int percent);

/* All strings belong to the caller and must outlive the scan. */
struct hs_options {
	const char *core;    /* path, or "-" for standard input */
	const char *exe;     /* the program, or NULL: found from the core */
	const char *sysroot; /* where the target's file system lies, or NULL */
	const char *const *debug_dirs; /* NULL-terminated, or NULL */
	bool colour;                   /* mark text reports up for a terminal */
	unsigned columns;   /* the terminal's width; 0: as wide as it gets */
	hs_write_fn *write; /* where reports go; NULL: standard output */
	void *write_arg;
	hs_progress_fn *progress; /* or NULL */
	void *progress_arg;
};

/*
 * An option of a command: "--size=RANGE" has .arg "RANGE", "--json[=FILE]" has
 * "[FILE]", and a switch has NULL.
 */
struct hs_option {
	const char *name; /* without the dashes */
	const char *arg; /* what follows "=", in brackets when it may be left out; or NULL */
	const char *about; /* one line */
};

struct hs_command {
	const char *name;
	const char *args;  /* "ADDR", or NULL */
	const char *about; /* one line */
	const char *help;  /* some paragraphs, NULL if about says it all */
	const struct hs_option *options; /* ends with a NULL name */
};

/* Every command, in the order of the help; ends with a NULL name. */
const struct hs_command *hs_commands(void);

/* The version of the library: "1.2.3". */
const char *hs_version(void);

/*
 * Opens the core and every file that it needs.  NULL and *err on failure.
 * Free with hs_close().
 */
struct hs_scan *hs_open(const struct hs_options *o, struct hs_error *err);

/* Frees s and all that came from it.  NULL is fine. */
void hs_close(struct hs_scan *s);

/*
 * Runs argv[0], one of hs_commands(), with the arguments after it.  The core
 * is analysed by the first command that needs it, and kept.  Returns an
 * enum hs_status; for all but HS_CLEAN and HS_FOUND, *err says why.
 */
int hs_run(struct hs_scan *s, int argc, char *const argv[], struct hs_error *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
