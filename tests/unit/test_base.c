/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors, arrays, ranges. */
#include "base/error.h"
#include "base/progress.h"
#include "base/range.h"
#include "base/vec.h"
#include "unit/check.h"

#include <errno.h>

static void
range_holds_its_start_and_not_its_end(void)
{
	struct range r = { 0x1000, 0x2000 };

	CHECK(range_has(r, 0x1000));
	CHECK(range_has(r, 0x1fff));
	CHECK(!range_has(r, 0x2000));
	CHECK(!range_has(r, 0xfff));
}

static void
length_that_would_wrap_is_not_held(void)
{
	struct range low = { 0x1000, 0x2000 };
	struct range top = { UINT64_MAX - 15, UINT64_MAX };

	CHECK(range_holds(low, 0x1ff8, 8));
	CHECK(!range_holds(low, 0x1ff9, 8));
	CHECK(!range_holds(low, 0x1ff8, UINT64_MAX));
	CHECK(range_holds(top, UINT64_MAX - 15, 15));
	CHECK(!range_holds(top, UINT64_MAX - 15, 16));
}

static void
ranges_side_by_side_share_nothing(void)
{
	struct range a = { 0, 16 }, b = { 16, 32 }, c = { 8, 24 };

	CHECK(!range_overlaps(a, b));
	CHECK(range_overlaps(a, c));
	CHECK(range_size(range_common(a, c)) == 8);
	CHECK(range_common(b, c).start == 16 && range_common(b, c).end == 24);
}

static void
alignment_never_wraps(void)
{
	CHECK(align_down(0x1fff, 0x1000) == 0x1000);
	CHECK(align_up(0x1001, 0x1000) == 0x2000);
	CHECK(align_up(0x1000, 0x1000) == 0x1000);
	CHECK(align_up(UINT64_MAX, 0x1000) == UINT64_MAX - 0xfff);
}

static int
by_value(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void
vector_keeps_what_was_pushed(void)
{
	struct VEC(int) v = { 0 };
	int wrong = 0;

	for (int i = 0; i < 1000; i++)
		vec_push(&v, 999 - i);
	CHECK(v.n == 1000 && !v.broke);
	vec_sort(&v, by_value);
	for (int i = 0; i < 1000; i++)
		wrong += v.at[i] != i;
	CHECK(wrong == 0);
	vec_free(&v);
	CHECK(v.n == 0 && v.max == 0 && !v.at);
}

static void
vector_without_memory_drops_and_remembers(void)
{
	struct huge {
		char bytes[1 << 20];
	} *none = NULL;
	size_t max = SIZE_MAX / sizeof(struct huge);
	bool broke = false;

	CHECK(!vec_grow_(&none, sizeof *none, &max, &broke));
	CHECK(broke);
	CHECK(!none && max == SIZE_MAX / sizeof(struct huge));
}

static void
error_says_where_then_what(void)
{
	struct hs_error err;

	errno = ENOENT;
	CHECK(!fail_sys(&err, "core.1"));
	CHECK(!strcmp(err.text, "core.1: No such file or directory"));
	CHECK(!fail_usage(&err, "no command \"%s\"", "leak"));
	CHECK(!fail_in(&err, "heapscan"));
	CHECK(!strcmp(err.text, "heapscan: no command \"leak\""));
	CHECK(err.status == HS_USAGE);
}

static void
error_passes_no_control_character_on(void)
{
	struct hs_error err;

	fail(&err, "%s", "lib\033[31m\n.so");
	CHECK(!strcmp(err.text, "lib?[31m?.so"));
}

static bool
stop(void *seen, const struct hs_progress *p)
{
	*(struct hs_progress *)seen = *p;
	return strcmp(p->stage, "heap") != 0;
}

static void
progress_can_interrupt(void)
{
	struct hs_progress seen = { .percent = -1 };
	struct progress silent = { 0 }, p = { stop, &seen };
	struct hs_error err;

	CHECK(progress_on(&silent, "heap", 1, 2, &err));
	CHECK(progress_on(&p, "graph", 0, 0, &err) && seen.percent == 100);
	CHECK(!progress_on(&p, "heap", 1, 4, &err) && seen.percent == 25);
	CHECK(err.status == HS_INTERRUPTED && seen.done == 0 && seen.all == 0);
}

static void
progress_counts_bytes_of_an_end_that_may_be_unknown(void)
{
	struct hs_progress seen = { .percent = -1 };
	struct progress p = { stop, &seen };
	struct hs_error err;

	CHECK(progress_bytes(&p, "graph", 1 << 20, 4 << 20, &err));
	CHECK(seen.percent == 25 && seen.done == 1 << 20 && seen.all == 4 << 20);
	CHECK(progress_bytes(&p, "graph", 5, 4, &err) && seen.percent == 100);
	CHECK(progress_bytes(&p, "graph", 7, 0, &err));
	CHECK(seen.percent == 0 && seen.done == 7 && seen.all == 0);
	CHECK(!progress_bytes(&p, "heap", 1, 4, &err) && err.status == HS_INTERRUPTED);
}

TESTS(range_holds_its_start_and_not_its_end, length_that_would_wrap_is_not_held,
    ranges_side_by_side_share_nothing, alignment_never_wraps,
    vector_keeps_what_was_pushed, vector_without_memory_drops_and_remembers,
    error_says_where_then_what, error_passes_no_control_character_on,
    progress_can_interrupt, progress_counts_bytes_of_an_end_that_may_be_unknown)
