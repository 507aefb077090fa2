/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every report begins with: which process this was, whether the answer is
 * complete, whether the heap adds up.
 *
 * No path of this host is in it, no command line and no contents of memory:
 * a report goes into tickets.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "config.h"
#include "out/words.h"

#define SCHEMA_VERSION "1.2"

bool
call_graph(struct call *c, struct hs_error *err)
{
	return scan_blocks(c->scan, err) && scan_graph(c->scan, err);
}

const char *
arena_name(char name[ARENA_NAME], const struct heap *heap, uint32_t arena)
{
	const struct arena *a = arena < heap->arenas.n ? &heap->arenas.at[arena] : NULL;

	if (!a)
		snprintf(name, ARENA_NAME, "none");
	else if (a->owner && arena > 0 && heap->arenas.at[arena - 1].owner)
		snprintf(name, ARENA_NAME, "%s-0x%llx", a->owner,
		    (unsigned long long)a->address);
	else if (a->owner)
		snprintf(name, ARENA_NAME, "%s", a->owner);
	else if (!a->address)
		snprintf(name, ARENA_NAME, "mmapped");
	else if (!a->main)
		snprintf(name, ARENA_NAME, "0x%llx", (unsigned long long)a->address);
	else if (a->instance > 0)
		snprintf(name, ARENA_NAME, "main-%u", a->instance + 1);
	else
		snprintf(name, ARENA_NAME, "main");
	return name;
}

uint64_t
arena_system_bytes(const struct heap *heap, uint32_t arena)
{
	const struct arena *a = &heap->arenas.at[arena];

	return a->address ? a->system_bytes : heap->mapped_bytes;
}

size_t
call_reasons(const struct call *c)
{
	const struct verdict *v = &c->scan->verdict;

	return v->reasons.n - (c->command->finds_damage ? v->damaged : 0);
}

static const char *
program_name(const struct hs_scan *s)
{
	for (size_t i = 0; i < s->image.modules.n; i++)
		if (s->image.modules.at[i].is_exe)
			return s->image.modules.at[i].name;
	return s->core.program[0] ? s->core.program : NULL;
}

static const char *
signal_name(int signal)
{
#ifdef HAVE_SIGABBREV_NP
	const char *name = sigabbrev_np(signal);
#else
	const char *name = NULL; /* the number must do */
	(void)signal;
#endif

	return name ? name : "?";
}

static void
show_build_ids(struct call *c)
{
	static const struct column columns[] = {
		COLUMN_TOOLS("module"),
		COLUMN_TOOLS("build_id"),
		COLUMNS_END,
	};
	const struct image *image = &c->scan->image;
	char text[BUILD_ID_TEXT];

	report_rows(&c->out, "build_ids", columns);
	for (size_t i = 0; i < image->modules.n; i++) {
		const struct module *m = &image->modules.at[i];
		bool known = m->id.size > 0;

		report_row(&c->out, value_text(m->name),
		    known ? value_text(build_id_text(&m->id, text)) : value_none());
	}
	report_rows_end(&c->out);
}

static void
show_input(struct call *c)
{
	static const struct column columns[] = {
		COLUMN_TOOLS("kind"),
		COLUMN_TOOLS("program"),
		COLUMN_TOOLS("machine"),
		COLUMN_TOOLS("pid"),
		COLUMN_TOOLS("signal"),
		COLUMN_TOOLS("threads"),
		COLUMNS_END,
	};
	const struct hs_scan *s = c->scan;
	const char *program = program_name(s);

	report_open(&c->out, "input");
	report_fields(&c->out, NULL, columns,
	    value_word(s->options.target ? "process" : "core"),
	    program ? value_text(program) : value_none(),
	    value_text(s->core.machine->name),
	    s->core.pid > 0 ? value_count((uint64_t)s->core.pid) : value_none(),
	    s->core.signal > 0 ? value_count((uint64_t)s->core.signal) : value_none(),
	    value_count(s->image.threads.n));
	show_build_ids(c);
	report_close(&c->out);
}

static void
show_completeness(struct call *c)
{
	static const struct column columns[] = { COLUMN_TOOLS("verdict"), COLUMNS_END };
	const struct lines *reasons = &c->scan->verdict.reasons;

	size_t n = call_reasons(c);

	report_open(&c->out, "completeness");
	report_fields(&c->out, NULL, columns,
	    value_word(n > 0 ? "incomplete" : "complete"));
	report_lines(&c->out, "reasons", NULL, reasons->at, n);
	report_close(&c->out);
}

static void
show_sums(struct call *c)
{
	static const struct column columns[] = {
		COLUMN_TOOLS("arena"),
		COLUMN_TOOLS("system_bytes"),
		COLUMN_TOOLS("found_bytes"),
		COLUMNS_END,
	};
	const struct heap *heap = &c->scan->heap;
	char name[ARENA_NAME];

	report_rows(&c->out, "arenas", columns);
	for (uint32_t i = 0; i < heap->arenas.n; i++)
		report_row(&c->out, value_word(arena_name(name, heap, i)),
		    value_bytes(arena_system_bytes(heap, i)),
		    value_bytes(heap->arenas.at[i].found_bytes));
	report_rows_end(&c->out);
}

