/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reports: what a command has to say, before anything decides how it looks.
 *
 * A command tells its report from top to bottom and the format renders it as
 * it comes.  Nothing is kept, so ten million rows cost time but no memory:
 *
 *	report_title(r, "Leaks");
 *	report_fields(r, "summary", columns, values);
 *	report_rows(r, "groups", columns);
 *	for (...)
 *		report_row(r, values);
 *	report_rows_end(r);
 *
 * People and tools get the same facts; a column without a key is for people
 * only, one without a title for tools only.
 */
#ifndef OUT_REPORT_H
#define OUT_REPORT_H

#include "base/error.h"
#include "base/vec.h"
#include "out/sink.h"

enum value_kind {
	VALUE_NONE, /* absent */
	VALUE_WORD, /* one of ours: plain lower-case ASCII */
	VALUE_TEXT, /* any string, perhaps from the core */
	VALUE_COUNT,
	VALUE_BYTES,
	VALUE_ADDR,
	VALUE_ADDRS, /* n of them */
	VALUE_TRUTH,
};

enum mood { MOOD_PLAIN, MOOD_GOOD, MOOD_DOUBTFUL, MOOD_BAD };

struct value {
	enum value_kind kind;
	enum mood mood; /* its colour on a terminal */
	uint32_t n;
	union {
		const char *text;
		uint64_t number;
		const hs_addr *addrs;
	};
};

#define value_none() ((struct value) { .kind = VALUE_NONE })
#define value_word(w) ((struct value) { .kind = VALUE_WORD, .text = (w) })
#define value_text(t) ((struct value) { .kind = VALUE_TEXT, .text = (t) })
#define value_count(c) ((struct value) { .kind = VALUE_COUNT, .number = (c) })
#define value_bytes(b) ((struct value) { .kind = VALUE_BYTES, .number = (b) })
#define value_addr(a) ((struct value) { .kind = VALUE_ADDR, .number = (a) })
#define value_addrs(a, many) \
	((struct value) { .kind = VALUE_ADDRS, .n = (many), .addrs = (a) })
#define value_truth(t) ((struct value) { .kind = VALUE_TRUTH, .number = (t) })

#define VALUES(...) ((const struct value[]) { __VA_ARGS__ })
#define VALUES_COUNT(...) (sizeof VALUES(__VA_ARGS__) / sizeof(struct value))

/* An array of columns ends with COLUMNS_END, and has COLUMNS_MAX at most. */
struct column {
	const char *key;   /* its name in JSON, or NULL */
	const char *title; /* its heading in text, or NULL */
	bool brief; /* text: bytes as "1.5 MiB" only, where many columns stand */
};

/* clang-format off */
#define COLUMN(key, title) { key, title, false }
#define COLUMN_BRIEF(key, title) { key, title, true }
#define COLUMN_TOOLS(key) { key, NULL, false }    /* not in text */
#define COLUMN_PEOPLE(title) { NULL, title, false } /* not in JSON */
#define COLUMNS_END { NULL, NULL, false }
/* clang-format on */

enum { COLUMNS_MAX = 24 };

struct report {
	const struct format *format;
	struct sink sink;
	void *stream;  /* the file we opened, or NULL */
	bool document; /* false: nothing but rows, one a line */
	bool colour;
	unsigned columns; /* of the terminal; 0: as wide as it gets */
	void *state;      /* the format's */
	size_t width;     /* columns of the open table */
	struct VEC(char *) texts;
	bool broke; /* memory ran out */
};

/*
 * A way to render.  To add one: src/out/NAME.c with a const struct format,
 * named in out/formats.c.  What a format has no use for it leaves NULL.
 */
struct format {
	const char *name;
	size_t state_size; /* of r->state, which is zeroed before begin() */
	void (*begin)(struct report *r);
	void (*end)(struct report *r);
	void (*fini)(struct report *r); /* frees what *r->state holds */
	void (*title)(struct report *r, const char *text);
	void (*say)(struct report *r, const char *text);
	void (*open)(struct report *r, const char *key);
	void (*close)(struct report *r);
	void (*fields)(struct report *r, const char *key,
	    const struct column *columns, const struct value *values);
	void (*lines)(struct report *r, const char *key, const char *title,
	    char *const *lines, size_t n);
	void (*rows)(struct report *r, const char *key, const struct column *columns);
	void (*row)(struct report *r, const struct value *values);
	void (*rows_end)(struct report *r);
};

/* Ends with NULL; the first is the default. */
extern const struct format *const formats[];

const struct format *format_named(const char *name);

/*
 * Starts a report that goes to path, or where *o says when path is NULL.
 * document: it is one JSON object; otherwise nothing but rows, each a JSON
 * object on a line of its own.  False when path cannot be written.
 */
bool report_begin(struct report *r, const struct format *format, const char *path,
    bool document, const struct hs_options *o, struct hs_error *err) MUST_CHECK;

/*
 * Writes what waits.  False when not all of it could be written; that nobody
 * reads any more (EPIPE) is no failure.
 */
bool report_end(struct report *r, struct hs_error *err) MUST_CHECK;

/* Frees what a report holds, ended or not; a zeroed one is fine. */
void report_fini(struct report *r);

/* Nothing that is written arrives any more: long lists may stop. */
static inline bool
report_broken(const struct report *r)
{
	return r->sink.broke;
}

/* A heading, and a paragraph: for people only. */
void report_title(struct report *r, const char *text);
void report_say(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* What follows, up to report_close(), belongs to the member `key`: for tools only. */
void report_open(struct report *r, const char *key);
void report_close(struct report *r);

/* One value for each column.  key NULL: members of what is open. */
#define report_fields(r, key, columns, ...) \
	report_values(r, key, columns, VALUES(__VA_ARGS__), VALUES_COUNT(__VA_ARGS__))

void report_values(struct report *r, const char *key, const struct column *columns,
    const struct value *values, size_t n);

/* A list of strings; for people each is a line that begins with title (NULL: not shown). */
void report_lines(struct report *r, const char *key, const char *title,
    char *const *lines, size_t n);

/* A table: one value for each column in each row.  *columns must live until its end. */
void report_rows(struct report *r, const char *key, const struct column *columns);

#define report_row(r, ...) \
	report_row_values(r, VALUES(__VA_ARGS__), VALUES_COUNT(__VA_ARGS__))

void report_row_values(struct report *r, const struct value *values, size_t n);
void report_rows_end(struct report *r);

/* A string that lives as long as the report. */
const char *report_text(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
