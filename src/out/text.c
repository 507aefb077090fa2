/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reports for people.
 *
 * A table is as wide as what stands in it, so its first rows wait until the
 * widths are known; the rest of a long list is written as it comes, in those
 * widths.  On a terminal, long lines are broken and the last column of a
 * table is cut; in a file or a pipe nothing is ever cut.
 */
#include "out/report.h"
#include "out/words.h"

#include <stdio.h>

enum {
	WAITING_ROWS = 200,
	LONGEST = 4096,   /* bytes of a cell */
	HUMAN_WIDTH = 11, /* of " 1023.9 KiB" */
	NARROWEST = 40,   /* columns of a terminal that we adapt to */
	MARGIN = 2,
};

struct cell {
	size_t text;    /* index in text->bytes */
	size_t columns; /* on a screen */
	uint64_t bytes; /* VALUE_BYTES */
	enum value_kind kind;
	enum mood mood;
};

struct text {
	bool some; /* something was written: a title has an empty line before it */
	const struct column *columns; /* of the open table */
	size_t ncolumns;              /* 0: none is for people */
	struct VEC(char) bytes; /* of the rows that wait, each cell with its NUL */
	struct VEC(struct cell) cells;
	size_t width[COLUMNS_MAX];
	bool right[COLUMNS_MAX];
	bool sizes[COLUMNS_MAX]; /* bytes, and some that read better as "1.5 MiB" */
	bool streaming;          /* widths are known, no row waits */
};

static const char *const mood_on[] = { "", "\033[32m", "\033[33m", "\033[31m" };

static void
put_mood(struct report *r, enum mood mood, const char *text)
{
	bool colour = r->colour && mood != MOOD_PLAIN;

	if (colour)
		sink_text(&r->sink, mood_on[mood]);
	sink_text(&r->sink, text);
	if (colour)
		sink_text(&r->sink, "\033[0m");
}

static size_t
put_addrs(char *to, size_t size, const struct value *v)
{
	size_t n = 0;

	for (uint32_t i = 0; i < v->n && n < size; i++)
		n += (size_t)snprintf(to + n, size - n, "%s0x%llx", i ? " " : "",
		    (unsigned long long)v->addrs[i]);
	return n < size ? n : size - 1;
}

/* A value as a cell or a field shows it; returns its columns. */
static size_t
show(char *to, size_t size, const struct value *v)
{
	char a[WORDS_TEXT];
	size_t columns;

	switch (v->kind) {
	case VALUE_NONE: *to = 0; return 0;
	case VALUE_WORD:
	case VALUE_TEXT: words_clean(to, size, v->text, &columns); return columns;
	case VALUE_COUNT:
		return (size_t)snprintf(to, size, "%s", words_count(a, v->number));
	case VALUE_BYTES:
		return (size_t)snprintf(to, size, "%s", words_bytes(a, v->number));
	case VALUE_ADDR:
		return (size_t)snprintf(to, size, "0x%llx",
		    (unsigned long long)v->number);
	case VALUE_ADDRS: return put_addrs(to, size, v);
	case VALUE_TRUTH:
		return (size_t)snprintf(to, size, "%s", v->number ? "yes" : "no");
	}
	return 0;
}

/* ASCII text from column `at`, further lines from column `indent`. */
static void
put_wrapped(struct report *r, const char *text, size_t at, size_t indent, enum mood mood)
{
	size_t most = r->columns >= NARROWEST ? r->columns : SIZE_MAX;
	char line[LONGEST];

	for (;;) {
		size_t n = strlen(text), room = most > at ? most - at : 1;
		size_t cut = n;

		if (n > room) {
			for (cut = room; cut > 0 && text[cut] != ' ';)
				cut--;
			if (cut == 0)
				cut = strcspn(text, " ");
		}
		snprintf(line, sizeof line, "%.*s", (int)cut, text);
		put_mood(r, mood, line);
		sink_char(&r->sink, '\n');
		text += cut;
		text += strspn(text, " ");
		if (!*text)
			return;
		sink_spaces(&r->sink, indent);
		at = indent;
	}
}

static void
text_say(struct report *r, const char *text)
{
	struct text *t = r->state;
	char clean[LONGEST];
	size_t columns;

	if (!r->document)
		return;
	words_clean(clean, sizeof clean, text, &columns);
	put_wrapped(r, clean, 0, MARGIN, MOOD_PLAIN);
	t->some = true;
}

