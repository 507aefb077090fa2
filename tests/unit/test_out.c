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

TESTS(text_shows_people_their_columns, json_shows_tools_theirs,
    names_do_nothing_to_a_terminal, json_is_quoted_and_always_utf8,
    last_column_is_cut_on_a_terminal_only, long_table_keeps_every_row,
    failed_write_is_told_but_not_a_reader_that_left,
    numbers_read_well_and_are_never_rounded_up)
