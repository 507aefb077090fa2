/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors: the caller owns the struct, fail() and its kin fill it, false goes up. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/scoped.h"
#include "heapscan.h"

/* Each returns false, so that a check is one line: return fail(err, "..."). */
bool fail(struct hs_error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool fail_usage(struct hs_error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "WHAT: No such file or directory", from errno. */
bool fail_sys(struct hs_error *err, const char *what);

/* Puts "WHERE: " in front of what *err says already. */
bool fail_in(struct hs_error *err, const char *where);

bool fail_nomem(struct hs_error *err);
bool fail_interrupted(struct hs_error *err);

#endif
