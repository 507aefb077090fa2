/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line:
 *
 *	heapscan [OPTIONS] CORE [EXE]
 *	heapscan COMMAND [OPTIONS] [ADDR] CORE [EXE]
 *
 * Options may stand anywhere before "--".  Ours are taken here; those of the
 * command, which the library's table names, are handed on as they are.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WORDS_MAX = 4, /* COMMAND ADDR CORE EXE */
	THREADS_MOST = 256,
};

/* The command line while it is read. */
struct reading {
	struct request *r;
	int argc, at; /* at: the word that is being read */
	char **argv;
	char *word[WORDS_MAX];
	int nwords;
	bool command_barred; /* "--" came first: no word is a command */
	struct hs_error *err;
};

static bool
usage(struct hs_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	err->status = HS_USAGE;
	return false;
}

/* Is word the option --name, or --name=...?  *value is what follows "=", or NULL. */
static bool
is_option(const char *word, const char *name, const char **value)
{
	size_t n = strlen(name);

	if (strncmp(word + 2, name, n) != 0 || (word[2 + n] && word[2 + n] != '='))
		return false;
	*value = word[2 + n] ? word + 2 + n + 1 : NULL;
	return true;
}

/* The value of an option that must have one: after "=", or the next word. */
static bool
needs_value(struct reading *in, const char *name, const char **value)
{
	if (!*value && in->at + 1 < in->argc)
		*value = in->argv[++in->at];
	return *value ? true : usage(in->err, "--%s needs a value", name);
}

static bool
take_colour(struct reading *in, const char *value)
{
	in->r->colour_always = !strcmp(value, "always");
	in->r->colour_never = !strcmp(value, "never");
	if (in->r->colour_always || in->r->colour_never || !strcmp(value, "auto"))
		return true;
	return usage(in->err, "--color=%s: it is auto, always or never", value);
}

static bool
take_dir(struct reading *in, const char *value)
{
	size_t n = 0;

	while (in->r->dirs[n])
		n++;
	if (n == DIRS_MAX)
		return usage(in->err, "--debug-dir: no more than %d, please", DIRS_MAX);
	in->r->dirs[n] = value;
	in->r->options.debug_dirs = in->r->dirs;
	return true;
}

/*
 * A number as commands take it: decimal, or 0x...; K, M, G and T are powers of 1024.
 * What has no digits is 0.
 */
static bool
read_number(const char *text, uint64_t *number)
{
	static const char units[] = "KMGT";
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = text + (hex ? 2 : 0);
	size_t n = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
	const char *unit = digits[n] ? strchr(units, digits[n]) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

	errno = 0;
	*number = strtoull(digits, NULL, hex ? 16 : 10);
	if (errno || digits[n + (unit != NULL)] || *number > UINT64_MAX >> shift)
		return false;
	*number <<= shift;
	return true;
}

static bool
take_threads(struct reading *in, const char *value)
{
	uint64_t n;

	if (!read_number(value, &n) || n < 1 || n > THREADS_MOST)
		return usage(in->err, "--threads=%s: it is a number from 1 to %d",
		    value, THREADS_MOST);
	in->r->options.threads = (unsigned)n;
	return true;
}

static bool
take_memory(struct reading *in, const char *value)
{
	uint64_t *bytes = &in->r->options.memory;

	return read_number(value, bytes) && *bytes > 0
	    ? true
	    : usage(in->err,
		"--memory=%s: it is a number of bytes, as in 500M or 2G", value);
}

/* An option of the program itself.  *known: it is one. */
static bool
take_ours(struct reading *in, const char *word, bool *known)
{
	struct request *r = in->r;
	const char *value = NULL;

	*known = true;
	if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
		r->wish = WISH_HELP;
		return true;
	}
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		r->wish = r->wish == WISH_RUN ? WISH_VERSION : r->wish;
		return true;
	}
	if (word[1] != '-')
		return usage(in->err, "there is no option %s", word);
	if (is_option(word, "sysroot", &value))
		return needs_value(in, "sysroot", &value)
		    && (r->options.sysroot = value, true);
	if (is_option(word, "exe", &value))
		return needs_value(in, "exe", &value)
		    && (r->options.exe = value, true);
	if (is_option(word, "debug-dir", &value))
		return needs_value(in, "debug-dir", &value) && take_dir(in, value);
	if (is_option(word, "threads", &value))
		return needs_value(in, "threads", &value) && take_threads(in, value);
	if (is_option(word, "memory", &value))
		return needs_value(in, "memory", &value) && take_memory(in, value);
	if (!strcmp(word, "--no-sandbox"))
		return r->no_sandbox = true;
	if (is_option(word, "color", &value) || is_option(word, "colour", &value))
		return needs_value(in, "color", &value) && take_colour(in, value);
	*known = false;
	return true;
}

