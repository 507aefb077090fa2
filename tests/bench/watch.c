/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a command and says what it took.
 *
 *	watch OUT COMMAND ARGUMENT...
 *
 * The command's standard output goes to the file OUT; watch prints one line: seconds,
 * seconds of CPUs, KiB of anonymous memory at the peak, exit status.
 *
 * The peak that the kernel keeps counts pages of mapped files, which cost nobody
 * anything; so we look every few milliseconds how much of the memory is anonymous.
 */
#include "bench/common.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVERY = 5 /* milliseconds */ };

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static pid_t
start(const char *out, char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		die(out);
	execvp(command[0], command);
	die(command[0]);
}

/* KiB; 0 when the process has ended. */
static long
anonymous(int status)
{
	char text[4096];
	ssize_t n = pread(status, text, sizeof text - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	const char *line = strstr(text, "RssAnon:");
	return line ? atol(line + strlen("RssAnon:")) : 0;
}

/* Until the process has ended, which is when SIGCHLD comes. */
static long
watch(pid_t pid)
{
	struct timespec wait = { .tv_nsec = EVERY * 1000000 };
	char path[64];
	long peak = 0;
	sigset_t ended;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	int status = open(path, O_RDONLY | O_CLOEXEC);
	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	do {
		long kib = anonymous(status);

		peak = kib > peak ? kib : peak;
	} while (sigtimedwait(&ended, NULL, &wait) != SIGCHLD);
	close(status);
	return peak;
}

int
main(int argc, char **argv)
{
	struct rusage used;
	sigset_t ended;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: watch OUT COMMAND ARGUMENT...\n");
		return 2;
	}
	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ended, NULL);
	double began = now();
	pid_t pid = start(argv[1], argv + 2);
	long peak = watch(pid);
	double took = now() - began;
	if (wait4(pid, &status, 0, &used) != pid)
		die("wait4");
	printf("%.3f %.3f %ld %d\n", took,
	    seconds(used.ru_utime) + seconds(used.ru_stime), peak,
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
