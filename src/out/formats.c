/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of formats.  To add one: its file, and a line here. */
#include "out/report.h"

extern const struct format format_text, format_json;

const struct format *const formats[] = {
	&format_text,
	&format_json,
	NULL,
};

const struct format *
format_named(const char *name)
{
	for (size_t i = 0; formats[i]; i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}
