/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports: the same facts as text and as JSON. */
#include "out/report.h"
#include "out/words.h"
#include "unit/check.h"

#include <errno.h>

static char written[65536];
static size_t nwritten;

static bool
keep(void *arg, const char *text, size_t n)
{
	(void)arg;
	if (n > sizeof written - 1 - nwritten)
		return false;
	memcpy(written + nwritten, text, n);
	nwritten += n;
	written[nwritten] = 0;
	return true;
}

static bool
refuse(void *arg, const char *text, size_t n)
{
	(void)text;
	(void)n;
	errno = *(int *)arg;
	return false;
}

static const struct column columns[] = {
	COLUMN("name", "name"),
	COLUMN("size_bytes", "bytes"),
	COLUMN_TOOLS("address"),
	COLUMN_PEOPLE("remark"),
	COLUMNS_END,
};

/* A report with a table of one row; what was written is in written[]. */
static bool
tell(const char *format, bool document, unsigned width, const char *name,
    const char *remark)
{
	static struct report r;
	struct hs_options o = { .write = keep, .columns = width };
	struct hs_error err;

	memset(&r, 0, sizeof r);
	nwritten = 0;
	written[0] = 0;
	if (!report_begin(&r, format_named(format), NULL, document, &o, &err))
		return false;
	report_title(&r, "Title");
	report_rows(&r, "rows", columns);
	report_row(&r, value_text(name), value_bytes(1536), value_addr(0x1f0),
	    value_text(remark));
	report_rows_end(&r);
	bool ok = report_end(&r, &err);
	report_fini(&r);
	return ok;
}

static void
text_shows_people_their_columns(void)
{
	CHECK(tell("text", true, 0, "a", "odd"));
	CHECK(!strcmp(written,
	    "Title\n"
	    "  name             bytes  remark\n"
	    "  a     1,536    1.5 KiB  odd\n"));
}

static void
json_shows_tools_theirs(void)
{
	CHECK(tell("json", true, 0, "a", "odd"));
	CHECK(!strcmp(written,
	    "{\n\"rows\":[\n"
	    "{\"name\":\"a\",\"size_bytes\":1536,\"address\":\"0x1f0\"}]"
	    "\n}\n"));
	CHECK(tell("json", false, 0, "a", "odd"));
	CHECK(!strcmp(written,
	    "{\"name\":\"a\",\"size_bytes\":1536,\"address\":\"0x1f0\"}\n"));
}

static void
names_do_nothing_to_a_terminal(void)
{
	CHECK(tell("text", true, 0, "\033[2J", "\xc2\x9b\xff"));
	CHECK(strstr(written, "\\x1b[2J") != NULL);
	CHECK(strstr(written, "\\xc2\\x9b\\xff\n") != NULL);
}

static void
json_is_quoted_and_always_utf8(void)
{
	CHECK(tell("json", false, 0, "q\"b\\ \xe2\x82\xac \xe2\x82 \n", ""));
	CHECK(strstr(written, "\"q\\\"b\\\\ \xe2\x82\xac \\\\xe2\\\\x82 \\\\x0a\"")
	    != NULL);
}

static void
last_column_is_cut_on_a_terminal_only(void)
{
	const char *remark = "a remark that is longer than what is left of the line";

	CHECK(tell("text", true, 0, "a", remark));
	CHECK(strstr(written, remark) != NULL);
	CHECK(tell("text", true, 50, "a", remark));
	CHECK(strstr(written, "  a     1,536    1.5 KiB  a remark that is long...\n"));
}

static void
long_table_keeps_every_row(void)
{
	static struct report r;
	struct hs_options o = { .write = keep };
	struct hs_error err;
	size_t lines = 0;

	memset(&r, 0, sizeof r);
	nwritten = 0;
	CHECK(report_begin(&r, format_named("text"), NULL, true, &o, &err));
	report_rows(&r, "rows", columns);
	for (uint64_t i = 0; i < 1000; i++)
		report_row(&r, value_word("x"), value_bytes(i), value_none(),
		    value_none());
	report_rows_end(&r);
	CHECK(report_end(&r, &err));
	report_fini(&r);
	for (const char *p = written; (p = strchr(p, '\n')); p++)
		lines++;
	CHECK(lines == 1001);
	CHECK(strstr(written, " \n") == NULL);
}

