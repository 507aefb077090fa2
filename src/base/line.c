/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of text, fit to be shown and few enough to be read. */
#include "base/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINES_MOST = 60, LINE_SIZE = 1024 };

void
lines_add(struct lines *l, const char *fmt, ...)
{
	char text[LINE_SIZE] = "more of this kind is left out";
	va_list ap;

	if (l->n > LINES_MOST)
		return;
	if (l->n < LINES_MOST) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof text, fmt, ap);
		va_end(ap);
	}
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?'; /* names come from the core */
	char *line = strdup(text);
	if (line && vec_grow(l))
		vec_push(l, line);
	else
		free(line), l->broke = true;
}

void
lines_free(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i]);
	vec_free(l);
}
