/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program that the user names: did it make this core?
 *
 * A wrong one would give wrong answers that look right, so it is refused.
 * The proof is its build-id, found in any file mapping of the core: that also
 * serves programs started through ld.so, for which the kernel noted ld.so's
 * entry point and headers.  Where the core holds no build-id, what the kernel
 * noted of the program (AT_PHNUM, AT_ENTRY, AT_PHDR) must fit its headers,
 * unless it noted those of ld.so.
 */
#include "space/parts.h"

#include <inttypes.h>

struct trial {
	const struct core *core;
	const struct lookup *how;
	const struct host_file *file;
	const struct file_mapping *as; /* what it was mapped as */
};

/* A core without names of files, cut or old, may still hold the first pages. */
static bool
some_segment_has_id(const struct trial *t)
{
	for (size_t i = 0; i < t->core->segments.n; i++) {
		struct build_id id =
		    build_id_at(t->core, t->core->segments.at[i].range.start);

		if (build_id_same(&id, &t->file->id))
			return true;
	}
	return false;
}

static bool
find_by_id(struct trial *t)
{
	for (size_t i = 0; i < t->core->files.n; i++) {
		const struct file_mapping *f = &t->core->files.at[i];
		struct build_id id = { .size = 0 };

		if (f->offset == 0)
			id = build_id_at(t->core, f->range.start);
		if (build_id_same(&id, &t->file->id)) {
			t->as = f;
			return true;
		}
	}
	return some_segment_has_id(t);
}

/* The first mapping of a file with the program's name. */
static const struct file_mapping *
same_name(const struct trial *t)
{
	const char *name = base_name(t->how->exe);

	for (size_t i = 0; i < t->core->files.n; i++) {
		const char *base = base_name(t->core->files.at[i].path);
		size_t n = strlen(name);

		if (strncmp(base, name, n) == 0
		    && (base[n] == '\0' || strcmp(base + n, " (deleted)") == 0))
			return &t->core->files.at[i];
	}
	return NULL;
}

/* The first mapping of what the kernel started. */
static const struct file_mapping *
started(const struct trial *t)
{
	uint64_t entry;
	const struct file_mapping *f = NULL;

	if (core_auxv(t->core, AT_PHDR, &entry) || core_auxv(t->core, AT_ENTRY, &entry))
		f = core_file_at(t->core, entry);
	for (size_t i = 0; f && i < t->core->files.n; i++)
		if (strcmp(t->core->files.at[i].path, f->path) == 0)
			return &t->core->files.at[i];
	return NULL;
}

/*
 * Did ld.so, started by hand, run the file?  Then the kernel noted ld.so's
 * headers, and no loader of it (Linux 6.1, create_elf_tables()): AT_BASE is 0.
 */
static bool
started_by_hand(const struct trial *t)
{
	struct headers h;
	uint64_t base;

	if (!core_auxv(t->core, AT_BASE, &base) || base != 0
	    || !headers_init(&h, t->file->map, t->file->size))
		return false;
	for (uint64_t i = 0; i < h.count; i++)
		if (headers_at(&h, i).p_type == PT_INTERP)
			return true;
	return false; /* a static program has no loader either */
}

/* The build-id that the program should have had, for the message. */
static struct build_id
expected_id(const struct trial *t)
{
	const struct file_mapping *f = same_name(t);
	struct build_id id = { .size = 0 };
	uint64_t headers;

	if (f)
		id = build_id_at(t->core, f->range.start);
	if (started_by_hand(t))
		return id;
	f = started(t);
	if (id.size == 0 && f)
		id = build_id_at(t->core, f->range.start);
	/* No names of files: the headers lie in the program's first page. */
	if (id.size == 0 && !f && core_auxv(t->core, AT_PHDR, &headers))
		id = build_id_at(t->core, align_down(headers, 4096));
	return id;
}

