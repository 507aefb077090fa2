/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Segments: from program headers to sorted ranges that do not overlap. */
#include "core/parts.h"

#include <inttypes.h>
#include <string.h>

/* Segments share no bytes of the file; a header that is wrong may seem to. */
#define MOST_TIMES 4

/* Cuts the first n bytes off. */
static void
drop_front(struct segment *s, uint64_t n)
{
	uint64_t have = s->have < n ? s->have : n;

	s->range.start += n;
	s->bytes = s->have > have ? s->bytes + have : NULL;
	s->have -= have;
	s->promised -= s->promised < n ? s->promised : n;
}

/* *left: bytes that segments may still have. */
static void
add(struct core *core, const struct headers *h, uint64_t number, uint64_t *left)
{
	Elf64_Phdr p = headers_at(h, number);
	struct segment s = { .flags = p.p_flags & (PF_R | PF_W | PF_X) };

	if (p.p_type != PT_LOAD || p.p_memsz == 0)
		return;
	if (p.p_vaddr >= MEMORY_END || p.p_memsz > MEMORY_END - p.p_vaddr) {
		lines_add(&core->notes,
		    "segment %" PRIu64 " at 0x%" PRIx64 " runs past the end of memory: "
		    "left out",
		    number, p.p_vaddr);
		return;
	}
	if (p.p_filesz > p.p_memsz) {
		lines_add(&core->notes,
		    "segment %" PRIu64 " at 0x%" PRIx64 " has more contents than memory: "
		    "the rest is left out",
		    number, p.p_vaddr);
		p.p_filesz = p.p_memsz;
	}
	s.range = (struct range) { p.p_vaddr, p.p_vaddr + p.p_memsz };
	s.promised = p.p_filesz;
	s.bytes = headers_bytes(h, p.p_offset, p.p_filesz, &s.have);
	if (s.have > *left) {
		lines_add(&core->notes,
		    "segment %" PRIu64 " at 0x%" PRIx64
		    " has contents that others have, too: they are left out",
		    number, p.p_vaddr);
		s.have = 0;
	}
	*left -= s.have;
	vec_push(&core->segments, s);
}

/* By address; of those with the same, the one with the most contents first. */
static int
by_address(const void *one, const void *other)
{
	const struct segment *a = one, *b = other;

	if (a->range.start != b->range.start)
		return a->range.start < b->range.start ? -1 : 1;
	if (a->have != b->have)
		return a->have > b->have ? -1 : 1;
	if (a->range.end != b->range.end)
		return a->range.end > b->range.end ? -1 : 1;
	return a->bytes < b->bytes ? -1 : a->bytes > b->bytes;
}

/* What two segments both claim stays with the first. */
static void
settle_overlaps(struct core *core)
{
	size_t kept = 0;
	hs_addr end = 0;

	for (size_t i = 0; i < core->segments.n; i++) {
		struct segment s = core->segments.at[i];

		if (s.range.start < end) {
			lines_add(&core->notes,
			    "the segment at 0x%" PRIx64 " overlaps the one before it: "
			    "cut off",
			    s.range.start);
			if (s.range.end <= end)
				continue;
			drop_front(&s, end - s.range.start);
		}
		end = s.range.end;
		core->segments.at[kept++] = s;
	}
	core->segments.n = kept;
}

void
segments_settle(struct core *core)
{
	vec_sort(&core->segments, by_address);
	settle_overlaps(core);
}

static void
count_missing(struct core *core)
{
	for (size_t i = 0; i < core->segments.n; i++)
		core->missing +=
		    core->segments.at[i].promised - core->segments.at[i].have;
	if (core->missing == 0)
		return;
	core_was_cut(core, "segments");
	lines_add(&core->notes,
	    "%" PRIu64 " bytes of memory that it promises are not in it",
	    core->missing);
}

bool
segments_read(struct core *core, const struct headers *h, struct hs_error *err)
{
	uint64_t left = h->size * MOST_TIMES;

	for (uint64_t i = 0; i < h->count; i++)
		add(core, h, i, &left);
	if (core->segments.n == 0)
		return fail(err,
		    core->cut ? "is cut in its headers: nothing is left to analyse"
			      : "describes no memory: it has no segment to load");
	segments_settle(core);
	count_missing(core);
	return true;
}
