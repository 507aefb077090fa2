/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of commands, and how one of them is run. */
#include <pthread.h>

#include "base/fault.h"
#include "cmd/command.h"
#include "config.h"

extern const struct command cmd_leaks, cmd_summary, cmd_arenas, cmd_bins,
    cmd_blocks, cmd_at, cmd_check, cmd_refs, cmd_roots, cmd_why;

/* In the order of the help.  To add one: its file, its name above, a line here. */
const struct command *const commands[] = {
	&cmd_leaks,
	&cmd_summary,
	&cmd_arenas,
	&cmd_bins,
	&cmd_blocks,
	&cmd_roots,
	&cmd_check,
	&cmd_at,
	&cmd_refs,
	&cmd_why,
	NULL,
};

enum { NCOMMANDS = sizeof commands / sizeof commands[0] };

/* What heapscan.h shows of the table: copied once, constant from then on. */
static struct hs_command infos[NCOMMANDS];

static void
fill_infos(void)
{
	for (size_t i = 0; commands[i]; i++)
		infos[i] = commands[i]->info;
}

const struct hs_command *
hs_commands(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, fill_infos);
	return infos;
}

const char *
hs_version(void)
{
	return HS_VERSION;
}

static void
call_free(struct call **c)
{
	if (*c)
		report_fini(&(*c)->out);
	free(*c);
}

/* An answer that may be wrong is never given without a word. */
static void
warn_incomplete(const struct call *c, struct hs_error *err)
{
	const struct lines *reasons = &c->scan->verdict.reasons;

	fail(err, "%s%s", reasons->at[0], call_reasons(c) > 1 ? ", and more" : "");
	err->status = HS_INCOMPLETE;
}

int
hs_run(struct hs_scan *s, int argc, char *const argv[], struct hs_error *err)
{
	scoped(call_free) struct call *c = calloc(1, sizeof *c);

	if (!c) {
		fail_nomem(err);
		return err->status;
	}
	c->scan = s;
	if (!call_parse(c, argc, argv, err))
		return err->status;
	fault_guard();
	bool ok = c->command->run(c, err) && report_end(&c->out, err)
	    && scan_sound(s, err);
	fault_release();
	if (!ok)
		return err->status;
	if (c->status == HS_INCOMPLETE)
		warn_incomplete(c, err);
	return c->status;
}
