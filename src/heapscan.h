/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * heapscan: finds leaks in the heap of a process, from its core file or while
 * a debugger holds it.
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
	HS_FOUND = 1,  /* leaks, by `leaks`; damage, by `check` */
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

/* How far long work is. */
struct hs_progress {
	const char *stage; /* what is done now, in a word or some: a constant */
	int percent;       /* of the stage, 0 to 100 */
	uint64_t done; /* bytes that the stage has read; 0, too, when it counts none */
	uint64_t all; /* that it will read; 0: not known, or it counts none */
};

/*
 * Called now and then in long work.  False interrupts: the running call fails
 * with HS_INTERRUPTED.  While a report is written the stage is "writing": a
 * progress line should be gone by then.
 */
typedef bool hs_progress_fn(void *arg, const struct hs_progress *p);

/* A mapping of a process: a line of /proc/PID/maps. */
struct hs_mapping {
	hs_addr start, end; /* whole pages */
	uint64_t offset;    /* of start in the file, bytes */
	const char *path;   /* of the file, " (deleted)" included; or NULL */
	bool readable, writable, executable, shared;
};

struct hs_register {
	const char *name; /* as gdb calls it: "rax", "fs_base" */
	uint64_t value;
};

struct hs_thread {
	unsigned number; /* what reports call it: from 1, each once */
	int32_t tid;     /* the kernel's number of it */
	const struct hs_register *registers; /* general ones, as many as are known */
	size_t nregisters;
	const void *vector; /* the others, as words that may hold pointers; or NULL */
	size_t vector_size; /* bytes */
};

struct hs_auxv {
	uint64_t type, value;
};

/*
 * Copies memory of a process: up to n bytes from a on, into *to.  Returns how
 * many could be read, from the first on; 0: not even that one.
 */
typedef size_t hs_read_fn(void *arg, hs_addr a, void *to, size_t n);

/*
 * Which anonymous memory was ever touched: the first address from a on, before
 * end, that may hold something else than zeros; end when there is none.
 */
typedef hs_addr hs_touched_fn(void *arg, hs_addr a, hs_addr end);

/*
 * A process that is stopped, here or on another machine, in place of a core.
 * hs_open() copies its memory to a temporary file and is then done with all
 * that is in here but the name: the process may go on.
 */
struct hs_target {
	const char *name;                  /* for messages: "process 1234" */
	int32_t pid;                       /* 0 if unknown */
	const struct hs_mapping *mappings; /* in any order */
	size_t nmappings;
	const struct hs_thread *threads;
	size_t nthreads;
	const struct hs_auxv *auxv;
	size_t nauxv;
	hs_read_fn *read;
	hs_touched_fn *touched; /* or NULL: all is read */
	void *arg;              /* of both */
};

/* All strings belong to the caller and must outlive the scan. */
struct hs_options {
	const char *core;      /* path, or "-" for standard input */
	const char *core_name; /* what messages call it; NULL: as core says */
	const struct hs_target *target; /* or NULL; else core is not looked at */
	const char *exe; /* the program, or NULL: found from the core */
	/* More files that may be of the program: itself, libraries, debug files.  Those
	 * whose build-id fits are used before all others.  NULL-terminated, or NULL. */
	const char *const *files;
	const char *sysroot; /* where the target's file system lies, or NULL */
	const char *const *debug_dirs; /* NULL-terminated, or NULL */
	const char *prefix; /* of commands in hints: "heap", as in "heap leaks"; NULL: as from a shell */
	unsigned threads; /* to work with; 0: one for each CPU that may be used */
	uint64_t memory; /* bytes that the analysis may take, files apart, about; 0: any */
	bool colour;        /* mark text reports up for a terminal */
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
 * For progress lines: "reading pointers 43 %, 1.2 GiB/s, 7 s left", when the
 * stage began so many seconds ago.  What cannot be told is left out.  Writes
 * at most size bytes, and returns text.
 */
const char *hs_progress_text(const struct hs_progress *p, double seconds,
    char *text, size_t size);

/*
 * Opens the core, or copies the process, and opens every file that it needs.
 * NULL and *err on failure.  Free with hs_close().
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

/* The terminal's width from now on, as in struct hs_options. */
void hs_set_columns(struct hs_scan *s, unsigned columns);

/* What lies at an address. */
struct hs_place {
	const char *kind; /* as in `at --json`: "block", "stack", "unmapped"; a constant */
	hs_addr block; /* of a block in use that holds the address: its start; else 0 */
	uint64_t size; /* of that block: its usable bytes */
};

/*
 * Says what lies at a, once the heap has been walked; *place is written on
 * HS_CLEAN only.  Else returns HS_FAILED (the program has another allocator,
 * too) or HS_INTERRUPTED, and *err says why.
 */
int hs_at(struct hs_scan *s, hs_addr a, struct hs_place *place, struct hs_error *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