static void
show_accounting(struct call *c)
{
	static const struct column columns[] = {
		COLUMN_TOOLS("verdict"),
		COLUMN_TOOLS("allocator"),
		COLUMN_TOOLS("layout"),
		COLUMN_TOOLS("disagreement"),
		COLUMN_TOOLS("disagreement_address"),
		COLUMNS_END,
	};
	const struct heap *heap = &c->scan->heap;
	bool agrees = !heap->disagreement_text[0];

	report_open(&c->out, "accounting");
	report_fields(&c->out, NULL, columns,
	    value_word(accounting_name[heap->accounting]),
	    heap->allocator ? value_text(heap->allocator) : value_none(),
	    heap->layout[0] ? value_text(heap->layout) : value_none(),
	    agrees ? value_none() : value_text(heap->disagreement_text),
	    heap->disagreement ? value_addr(heap->disagreement) : value_none());
	show_sums(c);
	report_close(&c->out);
}

void
show_notes(struct call *c)
{
	enum { SHOWN = 5 };
	const struct hs_scan *s = c->scan;
	struct lines all = { 0 }; /* the lines themselves stay where they are */

	for (size_t i = 0; i < s->core.notes.n; i++)
		vec_push(&all, s->core.notes.at[i]);
	for (size_t i = 0; i < s->verdict.remarks.n; i++)
		vec_push(&all, s->verdict.remarks.at[i]);
	for (size_t i = 0; i < s->space.files.notes.n; i++)
		vec_push(&all, s->space.files.notes.at[i]);
	size_t shown = all.n > SHOWN ? SHOWN : all.n;
	if (shown > 0)
		report_title(&c->out, "Notes");
	report_lines(&c->out, "diagnostics", NULL, all.at, all.n);
	report_lines(&c->out, NULL, "-", all.at, shown);
	if (shown < all.n)
		report_say(&c->out, "  and %zu more: see --json", all.n - shown);
	c->out.broke |= all.broke;
	vec_free(&all);
}

static void
show_damages(struct call *c)
{
	static const struct column columns[] = {
		COLUMN_TOOLS("address"),
		COLUMN_TOOLS("chunk"),
		COLUMN_TOOLS("text"),
		COLUMNS_END,
	};
	const struct heap *heap = &c->scan->heap;

	report_rows(&c->out, "damages", columns);
	for (size_t i = 0; i < heap->damages.n; i++) {
		const struct damage *d = &heap->damages.at[i];

		report_row(&c->out, value_addr(d->at),
		    d->chunk ? value_addr(d->chunk) : value_none(),
		    value_text(d->text));
	}
	report_rows_end(&c->out);
}

static void
show_tool(struct call *c)
{
	static const struct column version[] = { COLUMN_TOOLS("schema_version"),
		COLUMNS_END };
	static const struct column tool[] = {
		COLUMN_TOOLS("name"),
		COLUMN_TOOLS("version"),
		COLUMNS_END,
	};
	static const struct column command[] = { COLUMN_TOOLS("command"), COLUMNS_END };

	report_fields(&c->out, NULL, version, value_word(SCHEMA_VERSION));
	report_fields(&c->out, "tool", tool, value_word("heapscan"),
	    value_word(HS_VERSION));
	report_fields(&c->out, NULL, command, value_word(c->command->info.name));
}

/* For people: which process this was, in one line. */
static void
say_input(struct call *c)
{
	const struct hs_scan *s = c->scan;
	const char *program = program_name(s);
	char threads[WORDS_TEXT], pid[32] = "", ended[48] = "";

	if (s->core.pid > 0)
		snprintf(pid, sizeof pid, ", pid %d", s->core.pid);
	if (s->core.signal > 0)
		snprintf(ended, sizeof ended, ", signal %d (SIG%s)", s->core.signal,
		    signal_name(s->core.signal));
	report_say(&c->out, "%s%s%s, %s", program ? program : "a program", pid,
	    ended, words_many(threads, s->image.threads.n, "thread"));
}

/* For people, on top of every report that may be wrong. */
static void
say_incomplete(struct call *c)
{
	enum { SHOWN = 3 };
	const struct lines *reasons = &c->scan->verdict.reasons;
	size_t n = call_reasons(c), shown = n > SHOWN ? SHOWN : n;

	report_lines(&c->out, NULL, "INCOMPLETE", reasons->at, shown);
	if (n > shown)
		report_say(&c->out, "  and %zu more: see --json", n - shown);
}

static bool
begin(struct call *c, bool document, struct hs_error *err)
{
	const char *json = call_option(c, "json");

	c->status = call_reasons(c) > 0 ? HS_INCOMPLETE : HS_CLEAN;
	return scan_sound(c->scan, err) && call_writing(c, err)
	    && report_begin(&c->out, json ? format_named("json") : formats[0],
		json && *json ? json : NULL, document, &c->scan->options, err);
}

bool
call_begin(struct call *c, struct hs_error *err)
{
	if (!begin(c, true, err))
		return false;
	show_tool(c);
	show_input(c);
	show_completeness(c);
	show_accounting(c);
	show_damages(c);
	say_input(c);
	say_incomplete(c);
	return true;
}

bool
call_begin_rows(struct call *c, struct hs_error *err)
{
	if (!begin(c, false, err))
		return false;
	say_incomplete(c);
	return true;
}

bool
call_writing(struct call *c, struct hs_error *err)
{
	return progress_on(&c->scan->progress, "writing", 0, 1, err);
}
