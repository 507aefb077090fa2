/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking up addresses and reading what was there: the hot end of space. */
#include "space/space.h"

const struct piece *
space_from(const struct space *space, hs_addr a)
{
	size_t low = 0, n = space->pieces.n;

	/* Halves the count without a branch on what is compared. */
	while (n > 0) {
		size_t half = n / 2;
		bool after = space->pieces.at[low + half].range.end <= a;

		low += after ? half + 1 : 0;
		n = after ? n - half - 1 : half;
	}
	return low < space->pieces.n ? &space->pieces.at[low] : NULL;
}

const struct piece *
space_at(const struct space *space, hs_addr a)
{
	const struct piece *p = space_from(space, a);

	return p && p->range.start <= a ? p : NULL;
}

uint64_t
space_run(const struct space *space, hs_addr a, const unsigned char **bytes)
{
	const struct piece *p = space_at(space, a);

	if (!p || !p->bytes)
		return 0;
	*bytes = p->bytes + (a - p->range.start);
	return range_left(p->range, a);
}

uint64_t
space_stretch(const struct space *space, hs_addr a, uint64_t n,
    const unsigned char **bytes)
{
	const struct piece *p = space_from(space, a);
	uint64_t same = n;

	*bytes = NULL;
	if (p && p->range.start > a)
		same = p->range.start - a;
	else if (p)
		same = space_run(space, a, bytes);
	if (p && same == 0)
		same = range_left(p->range, a);
	return same < n ? same : n;
}

const void *
space_bytes(const struct space *space, hs_addr a, uint64_t n)
{
	const unsigned char *bytes;
	uint64_t run = space_run(space, a, &bytes);

	return run > 0 && run >= n ? bytes : NULL;
}

/* Are all bytes there, in however many pieces? */
static bool
all_there(const struct space *space, hs_addr a, uint64_t n)
{
	const unsigned char *bytes;

	while (n > 0) {
		uint64_t run = space_run(space, a, &bytes);

		if (run == 0)
			return false;
		if (run >= n)
			return true;
		a += run;
		n -= run;
	}
	return true;
}

bool
space_read(const struct space *space, hs_addr a, void *to, uint64_t n)
{
	const unsigned char *bytes;
	unsigned char *out = to;
	uint64_t run = space_run(space, a, &bytes);

	if (run >= n && run > 0) {
		memcpy(to, bytes, n);
		return true;
	}
	if (!all_there(space, a, n))
		return false;
	for (; n > 0; a += run, out += run, n -= run) {
		run = space_run(space, a, &bytes);
		run = run < n ? run : n;
		memcpy(out, bytes, run);
	}
	return true;
}

bool
space_word(const struct space *space, hs_addr a, uint64_t *to)
{
	const unsigned char *bytes;
	uint32_t half;

	if (space->core && space->core->machine->word == sizeof half) {
		if (!space_read(space, a, &half, sizeof half))
			return false;
		*to = half;
		return true;
	}
	if (space_run(space, a, &bytes) < sizeof *to)
		return space_read(space, a, to, sizeof *to);
	memcpy(to, bytes, sizeof *to);
	return true;
}

bool
space_string(const struct space *space, hs_addr a, char *to, size_t n)
{
	size_t done = 0;
	const unsigned char *bytes, *end;
	uint64_t run;

	while (done < n && (run = space_run(space, a + done, &bytes)) > 0) {
		if (run > n - done)
			run = n - done;
		end = memchr(bytes, '\0', run);
		if (end) {
			done += (size_t)(end - bytes) + 1;
			return space_read(space, a, to, done);
		}
		done += run;
	}
	return false;
}
