/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors: one line of text and a status. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
say(struct hs_error *err, int status, const char *fmt, va_list ap)
{
	err->status = status;
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	for (char *c = err->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?'; /* names come from the core: nothing of theirs steers a terminal */
}

bool
fail(struct hs_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(err, HS_FAILED, fmt, ap);
	va_end(ap);
	return false;
}

bool
fail_usage(struct hs_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(err, HS_USAGE, fmt, ap);
	va_end(ap);
	return false;
}

bool
fail_sys(struct hs_error *err, const char *what)
{
	return fail(err, "%s: %s", what, strerror(errno));
}

bool
fail_in(struct hs_error *err, const char *where)
{
	char text[sizeof err->text];

	snprintf(text, sizeof text, "%s", err->text);
	int status = err->status;
	fail(err, "%s: %s", where, text);
	err->status = status;
	return false;
}

bool
fail_nomem(struct hs_error *err)
{
	return fail(err, "out of memory");
}

bool
fail_interrupted(struct hs_error *err)
{
	fail(err, "interrupted");
	err->status = HS_INTERRUPTED;
	return false;
}
