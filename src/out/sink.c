/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Buffered output.  Numbers by hand: printf() would take most of a long list's time. */
#include "out/sink.h"

#include <errno.h>

void
sink_flush(struct sink *s)
{
	errno = 0;
	if (s->n > 0 && !s->broke && !s->write(s->arg, s->buffer, s->n)) {
		s->broke = true;
		s->error = errno;
	}
	s->n = 0;
}

void
sink_put(struct sink *s, const char *text, size_t n)
{
	while (n > SINK_BUFFER - s->n) {
		size_t part = SINK_BUFFER - s->n;

		memcpy(s->buffer + s->n, text, part);
		s->n += part;
		text += part;
		n -= part;
		sink_flush(s);
	}
	memcpy(s->buffer + s->n, text, n);
	s->n += n;
}

void
sink_spaces(struct sink *s, size_t n)
{
	while (n-- > 0)
		sink_char(s, ' ');
}

void
sink_decimal(struct sink *s, uint64_t number)
{
	char digits[20], *d = digits + sizeof digits;

	do
		*--d = (char)('0' + number % 10);
	while (number /= 10);
	sink_put(s, d, (size_t)(digits + sizeof digits - d));
}

void
sink_hex(struct sink *s, uint64_t number)
{
	char digits[18], *d = digits + sizeof digits;

	do
		*--d = "0123456789abcdef"[number & 15];
	while (number >>= 4);
	*--d = 'x';
	*--d = '0';
	sink_put(s, d, (size_t)(digits + sizeof digits - d));
}
