/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The terminal: colours and widths of what is written to it, progress of what
 * takes longer than a second, and ^C.
 *
 * ^C only raises a flag that the progress call-back hands on, so that
 * whatever is open gets closed.  The second one ends the program.
 */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds: before the first progress line, and between two. */
enum { PATIENCE = 1000, BETWEEN = 100 };

static volatile sig_atomic_t interrupted;

/* The progress line. */
static struct {
	bool wanted, shown;
	int64_t start, last; /* milliseconds */
	const char *stage;
	int64_t since; /* when that stage began */
} line;

static void
on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
show(const struct hs_progress *p)
{
	int64_t t = now();
	char text[128];

	if (!line.stage || strcmp(line.stage, p->stage) != 0) {
		line.stage = p->stage;
		line.since = t;
	}
	if (t - line.start < PATIENCE || t - line.last < BETWEEN)
		return;
	fprintf(stderr, "\rheapscan: %s\033[K",
	    hs_progress_text(p, (double)(t - line.since) / 1000, text, sizeof text));
	fflush(stderr);
	line.shown = true;
	line.last = t;
}

static bool
on_progress(void *arg, const struct hs_progress *p)
{
	(void)arg;
	if (!strcmp(p->stage, "writing"))
		terminal_end();
	else if (line.wanted)
		show(p);
	return !interrupted;
}

static bool
set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

void
terminal_begin(struct request *r)
{
	struct sigaction stop = { .sa_handler = on_interrupt,
		.sa_flags = (int)SA_RESETHAND };
	const char *term = getenv("TERM");
	bool dumb = !term || !strcmp(term, "dumb");
	bool tty = isatty(STDOUT_FILENO);
	struct winsize size;

	r->options.colour = r->colour_always
	    || (tty && !dumb && !r->colour_never && !set("NO_COLOR"));
	if (tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		r->options.columns = size.ws_col;
	r->options.progress = on_progress;
	line.wanted = isatty(STDERR_FILENO) && !dumb;
	line.start = now();
	sigemptyset(&stop.sa_mask);
	sigaction(SIGINT, &stop, NULL);
}

void
terminal_end(void)
{
	if (line.shown)
		fputs("\r\033[K", stderr);
	line.shown = line.wanted = false;
}

bool
terminal_interrupted(void)
{
	return interrupted;
}