static void
text_title(struct report *r, const char *title)
{
	struct text *t = r->state;

	if (!r->document)
		return;
	if (t->some)
		sink_char(&r->sink, '\n');
	if (r->colour)
		sink_text(&r->sink, "\033[1m");
	sink_text(&r->sink, title);
	sink_text(&r->sink, r->colour ? "\033[0m\n" : "\n");
	t->some = true;
}

static void
put_field(struct report *r, const char *title, size_t widest, const struct value *v)
{
	char value[LONGEST];

	if (!title || v->kind == VALUE_NONE)
		return;
	show(value, sizeof value, v);
	sink_spaces(&r->sink, MARGIN);
	sink_text(&r->sink, title);
	sink_spaces(&r->sink, widest - strlen(title) + 2);
	put_wrapped(r, value, MARGIN + widest + 2, MARGIN + widest + 2, v->mood);
}

static void
text_fields(struct report *r, const char *key UNUSED, const struct column *columns,
    const struct value *values)
{
	struct text *t = r->state;
	size_t widest = 0;

	for (size_t i = 0; columns[i].key || columns[i].title; i++)
		if (columns[i].title && values[i].kind != VALUE_NONE
		    && strlen(columns[i].title) > widest)
			widest = strlen(columns[i].title);
	for (size_t i = 0; columns[i].key || columns[i].title; i++)
		put_field(r, columns[i].title, widest, &values[i]);
	t->some |= widest > 0;
}

static void
text_lines(struct report *r, const char *key UNUSED, const char *title,
    char *const *lines, size_t n)
{
	struct text *t = r->state;

	for (size_t i = 0; title && i < n; i++) {
		struct value v = value_text(lines[i]);

		put_field(r, title, strlen(title), &v);
		t->some = true;
	}
}

/* Cuts text to fit into `room` columns; cut has place for it. */
static const char *
shorten(char cut[LONGEST], const char *text, size_t room)
{
	size_t bytes = 0;

	for (size_t columns = 0; text[bytes] && columns + 3 < room; columns++)
		do
			bytes++;
		while ((text[bytes] & 0xc0) == 0x80);
	snprintf(cut, LONGEST, "%.*s...", (int)bytes, text);
	return cut;
}

/* A row while it is put: blanks wait until something follows them. */
struct line {
	struct report *r;
	size_t at, blanks;
};

static void
put_text(struct line *l, const char *text, size_t columns, enum mood mood)
{
	if (!*text)
		return;
	sink_spaces(&l->r->sink, l->blanks);
	put_mood(l->r, mood, text);
	l->at += l->blanks + columns;
	l->blanks = 0;
}

/* "1.5 MiB" behind the exact number; nothing where that is short itself. */
static void
put_size(struct line *l, uint64_t bytes)
{
	char text[WORDS_TEXT];

	words_size(text, bytes);
	l->blanks += HUMAN_WIDTH;
	if (bytes < 1024)
		return;
	l->blanks -= strlen(text);
	put_text(l, text, strlen(text), MOOD_PLAIN);
}

static void
put_cell(struct line *l, const struct text *t, size_t i, const struct cell *c)
{
	const char *text = t->bytes.at + c->text;
	size_t n = c->columns + (t->sizes[i] ? HUMAN_WIDTH : 0);
	size_t pad = t->width[i] > n ? t->width[i] - n : 0, most = l->r->columns;
	char cut[LONGEST];

	l->blanks += t->right[i] ? pad : 0;
	size_t start = l->at + l->blanks;
	if (i + 1 == t->ncolumns && most >= NARROWEST && c->kind == VALUE_TEXT
	    && start + n > most && start + 3 < most)
		text = shorten(cut, text, most - start);
	put_text(l, text, c->columns, c->mood);
	if (t->sizes[i])
		put_size(l, c->bytes);
	l->blanks += (t->right[i] ? 0 : pad) + 2;
}

/* One row; on a terminal its last column is cut where the screen ends. */
static void
put_row(struct report *r, const struct cell *cells)
{
	struct text *t = r->state;
	struct line l = { .r = r, .blanks = MARGIN };

	for (size_t i = 0; i < t->ncolumns; i++)
		if (t->columns[i].title)
			put_cell(&l, t, i, &cells[i]);
	sink_char(&r->sink, '\n');
}

