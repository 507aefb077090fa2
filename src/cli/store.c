/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cores that systemd-coredump keeps, under @PID or @NAME.
 *
 * Where it keeps them, in which compression, and which of them is the newest is
 * coredumpctl's business: `coredumpctl dump` writes the newest that matches to its
 * standard output, which becomes our standard input.  It is started without a
 * shell.  What it says on standard error is a page about the core when all is
 * well, and a reason in its last line when not, so that goes to a file.
 *
 * It may fail before the first byte, and then its reason is ours; or later, and
 * then the core is not all there, although nothing about it may look cut.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool
complain(struct hs_error *err, const char *what, const char *why)
{
	snprintf(err->text, sizeof err->text, "%s: %s", what, why);
	err->status = HS_FAILED;
	return false;
}

/* Its standard streams: nothing, our pipe, the file for its reasons. */
static int
spawn(struct store *s, int out)
{
	const char *argv[] = { "coredumpctl", "--no-pager", "dump", "--",
		s->what + 1, NULL };
	posix_spawn_file_actions_t streams;
	posix_spawnattr_t attributes;
	sigset_t usual;

	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE); /* we ignore it, and that is inherited */
	posix_spawn_file_actions_init(&streams);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawn_file_actions_addopen(&streams, STDIN_FILENO, "/dev/null",
	    O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&streams, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&streams, fileno(s->reasons), STDERR_FILENO);
	int failed = posix_spawnp(&s->pid, argv[0], &streams, &attributes,
	    (char *const *)argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&streams);
	return failed;
}

/* The last line that it wrote, in line; "it failed" when there is none. */
static void
last_reason(struct store *s, char *line, int size)
{
	char next[256];

	snprintf(line, (size_t)size, "it failed");
	rewind(s->reasons);
	while (fgets(next, sizeof next, s->reasons)) {
		next[strcspn(next, "\n")] = '\0';
		for (char *p = next; *p; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				*p = '?';
		if (*next)
			snprintf(line, (size_t)size, "%s", next);
	}
}

/* Waits for its end.  False, with its reason in *err, when that was no good one. */
static bool
finish(struct store *s, struct hs_error *err)
{
	char line[256], why[400];
	int status = 0;

	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	last_reason(s, line, sizeof line);
	snprintf(why, sizeof why,
	    "coredumpctl: %s (coredumpctl list shows what there is)", line);
	return complain(err, s->what, why);
}

/* Until it has written something, or ended without. */
static bool
wait_for_bytes(struct store *s, struct hs_error *err)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	while (poll(&in, 1, -1) < 0)
		if (errno != EINTR || terminal_interrupted())
			return complain(err, s->what, strerror(errno));
	if (in.revents & POLLIN)
		return true;
	return finish(s, err) && complain(err, s->what, "coredumpctl gave no core");
}

bool
store_open(struct store *s, const char *what, struct hs_error *err)
{
	int pipes[2];

	s->what = what;
	s->reasons = tmpfile();
	if (!s->reasons || pipe2(pipes, O_CLOEXEC) < 0)
		return complain(err, what, strerror(errno));
	int failed = spawn(s, pipes[1]);
	if (!failed && dup2(pipes[0], STDIN_FILENO) < 0)
		failed = errno;
	if (pipes[0] != STDIN_FILENO)
		close(pipes[0]);
	close(pipes[1]);
	if (failed == ENOENT)
		return complain(err, what,
		    "coredumpctl is not installed: give the core's file instead");
	if (failed)
		return complain(err, "coredumpctl", strerror(failed));
	return wait_for_bytes(s, err);
}

/* It must not wait for us to read on: so its pipe is closed first. */
bool
store_close(struct store *s, struct hs_error *err)
{
	int nothing = s->pid ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;

	if (nothing >= 0) {
		dup2(nothing, STDIN_FILENO);
		close(nothing);
	}
	bool ok = s->pid == 0 || finish(s, err);

	if (s->reasons)
		fclose(s->reasons);
	s->reasons = NULL;
	return ok;
}
