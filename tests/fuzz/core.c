/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a core: headers, segments, notes, and the memory that they make. */
#include "fuzz/fuzz.h"

#include "space/space.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(fuzz_file_fini) struct fuzz_file f = fuzz_file(bytes, n);
	scoped(core_fini) struct core core = CORE_EMPTY;
	scoped(space_fini) struct space space = SPACE_EMPTY;
	const struct lookup how = { .sysroot = "/nonexistent" };
	const struct progress silent = { NULL, NULL };
	struct hs_error err;

	if (!core_open(&core, f.path, &silent, &err)) {
		MUST(err.text[0]);
		return 0;
	}
	for (size_t i = 0; i < core.segments.n; i++) {
		const struct segment *s = &core.segments.at[i];

		MUST(s->range.start < s->range.end && s->have <= range_size(s->range));
		MUST(i == 0 || s[-1].range.end <= s->range.start);
		MUST(s->have == 0
		    || (s->bytes >= core.map
			&& s->bytes + s->have <= core.map + core.size));
	}
	if (!space_build(&space, &core, &how, &err))
		return 0;
	for (size_t i = 0; i < space.pieces.n; i++) {
		const struct piece *p = &space.pieces.at[i];
		uint64_t word;
		unsigned there = 0;

		MUST(p->range.start < p->range.end);
		MUST(i == 0 || p[-1].range.end <= p->range.start);
		for (unsigned k = 0; k < sizeof word; k++) {
			there += space_word(&space, p->range.start + k, &word);
			there += space_word(&space, p->range.end - k, &word);
		}
		MUST(there <= 2 * sizeof word);
		MUST(p->source != SOURCE_NOWHERE || !p->bytes);
	}
	return 0;
}
