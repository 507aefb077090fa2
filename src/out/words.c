/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers for people, and strings that nobody vouches for. */
#include "out/words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *
words_count(char text[WORDS_TEXT], uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
	char *to = text;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = 0;
	return text;
}

const char *
words_size(char text[WORDS_TEXT], uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = 0;
	uint64_t rest = bytes;

	if (bytes < 1024) {
		snprintf(text, WORDS_TEXT, "%u B", (unsigned)bytes);
		return text;
	}
	while (rest >= 1024 * 1024) {
		rest >>= 10;
		unit++;
	}
	snprintf(text, WORDS_TEXT, "%u.%u %s", (unsigned)(rest >> 10),
	    (unsigned)((rest & 1023) * 10 >> 10), units[unit]);
	return text;
}

const char *
words_bytes(char text[WORDS_TEXT], uint64_t bytes)
{
	char count[WORDS_TEXT], size[WORDS_TEXT];

	words_count(count, bytes);
	if (bytes < 1024)
		snprintf(text, WORDS_TEXT, "%.30s byte%s", count,
		    bytes == 1 ? "" : "s");
	else
		snprintf(text, WORDS_TEXT, "%.30s bytes (%.12s)", count,
		    words_size(size, bytes));
	return text;
}

const char *
words_many(char text[WORDS_TEXT], uint64_t n, const char *noun)
{
	char count[WORDS_TEXT];

	snprintf(text, WORDS_TEXT, "%.30s %.20s%s", words_count(count, n), noun,
	    n == 1 ? "" : "s");
	return text;
}

/* The character at c, and its length; 0: this is no UTF-8. */
static unsigned
decode(const unsigned char *c, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned n = c[0] < 0x80 ? 1 : c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;

	*code = n == 1 ? c[0] : c[0] & (0x7fu >> n);
	if ((c[0] >= 0x80 && c[0] < 0xc2) || c[0] >= 0xf5)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0; /* or the string's end */
		*code = *code << 6 | (c[i] & 0x3f);
	}
	bool surrogate = *code >= 0xd800 && *code < 0xe000;
	return *code < least[n] || *code > 0x10ffff || surrogate ? 0 : n;
}

/* Does it steer the terminal, or turn the order of what follows around? */
static bool
steers(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x200e
	    || code == 0x200f || (code >= 0x2028 && code <= 0x202e)
	    || (code >= 0x2066 && code <= 0x2069);
}

size_t
words_clean(char *to, size_t size, const char *text, size_t *columns)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t n = 0;

	for (*columns = 0; *c;) {
		uint32_t code;
		unsigned len = decode(c, &code);
		bool plain = len > 0 && !steers(code);
		size_t need = plain ? len : 4;

		if (need >= size - n)
			break;
		if (plain)
			memcpy(to + n, c, len);
		else
			snprintf(to + n, 5, "\\x%02x", *c);
		n += need;
		*columns += plain ? 1 : 4;
		c += plain ? len : 1;
	}
	to[n] = 0;
	return n;
}
