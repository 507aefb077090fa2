/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --help: all of it is read from the library's table of commands. */
#include "cli/cli.h"

#include <stdio.h>

static void
line(const char *what, const char *about)
{
	printf("  %-22s %s\n", what, about);
}

static void
help_options(void)
{
	puts("Options:");
	line("--exe=FILE", "the program; the same as EXE");
	line("--sysroot=DIR", "where the files of the core's system lie");
	line("--debug-dir=DIR", "where debug files lie; may be repeated");
	line("--threads=N", "how many threads work: one for each CPU unless told");
	line("--memory=BYTES", "work with about so much memory, more slowly");
	line("--color=WHEN", "auto (on a terminal), always or never");
	line("--no-sandbox",
	    sandbox_missing() ? "nothing: this program was built without a sandbox"
			      : "analyse without giving up the right to open files");
	line("--help", "this, or more about COMMAND");
	line("--version", "the version");
}

void
help_program(void)
{
	puts("heapscan finds leaks in the heap of a process from its core file.\n"
	     "\n"
	     "Usage: heapscan [OPTIONS] CORE [EXE]\n"
	     "       heapscan COMMAND [OPTIONS] [ADDR] CORE [EXE]\n"
	     "\n"
	     "CORE may be compressed (.zst, .xz, .gz, .lz4, .bz2), and - is standard input.\n"
	     "EXE, the program, is found from the core when it is not given.  @PID\n"
	     "and @NAME are the newest core of a process or program that systemd-coredump keeps.\n");
	printf("Commands; without one, %s is run:\n", hs_commands()->name);
	for (const struct hs_command *c = hs_commands(); c->name; c++) {
		char what[64];

		snprintf(what, sizeof what, "%s%s%s", c->name, c->args ? " " : "",
		    c->args ? c->args : "");
		line(what, c->about);
	}
	puts("");
	help_options();
	puts("\n"
	     "Exit status:\n"
	     "  0    complete, and nothing was found\n"
	     "  1    leaks were found\n"
	     "  2    the command line makes no sense\n"
	     "  3    the input cannot be read or is not supported, or the output cannot be\n"
	     "       written\n"
	     "  4    analysed, but memory is missing or the heap is damaged\n"
	     "  130  interrupted");
}

void
help_command(const struct hs_command *c)
{
	printf("Usage: heapscan %s [OPTIONS]%s%s CORE [EXE]\n\nheapscan %s: %s.\n",
	    c->name, c->args ? " " : "", c->args ? c->args : "", c->name, c->about);
	if (c->help)
		printf("\n%s\n", c->help);
	if (c->args)
		printf("\n%s is hexadecimal with 0x in front, or decimal.\n", c->args);
	printf("\nOptions of %s:\n", c->name);
	for (const struct hs_option *o = c->options; o->name; o++) {
		char what[64];
		bool may = o->arg && o->arg[0] == '[';

		if (may) /* "[FILE]" is --json[=FILE] */
			snprintf(what, sizeof what, "--%s[=%s", o->name, o->arg + 1);
		else
			snprintf(what, sizeof what, "--%s%s%s", o->name,
			    o->arg ? "=" : "", o->arg ? o->arg : "");
		line(what, o->about);
	}
	puts("");
	help_options();
}
