/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of remarks: what is odd about an input, one line each, for people. */
#ifndef BASE_LINE_H
#define BASE_LINE_H

#include "base/vec.h"

/* Each line is owned, has no newline at its end, and nothing that steers a terminal. */
struct lines VEC(char *);

/*
 * Adds a line, made as printf() does.  A hostile input does not make the list
 * endless: some dozens are kept, and the last one says that there were more.
 */
void lines_add(struct lines *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

void lines_free(struct lines *l);

#endif
