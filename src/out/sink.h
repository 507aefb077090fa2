/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the bytes of a report go: a buffer in front of a call-back.
 *
 * The first failure is remembered and the rest is dropped, so that whoever
 * writes needs to ask only now and then, and once at the end.
 */
#ifndef OUT_SINK_H
#define OUT_SINK_H

#include "base/error.h"

#include <string.h>

enum { SINK_BUFFER = 1 << 16 };

struct sink {
	hs_write_fn *write;
	void *arg;
	size_t n; /* bytes that wait in the buffer */
	bool broke;
	int error; /* broke: errno, 0 if unknown */
	char buffer[SINK_BUFFER];
};

void sink_flush(struct sink *s);
void sink_put(struct sink *s, const char *text, size_t n);

static inline void
sink_char(struct sink *s, char c)
{
	if (s->n == SINK_BUFFER)
		sink_flush(s);
	s->buffer[s->n++] = c;
}

static inline void
sink_text(struct sink *s, const char *text)
{
	sink_put(s, text, strlen(text));
}

void sink_spaces(struct sink *s, size_t n);
void sink_decimal(struct sink *s, uint64_t number);
void sink_hex(struct sink *s, uint64_t number); /* with "0x" */

#endif
