/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports: from a command's calls to the format's, and where the bytes go. */
#include "out/report.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static bool
write_stream(void *stream, const char *text, size_t n)
{
	return fwrite(text, 1, n, stream) == n;
}

bool
report_begin(struct report *r, const struct format *format, const char *path,
    bool document, const struct hs_options *o, struct hs_error *err)
{
	r->format = format;
	r->state = calloc(1, format->state_size);
	if (!r->state)
		return fail_nomem(err);
	if (path && !(r->stream = fopen(path, "we")))
		return fail_sys(err, path);
	r->sink.write = path || !o->write ? write_stream : o->write;
	r->sink.arg = path ? r->stream : o->write ? o->write_arg : (void *)stdout;
	r->colour = o->colour && !path;
	r->columns = path ? 0 : o->columns;
	r->document = document;
	if (format->begin)
		format->begin(r);
	return true;
}

/* Closes our own file, or makes sure that all is out.  False, and errno, if it is not. */
static bool
settle(struct report *r)
{
	FILE *own = r->stream;

	r->stream = NULL;
	if (own)
		return fclose(own) == 0;
	return r->sink.write != write_stream || fflush(stdout) == 0;
}

bool
report_end(struct report *r, struct hs_error *err)
{
	if (r->format->end)
		r->format->end(r);
	sink_flush(&r->sink);
	bool own = r->stream;
	if (!r->sink.broke && !settle(r)) {
		r->sink.broke = true;
		r->sink.error = errno;
	}
	if (r->broke || r->texts.broke)
		return fail_nomem(err);
	if (!r->sink.broke || r->sink.error == EPIPE)
		return true;
	errno = r->sink.error;
	return errno ? fail_sys(err, own ? "the report's file" : "standard output")
		     : fail(err, "the report could not be written");
}

void
report_fini(struct report *r)
{
	if (r->stream)
		fclose(r->stream);
	for (size_t i = 0; i < r->texts.n; i++)
		free(r->texts.at[i]);
	vec_free(&r->texts);
	if (r->state && r->format->fini)
		r->format->fini(r);
	free(r->state);
	r->stream = r->state = NULL;
}

void
report_title(struct report *r, const char *text)
{
	if (r->format->title)
		r->format->title(r, text);
}

void
report_say(struct report *r, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	if (!r->format->say)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		r->broke = true;
	} else {
		r->format->say(r, text);
	}
	va_end(ap);
}

void
report_open(struct report *r, const char *key)
{
	if (r->format->open)
		r->format->open(r, key);
}

void
report_close(struct report *r)
{
	if (r->format->close)
		r->format->close(r);
}

static size_t
count(const struct column *columns)
{
	size_t n = 0;

	while (columns[n].key || columns[n].title)
		n++;
	return n;
}

void
report_values(struct report *r, const char *key, const struct column *columns,
    const struct value *values, size_t n)
{
	assert(n == count(columns));
	r->format->fields(r, key, columns, values);
}

void
report_lines(struct report *r, const char *key, const char *title,
    char *const *lines, size_t n)
{
	r->format->lines(r, key, title, lines, n);
}

void
report_rows(struct report *r, const char *key, const struct column *columns)
{
	r->width = count(columns);
	r->format->rows(r, key, columns);
}

void
report_row_values(struct report *r, const struct value *values, size_t n)
{
	assert(n == r->width);
	r->format->row(r, values);
}

void
report_rows_end(struct report *r)
{
	r->format->rows_end(r);
}

const char *
report_text(struct report *r, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	size_t n = r->texts.n;
	vec_push(&r->texts, text);
	if (!text || r->texts.n == n) {
		free(text);
		r->texts.n = n;
		r->broke = true;
		return "";
	}
	return text;
}
