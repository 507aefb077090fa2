/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Unit tests: a test is a static function whose name says what is true.
 *
 *	static void
 *	cycle_without_root_is_not_reached(void)
 *	{
 *		CHECK(reach_of('A') == REACH_NONE);
 *	}
 *
 *	TESTS(cycle_without_root_is_not_reached, ...)
 *
 * TESTS() at the end of the file makes a main() that runs each and prints TAP.
 */
#ifndef UNIT_CHECK_H
#define UNIT_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool check_failed;
static const char *check_skipped;

/* Says where and what, and goes on: one run shows all that is wrong. */
#define CHECK(...)                                                                 \
	do {                                                                       \
		if (!(__VA_ARGS__)) {                                              \
			check_failed = true;                                       \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #__VA_ARGS__); \
		}                                                                  \
	} while (0)

/* Ends a test that cannot run here. */
#define SKIP(reason)                      \
	do {                              \
		check_skipped = (reason); \
		return;                   \
	} while (0)

/* names: "one, two", as the tests stand in the source. */
static inline int
check_run(size_t n, void (*const *tests)(void), const char *names)
{
	int status = 0;

	setvbuf(stdout, NULL, _IOLBF, 0); /* what was said before a crash is seen */
	printf("1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		check_failed = false;
		check_skipped = NULL;
		tests[i]();
		printf("%s %zu - ", check_failed ? "not ok" : "ok", i + 1);
		for (names += strspn(names, ", \t\n"); *names && *names != ','; names++)
			putchar(*names == '_' ? ' ' : *names);
		if (check_skipped)
			printf(" # SKIP %s", check_skipped);
		putchar('\n');
		status |= check_failed;
	}
	return status;
}

#define TESTS(...)                                                       \
	int main(void)                                                   \
	{                                                                \
		static void (*const tests_[])(void) = { __VA_ARGS__ };   \
		return check_run(sizeof tests_ / sizeof *tests_, tests_, \
		    #__VA_ARGS__);                                       \
	}

#endif
