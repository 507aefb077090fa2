/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Laying out the address space.
 *
 * Every address that was mapped falls into one piece.  Where the core has its
 * bytes they are used.  Where it has none, three things can be behind it:
 *
 *	a file, unchanged     the kernel and gdb leave such pages out, because
 *	                      the file still has them: so we read the file
 *	a shared file         left out too, and nobody knows what it held
 *	memory of its own     lost: the core was cut, coredump_filter or
 *	                      MADV_DONTDUMP left it out
 *
 * Only the last may have held a pointer that nothing else shows, so only it
 * becomes a hole, and makes answers incomplete.  A page that a core promises
 * was written to, as a rule, even if it can only be read now (RELRO): when it
 * is cut off the file does not tell what was in it.  A stopped process is
 * taken as a core that promises all it has, of which some may be unreadable.
 *
 * A file is believed when its build-id is the one in the first page of the
 * mapping, which cores have unless coredump_filter says no.  Failing that, its
 * dynamic section must agree with the one in memory.
 *
 * gdb leaves out read-only mappings of files wholly: they are known from
 * NT_FILE alone, and what could be done with them from the file's headers.
 */
#include "space/space.h"

#include <elf.h>

#include "space/parts.h"

/* What is behind a mapping. */
struct backing {
	const struct host_file *file; /* or NULL */
	hs_addr bias;                 /* of the file's addresses */
};

struct layout {
	struct space *space;
	const struct core *core;
	const struct lookup *how;
	struct backing *behind;          /* for each of core->files */
	const struct file_mapping *file; /* segments are laid in order: the next one */
	uint64_t page;
};

static void
layout_fini(struct layout *l)
{
	free(l->behind);
}

/* ---- Files */

static int
by_path(const void *one, const void *other)
{
	const struct file_mapping *a = *(const struct file_mapping *const *)one;
	const struct file_mapping *b = *(const struct file_mapping *const *)other;
	int order = strcmp(a->path, b->path);

	return order ? order : a < b ? -1 : a > b;
}

/* Does the core have the start of the file, and is that no ELF file's? */
static bool
is_data(const struct core *core, const struct file_mapping *f)
{
	const struct segment *s = core_segment_at(core, f->range.start);
	uint64_t before = s ? f->range.start - s->range.start : 0;

	return f->offset == 0 && s && s->have > before && s->have - before >= SELFMAG
	    && memcmp(s->bytes + before, ELFMAG, SELFMAG) != 0;
}

/* The file behind n mappings with one path, sorted by address. */
static const struct host_file *
open_behind(struct layout *l, const struct file_mapping *const *f, size_t n)
{
	struct build_id id = { .size = 0 };

	for (size_t i = 0; i < n && id.size == 0; i++) {
		if (f[i]->offset == 0)
			id = build_id_at(l->core, f[i]->range.start);
		if (id.size == 0 && is_data(l->core, f[i]))
			return NULL;
	}
	return files_open(&l->space->files, l->core, f[0], &id, l->how);
}

/* A library may be loaded twice: each time its offsets begin anew. */
static void
note_behind(struct layout *l, const struct file_mapping *const *f, size_t n)
{
	const struct host_file *file = open_behind(l, f, n);
	struct backing b = { .file = NULL };

	for (size_t i = 0; i < n && file; i++) {
		if (i == 0 || f[i]->offset < f[i - 1]->offset
		    || (f[i]->offset == 0 && f[i - 1]->offset == 0))
			b.file = host_bias(file, f[i], &b.bias) ? file : NULL;
		l->behind[f[i] - l->core->files.at] = b;
	}
}

static bool
find_files(struct layout *l, struct hs_error *err)
{
	size_t all = l->core->files.n;
	autofree const struct file_mapping **f = calloc(all + 1, sizeof *f);

	l->behind = calloc(all + 1, sizeof *l->behind);
	if (!f || !l->behind)
		return fail_nomem(err);
	for (size_t i = 0; i < all; i++)
		f[i] = &l->core->files.at[i];
	qsort(f, all, sizeof *f, by_path);
	for (size_t i = 0, n, paths = 0; i < all && paths < FILES_MOST;
	     i += n, paths++) {
		for (n = 1; i + n < all && strcmp(f[i]->path, f[i + n]->path) == 0; n++)
			;
		note_behind(l, f + i, n);
	}
	return true;
}

static const struct backing *
behind(const struct layout *l, const struct file_mapping *f)
{
	static const struct backing nothing = { .file = NULL };

	return f ? &l->behind[f - l->core->files.at] : &nothing;
}

static unsigned
flags_in_file(const struct layout *l, const struct file_mapping *f, hs_addr a)
{
	const struct backing *b = behind(l, f);

	return b->file ? host_flags_at(b->file, a - b->bias) : 0;
}

/* ---- Pieces */

static void
add(struct layout *l, struct range r, const unsigned char *bytes, unsigned flags,
    enum source source, const struct file_mapping *f)
{
	if (r.start < r.end)
		vec_push(&l->space->pieces,
		    (struct piece) { .range = r,
			.bytes = bytes,
			.flags = flags,
			.source = source,
			.file = f });
}

