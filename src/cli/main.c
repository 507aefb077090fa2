/* SPDX-License-Identifier: GPL-3.0-or-later */
/* heapscan: the program. */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
complain(const struct hs_error *err)
{
	bool incomplete = err->status == HS_INCOMPLETE;

	fprintf(stderr, "heapscan: %s%s\n", incomplete ? "incomplete: " : "",
	    err->text);
	if (err->status == HS_USAGE)
		fprintf(stderr, "heapscan --help says more.\n");
}

/* Standard output may fail as late as here. */
static int
finish(int status)
{
	if (fflush(stdout) == 0 || errno == EPIPE)
		return status;
	fprintf(stderr, "heapscan: standard output: %s\n", strerror(errno));
	return HS_FAILED;
}

/* The core, from its file or out of systemd-coredump's store. */
static struct hs_scan *
open_core(const struct request *r, struct hs_error *err)
{
	struct store store = { .what = NULL };
	struct hs_error why;
	bool there = !r->stored || store_open(&store, r->stored, err);
	struct hs_scan *s = there ? hs_open(&r->options, err) : NULL;
	bool whole = store_close(&store, &why);

	if (s && !whole) {
		*err = why;
		hs_close(s);
		s = NULL;
	}
	return s;
}

/* Opens all that has to be opened, closes the sandbox, and only then analyses. */
static int
analyse(struct request *r, struct hs_error *err)
{
	struct hs_scan *s = open_core(r, err);
	int status = HS_FAILED;

	if (!s)
		return err->status;
	if (file_open(r, err) && (r->no_sandbox || sandbox_enter(err)))
		status = hs_run(s, r->nargs, r->args, err);
	hs_close(s);
	return file_close(r, err) ? status : HS_FAILED;
}

static int
run(struct request *r)
{
	struct hs_error err = { .status = HS_CLEAN };

	terminal_begin(r);
	int status = analyse(r, &err);
	terminal_end();
	if (status == HS_FAILED && terminal_interrupted()) {
		status = err.status = HS_INTERRUPTED; /* it broke off a read, say */
		snprintf(err.text, sizeof err.text, "interrupted");
	}
	if (status != HS_CLEAN && status != HS_FOUND)
		complain(&err);
	return status;
}

static int
serve(struct request *r)
{
	switch (r->wish) {
	case WISH_HELP:
		if (r->command)
			help_command(r->command);
		else
			help_program();
		return finish(HS_CLEAN);
	case WISH_VERSION:
		printf("heapscan %s\n", hs_version());
		if (sandbox_missing())
			printf("without a sandbox: %s\n", sandbox_missing());
		return finish(HS_CLEAN);
	case WISH_RUN: break;
	}
	return run(r);
}

int
main(int argc, char **argv)
{
	struct request r = { .wish = WISH_RUN };
	struct hs_error err;
	int status;

	signal(SIGPIPE, SIG_IGN); /* a reader that leaves is no reason to die of */
	if (request_read(&r, argc, argv, &err)) {
		status = serve(&r);
	} else {
		complain(&err);
		status = err.status;
	}
	free(r.args);
	return status;
}