/* Where the program says its own headers are, in its addresses. */
static bool
headers_vaddr(const struct headers *h, uint64_t *vaddr)
{
	for (uint64_t i = 0; i < h->count; i++) {
		Elf64_Phdr p = headers_at(h, i);

		if (p.p_type == PT_LOAD && h->elf.e_phoff >= p.p_offset
		    && h->elf.e_phoff - p.p_offset < p.p_filesz) {
			*vaddr = p.p_vaddr + (h->elf.e_phoff - p.p_offset);
			return true;
		}
	}
	return false;
}

/* False, with *err filled, when what the kernel noted does not fit the file. */
static bool
fits_auxv(const struct trial *t, const struct headers *h, struct hs_error *err)
{
	uint64_t count, entry, at, vaddr, bias = 0;
	const char *exe = t->how->exe;

	if (core_auxv(t->core, AT_PHNUM, &count) && count != h->count)
		return fail(err,
		    "%s is not the program that ran: that had %" PRIu64
		    " program headers, this file has %" PRIu64,
		    exe, count, h->count);
	if (core_auxv(t->core, AT_PHDR, &at) && headers_vaddr(h, &vaddr))
		bias = at - vaddr;
	if (h->elf.e_type == ET_EXEC ? bias != 0 : bias % 4096 != 0)
		return fail(err,
		    "%s is not the program that ran: that was not loaded where this file says",
		    exe);
	if (core_auxv(t->core, AT_ENTRY, &entry) && entry - bias != h->elf.e_entry)
		return fail(err,
		    "%s is not the program that ran: that began at 0x%" PRIx64
		    ", this file begins at 0x%" PRIx64,
		    exe, entry - bias, (uint64_t)h->elf.e_entry);
	return true;
}

/* Without a build-id to go by. */
static bool
judge_by_headers(struct trial *t, const struct headers *h, struct hs_error *err)
{
	const struct file_mapping *named = same_name(t);

	t->as = started(t);
	if (fits_auxv(t, h, err))
		return true;
	if (started_by_hand(t)) {
		t->as = named;
		return true;
	}
	/* Started through ld.so, whose headers these are. */
	if (!named || !t->as || strcmp(named->path, t->as->path) == 0)
		return false;
	t->as = named;
	return true;
}

static bool
judge(struct trial *t, const struct headers *h, bool *verified, struct hs_error *err)
{
	char in_core[BUILD_ID_TEXT], in_file[BUILD_ID_TEXT];
	struct build_id id;

	*verified = find_by_id(t);
	if (*verified)
		return true;
	id = expected_id(t);
	if (id.size > 0)
		return fail(err,
		    "%s is not the program that ran: build-id %s in memory, %s in the file",
		    t->how->exe, build_id_text(&id, in_core),
		    build_id_text(&t->file->id, in_file));
	return judge_by_headers(t, h, err);
}

static bool
check_kind(const struct host_file *file, const struct core *core, struct headers *h,
    struct hs_error *err)
{
	if (!headers_init(h, file->map, file->size)
	    || (!host_is_program(file) && !host_is_debug(file)))
		return fail(err, "is not a program: give the one that ran");
	if (h->elf.e_machine != core->machine->elf_machine)
		return fail(err, "is a program for another machine, not for %s",
		    core->machine->name);
	return true;
}

bool
exe_open(struct files *files, const struct core *core, const struct lookup *how,
    struct hs_error *err)
{
	scoped(host_autofree) struct host_file *file = NULL;
	struct trial t = { .core = core, .how = how };
	struct headers h;
	bool verified;

	if (!how->exe)
		return true;
	file = host_open(how->exe, err);
	if (!file || !check_kind(file, core, &h, err))
		return fail_in(err, how->exe);
	t.file = file;
	if (!judge(&t, &h, &verified, err))
		return false;
	file->given = true;
	file->verified = verified;
	if (!verified)
		lines_add(&files->notes,
		    "%s could not be checked: its build-id is not in memory",
		    how->exe);
	bool debug = host_is_debug(file);
	autofree char *name =
	    debug ? NULL : recorded_name(t.as ? t.as->path : how->exe);
	if (!debug && !name)
		return fail_nomem(err);
	return files_add(files, take(&file), name) ? true : fail_nomem(err);
}