static void
failed_write_is_told_but_not_a_reader_that_left(void)
{
	static struct report r;
	int full = ENOSPC, gone = EPIPE;
	struct hs_options o = { .write = refuse, .write_arg = &full };
	struct hs_error err = { 0 };

	memset(&r, 0, sizeof r);
	CHECK(report_begin(&r, format_named("json"), NULL, true, &o, &err));
	CHECK(!report_end(&r, &err));
	CHECK(err.status == HS_FAILED && strstr(err.text, strerror(ENOSPC)));
	report_fini(&r);
	memset(&r, 0, sizeof r);
	o.write_arg = &gone;
	CHECK(report_begin(&r, format_named("json"), NULL, true, &o, &err));
	CHECK(report_end(&r, &err));
	CHECK(report_broken(&r));
	report_fini(&r);
}

static void
numbers_read_well_and_are_never_rounded_up(void)
{
	char text[WORDS_TEXT];

	CHECK(!strcmp(words_count(text, 999), "999"));
	CHECK(!strcmp(words_count(text, 1234567), "1,234,567"));
	CHECK(!strcmp(words_count(text, UINT64_MAX), "18,446,744,073,709,551,615"));
	CHECK(!strcmp(words_size(text, 0), "0 B"));
	CHECK(!strcmp(words_size(text, 1023), "1023 B"));
	CHECK(!strcmp(words_size(text, 1024 * 1024 - 1), "1023.9 KiB"));
	CHECK(!strcmp(words_size(text, 1024 * 1024), "1.0 MiB"));
	CHECK(!strcmp(words_size(text, UINT64_MAX), "15.9 EiB"));
	CHECK(!strcmp(words_bytes(text, 1), "1 byte"));
	CHECK(!strcmp(words_bytes(text, 2048), "2,048 bytes (2.0 KiB)"));
	CHECK(!strcmp(words_many(text, 1, "block"), "1 block"));
	CHECK(!strcmp(words_many(text, 0, "block"), "0 blocks"));
}

/* Of stage "reading": its words. */
static const char *
progress_text(int percent, uint64_t done, uint64_t all, double seconds)
{
	static char text[128];
	struct hs_progress p = { "reading", percent, done, all };

	return hs_progress_text(&p, seconds, text, sizeof text);
}

static void
progress_says_how_far_how_fast_and_how_long(void)
{
	const uint64_t gib = 1ull << 30;

	CHECK(!strcmp(progress_text(43, 43 * gib, 100 * gib, 5),
	    "reading 43 %, 8.5 GiB/s, 7 s left"));
	CHECK(!strcmp(progress_text(50, 512, 1024, 7),
	    "reading 50 %, 73 B/s, 7 s left"));
	CHECK(!strcmp(progress_text(50, gib, 2 * gib, 599.5),
	    "reading 50 %, 1.7 MiB/s, 600 s left"));
	CHECK(!strcmp(progress_text(50, gib, 2 * gib, 601),
	    "reading 50 %, 1.7 MiB/s, 11 min left"));
	CHECK(!strcmp(progress_text(50, gib, 2 * gib, 36000),
	    "reading 50 %, 29.1 KiB/s, 10 h left"));
	CHECK(!strcmp(progress_text(1, 1, UINT64_MAX, 1e9),
	    "reading 1 %, 0 B/s, 9999 h left"));
}

static void
progress_leaves_out_what_it_cannot_tell(void)
{
	CHECK(!strcmp(progress_text(43, 0, 0, 5), "reading 43 %"));
	/* just begun; hardly begun; done; no end in sight */
	CHECK(!strcmp(progress_text(43, 43 << 20, 100 << 20, 0.9), "reading 43 %"));
	CHECK(!strcmp(progress_text(0, 4096, 100 << 20, 2), "reading 0 %, 2.0 KiB/s"));
	CHECK(!strcmp(progress_text(100, 4096, 4096, 2), "reading 100 %, 2.0 KiB/s"));
	CHECK(!strcmp(progress_text(0, 3 << 20, 0, 2), "reading 3.0 MiB, 1.5 MiB/s"));
	CHECK(!strcmp(progress_text(0, 3 << 20, 0, 0), "reading 3.0 MiB"));
}

static void
progress_keeps_to_the_room_that_it_has(void)
{
	struct hs_progress p = { "reading", 43, 0, 0 };
	char text[8] = "..kept";

	CHECK(!strcmp(hs_progress_text(&p, 0, text, 5), "read"));
	CHECK(text[5] == 't');
}

TESTS(text_shows_people_their_columns, json_shows_tools_theirs,
    names_do_nothing_to_a_terminal, json_is_quoted_and_always_utf8,
    last_column_is_cut_on_a_terminal_only, long_table_keeps_every_row,
    failed_write_is_told_but_not_a_reader_that_left,
    numbers_read_well_and_are_never_rounded_up,
    progress_says_how_far_how_fast_and_how_long,
    progress_leaves_out_what_it_cannot_tell, progress_keeps_to_the_room_that_it_has)
