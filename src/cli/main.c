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

static int
run(struct request *r)
{
	struct hs_error err = { .status = HS_CLEAN };

	terminal_begin(r);
	struct hs_scan *s = hs_open(&r->options, &err);
	int status = s ? hs_run(s, r->nargs, r->args, &err) : err.status;
	terminal_end();
	hs_close(s);
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
