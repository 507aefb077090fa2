/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A core file.
 *
 * It is an ELF file of headers, notes and the contents of memory:
 *
 *	ELF header, program headers
 *	notes       threads' registers, names of mapped files   (kernel: here)
 *	segments    one for each mapping, the contents or a part of them
 *	notes                                                   (gdb: here)
 *
 * A mapping's segment promises so many bytes (p_filesz) of so many that were
 * mapped (p_memsz): the kernel leaves out what files on disk hold anyway, and
 * what coredump_filter says.  That is no damage; a file that ends before what
 * it promises is.  The two are kept apart to the end: the first costs a look
 * at a file (space/), the second makes every answer an incomplete one.
 *
 * Where a cut core was cut decides what is left of it.  The kernel writes
 * notes first, so the threads survive.  gdb writes them last, so a cut core
 * of gcore has no threads and no names of files; only memory.
 *
 * Nothing here is believed: tables are read as far as the file goes, ranges
 * that wrap or overlap are cut down, and core->notes says what was odd.  It is
 * an error only when nothing remains.
 */
#include "core/core.h"

#include <string.h>

#include "core/input.h"
#include "core/machines.h"
#include "core/parts.h"

void
core_was_cut(struct core *core, const char *what)
{
	if (!core->cut)
		lines_add(&core->notes, "the file is cut: it ends in its %s", what);
	core->cut = true;
}

static bool
check_type(unsigned type, struct hs_error *err)
{
	if (type == ET_CORE)
		return true;
	if (type == ET_EXEC || type == ET_DYN)
		return fail(err,
		    "is a program or a library, not a core: "
		    "the core comes first, as in heapscan CORE EXE");
	return fail(err, "is an ELF file but not a core");
}

bool
machine_tell(struct core *core, const unsigned char *elf, struct hs_error *err)
{
	unsigned machine = elf[EI_NIDENT + 2] | elf[EI_NIDENT + 3] << 8;

	if (elf[EI_DATA] != ELFDATA2LSB)
		return fail(err,
		    "comes from a big-endian machine, which is not supported");
	core->machine = machine_find(machine, elf[EI_CLASS]);
	return core->machine
	    ? true
	    : fail(err,
		"not supported yet: comes from %s (only x86-64, i386 and aarch64 are)",
		machine_name(machine, elf[EI_CLASS]));
}

/* The first bytes mean the same in ELF files of all kinds. */
static bool
check_identity(struct core *core, struct hs_error *err)
{
	const unsigned char *b = core->map;

	if (core->size < SELFMAG || memcmp(b, ELFMAG, SELFMAG) != 0)
		return fail(err,
		    "is not a core: it does not begin as an ELF file does");
	if (core->size < sizeof(Elf32_Ehdr))
		return fail(err,
		    "is cut in its first header: nothing is left to analyse");
	if (b[EI_DATA] == ELFDATA2LSB
	    && !check_type(b[EI_NIDENT] | b[EI_NIDENT + 1] << 8, err))
		return false;
	return machine_tell(core, b, err);
}

static bool
check_headers(struct core *core, struct headers *h, struct hs_error *err)
{
	if (!headers_init(h, core->map, core->size))
		return fail(err, "is no sound core: its ELF header makes no sense");
	if (h->cut)
		core_was_cut(core, "headers");
	return true;
}

bool
core_broke(const struct core *c)
{
	return c->segments.broke || c->threads.broke || c->files.broke
	    || c->auxv.broke || c->notes.broke || c->holes.broke;
}

bool
core_open(struct core *core, const char *path, const struct progress *progress,
    struct hs_error *err)
{
	return core_open_as(core, path, NULL, progress, err);
}

bool
core_open_as(struct core *core, const char *path, const char *name,
    const struct progress *progress, struct hs_error *err)
{
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct headers h;

	c.path = name ? name : strcmp(path, "-") == 0 ? "standard input" : path;
	if (!input_open(&c, path, progress, err) || !check_identity(&c, err)
	    || !check_headers(&c, &h, err) || !segments_read(&c, &h, err)
	    || !notes_read(&c, &h, err))
		return fail_in(err, c.path);
	if (c.machine->find_pointers)
		c.machine->find_pointers(&c);
	if (core_broke(&c))
		return fail_nomem(err);
	*core = c;
	c = CORE_EMPTY;
	return true;
}

void
core_fini(struct core *core)
{
	input_close(core);
	vec_free(&core->holes);
	vec_free(&core->segments);
	vec_free(&core->threads);
	vec_free(&core->files);
	vec_free(&core->auxv);
	lines_free(&core->notes);
	free(core->command);
	*core = CORE_EMPTY;
}

uint64_t
core_stretch(const struct core *core, const unsigned char *bytes, uint64_t n, bool *hole)
{
	uint64_t at = (uint64_t)(bytes - core->map), end;
	size_t low = 0, high = core->holes.n;

	*hole = false;
	if (bytes < core->map || at >= core->size)
		return n; /* of another file */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (core->holes.at[mid].end <= at)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == core->holes.n)
		return n;
	*hole = core->holes.at[low].start <= at;
	end = *hole ? core->holes.at[low].end : core->holes.at[low].start;
	return end - at < n ? end - at : n;
}

bool
core_auxv(const struct core *core, uint64_t type, uint64_t *value)
{
	for (size_t i = 0; i < core->auxv.n; i++)
		if (core->auxv.at[i].type == type) {
			*value = core->auxv.at[i].value;
			return true;
		}
	return false;
}

const struct file_mapping *
core_file_at(const struct core *core, hs_addr a)
{
	size_t low = 0, high = core->files.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (core->files.at[mid].range.end <= a)
			low = mid + 1;
		else
			high = mid;
	}
	return low < core->files.n && core->files.at[low].range.start <= a
	    ? &core->files.at[low]
	    : NULL;
}

const struct segment *
core_segment_at(const struct core *core, hs_addr a)
{
	size_t low = 0, high = core->segments.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (core->segments.at[mid].range.end <= a)
			low = mid + 1;
		else
			high = mid;
	}
	return low < core->segments.n && core->segments.at[low].range.start <= a
	    ? &core->segments.at[low]
	    : NULL;
}
