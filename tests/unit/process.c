/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process made by hand: see process.h. */
#include "unit/process.h"

#include <elf.h>

enum { SELF = 16, STACKBLOCK = 1680 };

struct process
process_new(void)
{
	struct process p = {
		.core = { .path = "made by hand", .machine = machines[0], .pid = 1 }
	};

	return p;
}

void
process_fini(struct process *p)
{
	image_fini(&p->image);
	for (size_t i = 0; i < p->core.segments.n; i++)
		free((unsigned char *)(uintptr_t)p->core.segments.at[i].bytes);
	space_fini(&p->space);
	vec_free(&p->core.segments);
	vec_free(&p->core.files);
	vec_free(&p->core.threads);
	vec_free(&p->core.auxv);
}

static void
add_piece(struct process *p, struct range r, unsigned char *bytes, unsigned flags)
{
	vec_push(&p->core.segments,
	    (struct segment) { r, bytes, bytes ? range_size(r) : 0,
		bytes ? range_size(r) : 0, flags });
	vec_push(&p->space.pieces,
	    (struct piece) { r, bytes, flags, bytes ? SOURCE_CORE : SOURCE_NOWHERE,
		NULL });
}

unsigned char *
process_map(struct process *p, hs_addr start, uint64_t size, unsigned flags)
{
	unsigned char *bytes = calloc(1, size);

	if (!bytes)
		abort();
	add_piece(p, (struct range) { start, start + size }, bytes, flags);
	return bytes;
}

unsigned char *
process_map_file(struct process *p, hs_addr start, uint64_t size, unsigned flags,
    const char *path, uint64_t offset)
{
	vec_push(&p->core.files,
	    (struct file_mapping) { { start, start + size }, offset, path });
	return process_map(p, start, size, flags);
}

void
process_map_missing(struct process *p, hs_addr start, uint64_t size, unsigned flags)
{
	add_piece(p, (struct range) { start, start + size }, NULL, flags);
}

void
process_put(struct process *p, hs_addr a, uint64_t word)
{
	for (size_t i = 0; i < p->space.pieces.n; i++) {
		const struct piece *piece = &p->space.pieces.at[i];

		if (range_holds(piece->range, a, sizeof word)) {
			memcpy((unsigned char *)(uintptr_t)piece->bytes
				+ (a - piece->range.start),
			    &word, sizeof word);
			return;
		}
	}
	abort(); /* the test is wrong */
}

void
process_auxv(struct process *p, uint64_t type, uint64_t value)
{
	vec_push(&p->core.auxv, (struct auxv) { type, value });
}

void
process_thread(struct process *p, hs_addr sp, hs_addr tp)
{
	vec_push(&p->core.threads,
	    (struct core_thread) { .number = (unsigned)p->core.threads.n + 1,
		.tid = (int)p->core.threads.n + 1,
		.sp = sp,
		.tp = tp });
}

void
process_descriptor(struct process *p, hs_addr tp, hs_addr stack, uint64_t size)
{
	process_put(p, tp, tp);
	process_put(p, tp + SELF, tp);
	process_put(p, tp + STACKBLOCK, stack);
	process_put(p, tp + STACKBLOCK + 8, size);
}

static int
by_start(const void *one, const void *other)
{
	const struct range *a = one, *b = other; /* both structs begin with it */

	return a->start < b->start ? -1 : a->start > b->start;
}

bool
process_load(struct process *p)
{
	struct hs_error err;

	p->space.core = &p->core;
	vec_sort(&p->core.segments, by_start);
	vec_sort(&p->space.pieces, by_start);
	vec_sort(&p->core.files, by_start);
	for (size_t i = 0; i < p->space.pieces.n; i++) {
		struct piece *piece = &p->space.pieces.at[i];

		piece->file = core_file_at(&p->core, piece->range.start);
	}
	return image_load(&p->image, &p->space, &p->how, &err);
}