static void
put_heading(struct report *r)
{
	struct text *t = r->state;
	struct line l = { .r = r, .blanks = MARGIN };

	for (size_t i = 0; i < t->ncolumns; i++) {
		const char *title = t->columns[i].title;
		size_t pad = title ? t->width[i] - strlen(title) : 0;

		if (!title)
			continue;
		l.blanks += t->right[i] ? pad : 0;
		put_text(&l, title, strlen(title), MOOD_PLAIN);
		l.blanks = (t->right[i] ? 0 : pad) + 2;
	}
	sink_char(&r->sink, '\n');
}

static void
measure_cell(struct text *t, size_t i, const struct cell *c)
{
	size_t n = c->columns + (t->sizes[i] ? HUMAN_WIDTH : 0);

	if (n > t->width[i])
		t->width[i] = n;
}

/* The widths are what they are: write the rows that wait. */
static void
settle(struct report *r)
{
	struct text *t = r->state;

	if (t->streaming)
		return;
	t->streaming = true;
	for (size_t i = 0; i < t->cells.n; i++)
		t->sizes[i % t->ncolumns] |= t->cells.at[i].bytes >= 1024;
	for (size_t i = 0; i < t->cells.n; i++)
		measure_cell(t, i % t->ncolumns, &t->cells.at[i]);
	put_heading(r);
	for (size_t i = 0; i + t->ncolumns <= t->cells.n; i += t->ncolumns)
		put_row(r, t->cells.at + i);
	t->cells.n = t->bytes.n = 0;
}

static void
text_rows(struct report *r, const char *key UNUSED, const struct column *columns)
{
	struct text *t = r->state;

	t->columns = columns;
	t->streaming = false;
	t->cells.n = t->bytes.n = t->ncolumns = 0;
	bool titled = false;
	size_t n = 0;
	for (; columns[n].key || columns[n].title; n++) {
		t->width[n] = columns[n].title ? strlen(columns[n].title) : 0;
		t->right[n] = t->sizes[n] = false;
		titled |= columns[n].title != NULL;
	}
	if (titled)
		t->ncolumns = n;
	t->some |= titled;
}

static void
add_cell(struct text *t, size_t i, const struct value *v)
{
	struct cell c = { .text = t->bytes.n, .kind = v->kind, .mood = v->mood };
	char text[LONGEST], number[WORDS_TEXT];

	if (v->kind != VALUE_BYTES) {
		c.columns = show(text, sizeof text, v);
	} else if (t->columns[i].brief) {
		c.columns = (size_t)snprintf(text, sizeof text, "%s",
		    words_size(number, v->number));
	} else {
		c.bytes = v->number;
		c.columns = (size_t)snprintf(text, sizeof text, "%s",
		    words_count(number, v->number));
	}
	for (const char *p = text; *p; p++)
		vec_push(&t->bytes, *p);
	vec_push(&t->bytes, 0);
	vec_push(&t->cells, c);
	t->right[i] |= v->kind == VALUE_COUNT || v->kind == VALUE_BYTES;
}

static void
text_row(struct report *r, const struct value *values)
{
	struct text *t = r->state;

	for (size_t i = 0; i < t->ncolumns; i++)
		add_cell(t, i, &values[i]);
	if (t->cells.broke || t->bytes.broke) {
		r->broke = true;
		t->cells.n = t->bytes.n = 0;
	} else if (t->streaming && t->cells.n > 0) {
		put_row(r, t->cells.at);
		t->cells.n = t->bytes.n = 0;
	} else if (t->cells.n > WAITING_ROWS * t->ncolumns) {
		settle(r);
	}
}

static void
text_rows_end(struct report *r)
{
	struct text *t = r->state;

	if (t->cells.n > 0)
		settle(r);
}

static void
text_fini(struct report *r)
{
	struct text *t = r->state;

	vec_free(&t->cells);
	vec_free(&t->bytes);
}

const struct format format_text = {
	.name = "text",
	.state_size = sizeof(struct text),
	.fini = text_fini,
	.title = text_title,
	.say = text_say,
	.fields = text_fields,
	.lines = text_lines,
	.rows = text_rows,
	.row = text_row,
	.rows_end = text_rows_end,
};
