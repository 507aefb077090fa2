/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers as people read them, and names that come from a core made harmless. */
#ifndef OUT_WORDS_H
#define OUT_WORDS_H

#include "base/scoped.h"

#include <stddef.h>
#include <stdint.h>

/* Long enough for each of the functions below, which return text. */
enum { WORDS_TEXT = 64 };

/* "1,572,864" */
const char *words_count(char text[WORDS_TEXT], uint64_t n);

/* "1.5 MiB", "512 B": rounded down, so that nothing looks bigger than it is. */
const char *words_size(char text[WORDS_TEXT], uint64_t bytes);

/* "1,572,864 bytes (1.5 MiB)", "512 bytes" */
const char *words_bytes(char text[WORDS_TEXT], uint64_t bytes);

/* "1 block", "2 blocks": the noun as for one, its plural made with an s. */
const char *words_many(char text[WORDS_TEXT], uint64_t n, const char *noun);

/*
 * Copies at most size - 1 bytes of text to `to`: UTF-8 that does nothing to a
 * terminal.  Control characters and what is no UTF-8 become \xNN.  Returns
 * how many bytes; `columns` is how many places they take on a screen.
 */
size_t words_clean(char *to, size_t size, const char *text, size_t *columns);

#endif