/* From the file as far as it goes, whose last page ends in zeros. */
static void
add_from_file(struct layout *l, struct range r, unsigned flags,
    const struct file_mapping *f)
{
	const struct host_file *file = behind(l, f)->file;
	uint64_t size = file ? align_up(file->size, l->page) : 0;
	uint64_t offset = f ? r.start - f->range.start : 0;
	struct range there = r;

	if (offset >= size || f->offset >= size - offset) {
		add(l, r, NULL, flags, SOURCE_NOWHERE, f);
		return;
	}
	offset += f->offset;
	if (size - offset < range_size(r))
		there.end = r.start + (size - offset);
	add(l, there, file->map + offset, flags, SOURCE_FILE, f);
	add(l, (struct range) { there.end, r.end }, NULL, flags, SOURCE_NOWHERE, f);
}

/* A shared file, which nobody needs, or memory of the program's own. */
static const char unnamed[] =
    "not dumped (they may have been a file's: the core names no files)";

/* Why r of s, of which there are no bytes, may have held pointers; or NULL. */
static const char *
hole(const struct layout *l, const struct segment *s, struct range r,
    const struct file_mapping *f)
{
	if (s->flags == 0)
		return NULL;
	if (r.start - s->range.start >= s->promised)
		return !(s->flags & PF_W) || f ? NULL
		    : l->core->has_files       ? "not dumped"
					       : unnamed;
	if (!(s->flags & PF_W) && f && !(flags_in_file(l, f, r.start) & PF_W))
		return NULL;
	return l->core->cut ? "cut off" : "unreadable";
}

/* r lies in s and in f, or in no file; the core has all of it or nothing. */
static void
lay(struct layout *l, const struct segment *s, struct range r,
    const struct file_mapping *f)
{
	uint64_t before = r.start - s->range.start;
	const char *why;

	if (before < s->have) {
		add(l, r, s->bytes + before, s->flags, SOURCE_CORE, f);
		return;
	}
	why = hole(l, s, r, f);
	if (!why) {
		add_from_file(l, r, s->flags, f);
		return;
	}
	add(l, r, NULL, s->flags, SOURCE_NOWHERE, f);
	vec_push(&l->space->holes, (struct hole) { r, why });
}

static void
stop_at(struct range *r, hs_addr a)
{
	if (a > r->start && a < r->end)
		r->end = a;
}

/* A segment, cut where its contents end and where files begin and end. */
static void
lay_segment(struct layout *l, const struct segment *s)
{
	const struct file_mapping *end = vec_from(&l->core->files, l->core->files.n);
	struct range r = s->range;

	while (r.start < s->range.end) {
		const struct file_mapping *f = NULL;

		while (l->file < end && l->file->range.end <= r.start)
			l->file++;
		r.end = s->range.end;
		stop_at(&r, s->range.start + s->have);
		stop_at(&r, s->range.start + s->promised);
		if (l->file < end) {
			f = l->file->range.start <= r.start ? l->file : NULL;
			stop_at(&r, f ? f->range.end : l->file->range.start);
		}
		lay(l, s, r, f);
		r.start = r.end;
	}
}

static void
lay_segments(struct layout *l)
{
	l->file = l->core->files.at;
	for (size_t i = 0; i < l->core->segments.n; i++)
		lay_segment(l, &l->core->segments.at[i]);
}

/* The parts of mappings that no segment covers. */
static void
lay_gaps(struct layout *l)
{
	const struct segment *s = l->core->segments.at, *end = s + l->core->segments.n;

	for (size_t i = 0; i < l->core->files.n; i++) {
		const struct file_mapping *f = &l->core->files.at[i];
		struct range r = f->range;

		while (r.start < f->range.end) {
			for (; s < end && s->range.end <= r.start; s++)
				;
			r.end = s < end && s->range.start < f->range.end
			    ? s->range.start
			    : f->range.end;
			if (r.start < r.end)
				add_from_file(l, r,
				    PF_R | (flags_in_file(l, f, r.start) & PF_X), f);
			r.start = r.end < f->range.end ? s->range.end : r.end;
		}
	}
}

static int
piece_by_address(const void *one, const void *other)
{
	const struct piece *a = one, *b = other;

	return a->range.start < b->range.start ? -1 : a->range.start > b->range.start;
}

static bool
broke(const struct space *s)
{
	return s->pieces.broke || s->holes.broke || s->files.all.broke
	    || s->files.offers.broke || s->files.missed.broke || s->files.notes.broke;
}

bool
space_build(struct space *space, const struct core *core, const struct lookup *how,
    struct hs_error *err)
{
	scoped(space_fini) struct space s = { .core = core };
	scoped(layout_fini) struct layout l = { .space = &s,
		.core = core,
		.how = how,
		.page = (uint64_t)sysconf(_SC_PAGESIZE) };

	offers_open(&s.files, how->files);
	if (!exe_open(&s.files, core, how, err) || !find_files(&l, err))
		return false;
	lay_segments(&l);
	lay_gaps(&l);
	if (broke(&s))
		return fail_nomem(err);
	vec_sort(&s.pieces, piece_by_address);
	*space = s;
	s = SPACE_EMPTY;
	return true;
}

void
space_fini(struct space *space)
{
	vec_free(&space->pieces);
	vec_free(&space->holes);
	files_fini(&space->files);
	*space = SPACE_EMPTY;
}
