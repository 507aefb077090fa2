/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One module: described from its ELF headers, and held against memory. */
#include "image/parts.h"

/* The part after the last slash, or what the kernel calls the program. */
static const char *
last_part(const char *path, const struct core *core)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return *name ? name : core->program;
}

bool
module_set_path(struct module *m, const char *path, const struct core *core)
{
	char *copy = strdup(path);

	if (!copy)
		return false;
	free((char *)(uintptr_t)m->path);
	m->path = copy;
	m->name = last_part(m->path, core);
	return true;
}

/* Adds [start, start + n) widened to pages; what the segment before has is not taken twice. */
static bool
add_segment(struct module *m, hs_addr start, uint64_t n, unsigned flags, uint64_t page)
{
	struct range r = { align_down(start, page), align_up(start + n, page) };
	hs_addr before =
	    m->segments.n ? m->segments.at[m->segments.n - 1].range.end : 0;

	if (start + n < start)
		return false;
	if (r.start < before)
		r.start = before;
	if (r.start < r.end)
		vec_push(&m->segments, (struct module_segment) { r, flags });
	return true;
}

static bool
add_segments(struct module *m, const struct headers *h, uint64_t page)
{
	for (uint64_t i = 0; i < h->count; i++) {
		Elf64_Phdr p = headers_at(h, i);

		if (p.p_type == PT_LOAD && p.p_memsz > 0
		    && !add_segment(m, m->bias + p.p_vaddr, p.p_memsz,
			p.p_flags & (PF_R | PF_W | PF_X), page))
			return false;
	}
	if (m->segments.n == 0)
		return false;
	m->range.start = m->segments.at[0].range.start;
	m->range.end = m->segments.at[m->segments.n - 1].range.end;
	return true;
}

/* The pages that ld.so protects after relocation: it rounds both ends down. */
static struct range
relro_of(const struct module *m, const Elf64_Phdr *p, uint64_t page)
{
	hs_addr start = m->bias + p->p_vaddr;
	struct range r = range_common(m->range,
	    (struct range) { align_down(start, page),
		align_down(start + p->p_memsz, page) });

	return r.start < r.end ? r : (struct range) { 0, 0 };
}

static void
describe(struct module *m, const struct headers *h, uint64_t page)
{
	Elf64_Phdr p;

	if (elf_find(h, PT_DYNAMIC, &p))
		m->dynamic = m->bias + p.p_vaddr;
	if (elf_find(h, PT_GNU_RELRO, &p))
		m->relro = relro_of(m, &p, page);
	if (elf_find(h, PT_TLS, &p) && p.p_memsz > 0) {
		m->tls_size = p.p_memsz;
		m->tls_align = p.p_align ? p.p_align : 1;
		m->tls_vaddr = p.p_vaddr;
	}
	m->id = build_id_read(h->bytes, h->size);
}

bool
module_make(struct module *m, const struct image *image, hs_addr base,
    const struct headers *h, const char *path)
{
	uint64_t page = image_page(image);
	Elf64_Phdr first;

	if (!elf_find(h, PT_LOAD, &first) || align_down(first.p_offset, page) != 0)
		return false;
	m->bias = base - align_down(first.p_vaddr, page);
	if (!add_segments(m, h, page) || m->range.start != base)
		return false;
	describe(m, h, page);
	return module_set_path(m, path, image->core);
}

bool
module_agrees(const struct image *image, const struct headers *h, hs_addr bias)
{
	uint64_t page = image_page(image);

	for (uint64_t i = 0; i < h->count; i++) {
		Elf64_Phdr p = headers_at(h, i);
		hs_addr at = align_down(bias + p.p_vaddr, page);

		if (p.p_type != PT_LOAD || p.p_filesz == 0)
			continue;
		const struct piece *piece = space_at(image->space, at);
		if (!piece || ((p.p_flags & PF_X) && !(piece->flags & PF_X)))
			return false;
		const struct file_mapping *f = core_file_at(image->core, at);
		if (f && f->offset + (at - f->range.start) != align_down(p.p_offset, page))
			return false;
	}
	return true;
}

void
module_fini(struct module *m)
{
	symbols_free(m->symbols);
	free((char *)(uintptr_t)m->path);
	vec_free(&m->segments);
}
