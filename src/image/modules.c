/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Modules: the ELF files that were loaded.
 *
 * Two witnesses are heard.  NT_FILE, from the kernel, knows what was mapped,
 * but not why: a program may map an ELF file only to read it.  The dynamic
 * linker's list knows what was loaded, but its memory may be missing or
 * broken, and a static program has none.  So every mapping that begins with
 * ELF headers is a candidate; the list adds those that NT_FILE lacks (the
 * vdso, or all of them when the core has no NT_FILE); and a candidate stays
 * if the list names it, or if memory looks as its headers say: each segment
 * mapped from the right offset, executable where it should be.
 *
 * Headers are read from memory, so a library that was deleted or replaced
 * since is still described right.  In a core without file-backed pages
 * memory is the file on this host, which space/ has checked.
 *
 * Which one is the program?  The first in the dynamic linker's list.  AT_PHDR
 * is only asked when there is no list, since it means ld.so when that was
 * started by hand to run a program.
 */
#include "image/parts.h"

enum { MODULES_MOST = 1 << 13 }; /* the largest programs have some thousand */

struct candidate {
	struct module module;
	bool agrees; /* memory looks as its headers say */
	bool linked; /* in the dynamic linker's list */
};

struct candidates VEC(struct candidate);

static void
candidates_fini(struct candidates *all)
{
	for (size_t i = 0; i < all->n; i++)
		module_fini(&all->at[i].module);
	vec_free(all);
}

static void
links_fini(struct links *links)
{
	vec_free(links);
}

static bool
already(const struct candidates *all, hs_addr base, const char *path)
{
	for (size_t i = all->n; i-- > 0;) {
		const struct candidate *c = &all->at[i];

		if (c->module.range.start == base
		    || (c->agrees && range_has(c->module.range, base)
			&& strcmp(c->module.path, path) == 0))
			return true;
	}
	return false;
}

/*
 * Takes the module whose headers are at base, mapped from path ("": no file),
 * as a candidate, if there is one and it is new.
 */
static void
consider(struct candidates *all, struct image *image, hs_addr base, const char *path)
{
	struct candidate c = { .agrees = false };
	struct headers h;

	if (all->n >= MODULES_MOST || !elf_read(&h, image->space, base)
	    || already(all, base, path))
		return;
	if (module_make(&c.module, image, base, &h, path)) {
		c.agrees = module_agrees(image, &h, c.module.bias);
		vec_push(all, c);
		if (!all->broke)
			return;
	}
	module_fini(&c.module);
}

static void
consider_mappings(struct candidates *all, struct image *image)
{
	for (size_t i = 0; i < image->core->files.n; i++) {
		const struct file_mapping *f = &image->core->files.at[i];

		if (f->offset == 0)
			consider(all, image, f->range.start, f->path);
	}
}

/* What has no file, and what NT_FILE would have named, were it there. */
static void
consider_auxv(struct candidates *all, struct image *image)
{
	static const uint64_t types[] = { AT_PHDR, AT_BASE, AT_SYSINFO_EHDR };
	uint64_t page = image_page(image), value;

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (core_auxv(image->core, types[i], &value) && value
		    && !core_file_at(image->core, value))
			consider(all, image, align_down(value, page),
			    types[i] == AT_SYSINFO_EHDR ? "[vdso]" : "");
}

/* The dynamic linker's list, from wherever a DT_DEBUG leads to it. */
static void
read_links(struct links *links, const struct candidates *all, const struct image *image)
{
	hs_addr debug, phdr = 0;

	(void)core_auxv(image->core, AT_PHDR, &phdr);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < all->n; i++) {
			const struct module *m = &all->at[i].module;

			if (range_has(m->range, phdr) == (pass == 0)
			    && elf_dynamic(image->space, m->dynamic, DT_DEBUG, &debug)
			    && links_read(links, image->space, debug))
				return;
		}
}

static struct candidate *
find_linked(struct candidates *all, const struct link *link)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->at[i].module.dynamic == link->dynamic
		    && all->at[i].module.bias == link->bias)
			return &all->at[i];
	return NULL;
}

