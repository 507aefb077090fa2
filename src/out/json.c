/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reports as JSON (RFC 8259).
 *
 * Written as it comes, in the order in which it is told, so that a list of
 * ten million rows is never in memory.  Each member of the document and each
 * row of a list stands on a line of its own, which grep and diff like.  A
 * Jansson value for each row took eight times as long as the row itself; what
 * is easy to get wrong by hand, the quoting of strings, is left to Jansson.
 */
#include "out/report.h"
#include "out/words.h"

#include <jansson.h>

enum { DEEPEST = 8, LONGEST = 4096 };

struct json {
	unsigned depth;     /* objects that are open */
	bool some[DEEPEST]; /* does the open object at that depth have a member? */
	bool rows;          /* does the open list have a row? */
	const struct column *columns;
};

static void
put_string(struct report *r, const char *text)
{
	char clean[LONGEST];
	size_t columns;
	size_t n = words_clean(clean, sizeof clean, text, &columns);
	json_t *string = json_stringn(clean, n);
	char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	json_decref(string);
	if (quoted)
		sink_text(&r->sink, quoted);
	else
		r->broke = true;
	free(quoted);
}

static void
put_addr(struct report *r, hs_addr a)
{
	sink_char(&r->sink, '"');
	sink_hex(&r->sink, a);
	sink_char(&r->sink, '"');
}

static void
put_addrs(struct report *r, const hs_addr *a, uint32_t n)
{
	sink_char(&r->sink, '[');
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			sink_char(&r->sink, ',');
		put_addr(r, a[i]);
	}
	sink_char(&r->sink, ']');
}

static void
put_value(struct report *r, const struct value *v)
{
	switch (v->kind) {
	case VALUE_NONE: sink_text(&r->sink, "null"); break;
	case VALUE_WORD:
		sink_char(&r->sink, '"');
		sink_text(&r->sink, v->text);
		sink_char(&r->sink, '"');
		break;
	case VALUE_TEXT: put_string(r, v->text); break;
	case VALUE_COUNT:
	case VALUE_BYTES: sink_decimal(&r->sink, v->number); break;
	case VALUE_ADDR: put_addr(r, v->number); break;
	case VALUE_ADDRS: put_addrs(r, v->addrs, v->n); break;
	case VALUE_TRUTH: sink_text(&r->sink, v->number ? "true" : "false"); break;
	}
}

static void
put_key(struct report *r, const char *key)
{
	sink_char(&r->sink, '"');
	sink_text(&r->sink, key);
	sink_put(&r->sink, "\":", 2);
}

/* The start of a member of the open object. */
static void
member(struct report *r, const char *key)
{
	struct json *j = r->state;

	if (j->some[j->depth])
		sink_char(&r->sink, ',');
	j->some[j->depth] = true;
	if (j->depth == 1)
		sink_char(&r->sink, '\n');
	put_key(r, key);
}

static void
json_open(struct report *r, const char *key)
{
	struct json *j = r->state;

	if (!r->document)
		return;
	if (key)
		member(r, key);
	sink_char(&r->sink, '{');
	j->some[++j->depth] = false;
}

static void
json_close(struct report *r)
{
	struct json *j = r->state;

	if (!r->document)
		return;
	if (j->depth-- == 1)
		sink_char(&r->sink, '\n');
	sink_char(&r->sink, '}');
}

static void
json_begin(struct report *r)
{
	json_open(r, NULL);
}

static void
json_end(struct report *r)
{
	json_close(r);
	if (r->document)
		sink_char(&r->sink, '\n');
}

static void
json_fields(struct report *r, const char *key, const struct column *columns,
    const struct value *values)
{
	if (!r->document)
		return;
	if (key)
		json_open(r, key);
	for (size_t i = 0; columns[i].key || columns[i].title; i++) {
		if (!columns[i].key || values[i].kind == VALUE_NONE)
			continue;
		member(r, columns[i].key);
		put_value(r, &values[i]);
	}
	if (key)
		json_close(r);
}

static void
json_lines(struct report *r, const char *key, const char *title UNUSED,
    char *const *lines, size_t n)
{
	if (!r->document || !key)
		return;
	member(r, key);
	sink_char(&r->sink, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			sink_char(&r->sink, ',');
		put_string(r, lines[i]);
	}
	sink_char(&r->sink, ']');
}

static void
json_rows(struct report *r, const char *key, const struct column *columns)
{
	struct json *j = r->state;

	j->columns = columns;
	j->rows = false;
	if (!r->document)
		return;
	member(r, key);
	sink_char(&r->sink, '[');
}

static void
json_row(struct report *r, const struct value *values)
{
	struct json *j = r->state;
	char before = '{';

	if (r->document)
		sink_text(&r->sink, j->rows ? ",\n" : "\n");
	j->rows = true;
	for (size_t i = 0; j->columns[i].key || j->columns[i].title; i++) {
		if (!j->columns[i].key || values[i].kind == VALUE_NONE)
			continue;
		sink_char(&r->sink, before);
		put_key(r, j->columns[i].key);
		put_value(r, &values[i]);
		before = ',';
	}
	sink_text(&r->sink, before == '{' ? "{}" : "}");
	if (!r->document)
		sink_char(&r->sink, '\n');
}

static void
json_rows_end(struct report *r)
{
	if (r->document)
		sink_char(&r->sink, ']');
}

const struct format format_json = {
	.name = "json",
	.state_size = sizeof(struct json),
	.begin = json_begin,
	.end = json_end,
	.open = json_open,
	.close = json_close,
	.fields = json_fields,
	.lines = json_lines,
	.rows = json_rows,
	.row = json_row,
	.rows_end = json_rows_end,
};