/* The option of command c that word is, or NULL. */
static const struct hs_option *
option_of(const struct hs_command *c, const char *word)
{
	const char *value;

	for (const struct hs_option *o = c->options; o->name; o++)
		if (is_option(word, o->name, &value))
			return o;
	return NULL;
}

/* Is the next word this option's value, whichever command's it is? */
static bool
value_follows(const char *word)
{
	for (const struct hs_command *c = hs_commands(); c->name; c++) {
		const struct hs_option *o = option_of(c, word);

		if (o)
			return o->arg && o->arg[0] != '[' && !strchr(word, '=');
	}
	return false;
}

/* A mistake is better told now than when the core has been read. */
static bool
options_known(const struct request *r, struct hs_error *err)
{
	for (int i = 1; i < r->nargs; i++) {
		const char *word = r->args[i];

		if (!option_of(r->command, word))
			return usage(err, "%s has no option %s", r->command->name,
			    word);
		if (value_follows(word) && ++i == r->nargs)
			return usage(err, "%s needs a value", word);
	}
	return true;
}

/*
 * What the command is to see of its option word.  The file of --json=FILE is ours
 * to open: when the command runs it is too late for that.
 */
static char *
take_file(struct request *r, char *word)
{
	static char json[] = "--json";
	const char *path;

	if (!is_option(word, json + 2, &path) || !path || !*path)
		return word;
	r->file_path = path;
	r->options.write = file_write;
	r->options.write_arg = r;
	return json;
}

static bool
take_option(struct reading *in)
{
	char *word = in->argv[in->at];
	bool known;

	if (!take_ours(in, word, &known))
		return false;
	if (known)
		return true;
	in->r->args[in->r->nargs++] = take_file(in->r, word);
	if (value_follows(word) && in->at + 1 < in->argc)
		in->r->args[in->r->nargs++] = in->argv[++in->at];
	return true;
}

static bool
take_word(struct reading *in)
{
	char *word = in->argv[in->at];

	if (in->nwords == WORDS_MAX)
		return usage(in->err, "%s is too much", word);
	in->word[in->nwords++] = word;
	return true;
}

static bool
take_all(struct reading *in)
{
	bool more_options = true;

	for (in->at = 1; in->at < in->argc; in->at++) {
		const char *word = in->argv[in->at];

		if (more_options && !strcmp(word, "--")) {
			more_options = false;
			in->command_barred = in->nwords == 0;
		} else if (more_options && word[0] == '-' && word[1]) {
			if (!take_option(in))
				return false;
		} else if (!take_word(in)) {
			return false;
		}
	}
	return true;
}

static const struct hs_command *
command_named(const char *name)
{
	for (const struct hs_command *c = hs_commands(); c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/* A path, or @NAME: then the core will come through standard input. */
static void
take_core(struct request *r, const char *word)
{
	r->options.core = word;
	if (word[0] != '@')
		return;
	r->stored = word;
	r->options.core = "-";
	r->options.core_name = word;
}

/* Words in their order: what each of them is. */
static bool
assign_words(struct reading *in)
{
	struct request *r = in->r;
	int i = 0;

	if (in->nwords > 0 && !in->command_barred)
		r->command = command_named(in->word[0]);
	bool named = r->command;
	if (r->wish != WISH_RUN)
		return true;
	if (named)
		i++;
	else
		r->command = &hs_commands()[0];
	r->args[0] = (char *)r->command->name;
	if (!options_known(r, in->err))
		return false;
	if (r->command->args && i < in->nwords)
		r->args[r->nargs++] = in->word[i++];
	if (i == in->nwords)
		return usage(in->err, "%s%sno core was given",
		    named ? r->command->name : "", named ? ": " : "");
	take_core(r, in->word[i++]);
	if (i < in->nwords && !r->stored && in->word[i][0] == '@') {
		r->options.exe = r->options.core;
		take_core(r, in->word[i++]);
	} else if (i < in->nwords) {
		r->options.exe = in->word[i++];
	}
	if (r->stored && !r->stored[1])
		return usage(in->err, "@ needs a PID or a program's name behind it");
	return i == in->nwords ? true : usage(in->err, "%s is too much", in->word[i]);
}

bool
request_read(struct request *r, int argc, char **argv, struct hs_error *err)
{
	struct reading in = { .r = r, .argc = argc, .argv = argv, .err = err };

	r->args = calloc((size_t)argc + WORDS_MAX, sizeof *r->args);
	if (!r->args) {
		usage(err, "out of memory");
		err->status = HS_FAILED;
		return false;
	}
	r->nargs = 1; /* the command's name comes first */
	return take_all(&in) && assign_words(&in);
}