/* The linker knows a name for a module that no file mapping has named. */
static void
learn_name(struct module *m, const struct link *link, const struct image *image)
{
	char name[4096];

	if (*m->path || !space_string(image->space, link->name, name, sizeof name))
		return;
	(void)module_set_path(m, name, image->core);
}

static void
follow_links(struct candidates *all, const struct links *links, struct image *image)
{
	for (size_t i = 0; i < links->n; i++) {
		const struct link *link = &links->at[i];
		struct candidate *c = find_linked(all, link);

		if (!c) {
			consider(all, image, link->bias, "");
			c = find_linked(all, link);
		}
		if (!c)
			continue;
		c->linked = true;
		c->module.is_exe |= link->first;
		learn_name(&c->module, link, image);
	}
}

static int
by_address(const void *one, const void *other)
{
	const struct module *a = one, *b = other;

	return a->range.start < b->range.start ? -1 : a->range.start > b->range.start;
}

/* Hands the candidates that hold up over to the image. */
static void
choose(struct image *image, struct candidates *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct candidate *c = &all->at[i];

		if (!c->agrees && !c->linked)
			continue;
		vec_push(&image->modules, c->module);
		if (!image->modules.broke)
			c->module = (struct module) { .path = NULL };
	}
	vec_sort(&image->modules, by_address);
}

/* Ends each module where the next one begins: headers may promise too much. */
static void
clip(struct image *image)
{
	for (size_t i = 0; i + 1 < image->modules.n; i++) {
		struct module *m = &image->modules.at[i];
		hs_addr end = image->modules.at[i + 1].range.start;

		if (m->range.end <= end)
			continue;
		m->range.end = end;
		while (m->segments.n > 0
		    && m->segments.at[m->segments.n - 1].range.start >= end)
			m->segments.n--;
		if (m->segments.n > 0
		    && m->segments.at[m->segments.n - 1].range.end > end)
			m->segments.at[m->segments.n - 1].range.end = end;
	}
}

/* NT_FILE and the linker may both not know its name; the kernel left one on the stack. */
static void
name_exe(struct module *m, const struct image *image)
{
	char name[4096];
	uint64_t a;

	if (!*m->path && core_auxv(image->core, AT_EXECFN, &a)
	    && space_string(image->space, a, name, sizeof name))
		(void)module_set_path(m, name, image->core);
}

static void
find_exe(struct image *image)
{
	uint64_t phdr = 0;
	bool known = false;

	(void)core_auxv(image->core, AT_PHDR, &phdr);
	for (size_t i = 0; i < image->modules.n; i++)
		known |= image->modules.at[i].is_exe;
	for (size_t i = 0; i < image->modules.n; i++) {
		struct module *m = &image->modules.at[i];

		if (!known)
			m->is_exe = range_has(m->range, phdr);
		if (m->is_exe)
			name_exe(m, image);
	}
}

static const struct host_file *
open_file(struct image *image, const struct module *m, const char *path)
{
	struct file_mapping as = { .range = m->range, .path = path };

	return files_open(&image->space->files, image->core, &as, &m->id, image->how);
}

static void
open_files(struct image *image)
{
	for (size_t i = 0; i < image->modules.n; i++) {
		struct module *m = &image->modules.at[i];

		m->file = open_file(image, m, m->path);
		if (!m->file && m->is_exe && image->how->exe)
			m->file = open_file(image, m, image->how->exe);
		if (m->file && m->id.size == 0)
			m->id = m->file->id;
		if (m->id.size && !(m->file && host_has_symbols(m->file)))
			m->debug = files_open_debug(&image->space->files, &m->id,
			    image->how);
	}
}

bool
modules_find(struct image *image, struct hs_error *err)
{
	scoped(candidates_fini) struct candidates all = { .n = 0 };
	scoped(links_fini) struct links links = { .n = 0 };

	consider_mappings(&all, image);
	consider_auxv(&all, image);
	read_links(&links, &all, image);
	follow_links(&all, &links, image);
	choose(image, &all);
	clip(image);
	find_exe(image);
	open_files(image);
	tls_find(image, &links);
	if (all.n >= MODULES_MOST)
		lines_add(&image->space->files.notes,
		    "more than %d modules: the rest is left out", MODULES_MOST);
	return all.broke || links.broke || image->modules.broke ? fail_nomem(err)
								: true;
}
