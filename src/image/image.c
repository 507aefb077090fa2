/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The image as a whole: loading it, and looking addresses up in it. */
#include "image/image.h"

#include "image/parts.h"

enum { PAGE_USUAL = 4096 };

uint64_t
image_page(const struct image *image)
{
	uint64_t page;

	return core_auxv(image->core, AT_PAGESZ, &page) && page >= PAGE_USUAL
		&& page <= 1 << 24 && (page & (page - 1)) == 0
	    ? page
	    : PAGE_USUAL;
}

/* PTR_MANGLE's secret: the same in every thread, so any descriptor will do. */
static uint64_t
find_guard(const struct image *image)
{
	const struct descriptor_layout *layout = descriptor_layout(image);
	uint64_t guard = 0;

	if (!layout || !layout->pointer_guard)
		return 0;
	for (size_t i = 0; guard == 0 && i < image->threads.n; i++) {
		hs_addr descriptor = image->threads.at[i].descriptor;

		if (descriptor)
			(void)!space_word(image->space,
			    descriptor + layout->pointer_guard, &guard);
	}
	return guard;
}

bool
image_load(struct image *image, struct space *space, const struct lookup *how,
    struct hs_error *err)
{
	scoped(image_fini) struct image new = { .core = space->core,
		.space = space,
		.how = how };

	if (!threads_find(&new, err) || !modules_find(&new, err))
		return false;
	threads_measure(&new);
	spares_find(&new);
	new.pointer_guard = find_guard(&new);
	if (new.threads.broke || new.spares.broke)
		return fail_nomem(err);
	*image = new;
	new = IMAGE_EMPTY;
	return true;
}

void
image_fini(struct image *image)
{
	for (size_t i = 0; i < image->modules.n; i++)
		module_fini(&image->modules.at[i]);
	vec_free(&image->modules);
	vec_free(&image->threads);
	vec_free(&image->spares);
	*image = IMAGE_EMPTY;
}

const struct module *
image_module_at(const struct image *image, hs_addr a)
{
	size_t low = 0, high = image->modules.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct module *m = &image->modules.at[mid];

		if (range_has(m->range, a))
			return m;
		if (a < m->range.start)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct module_segment *
module_segment_at(const struct module *m, hs_addr a)
{
	for (size_t i = 0; i < m->segments.n; i++)
		if (range_has(m->segments.at[i].range, a))
			return &m->segments.at[i];
	return NULL;
}

bool
image_place(struct image *image, hs_addr a, struct place *place)
{
	const struct module *m = image_module_at(image, a);
	uint64_t offset;

	if (!m)
		return false;
	*place = (struct place) { m, NULL, a - m->bias };
	const char *name = symbol_at(image, m, SYMBOL_PLACE, a - m->bias, &offset);
	const struct module_segment *segment = module_segment_at(m, a);
	/* a symbol without a size must not reach into the next segment */
	if (name && segment && range_has(segment->range, a - offset))
		*place = (struct place) { m, name, offset };
	return true;
}

bool
image_tls_place(struct image *image, hs_addr tp, hs_addr a, struct place *place)
{
	for (size_t i = 0; i < image->modules.n; i++) {
		const struct module *m = &image->modules.at[i];
		uint64_t at = a - module_tls_block(image, m, tp), offset = at;

		if (m->tls_offset == 0 || at >= m->tls_size)
			continue;
		const char *name = symbol_at(image, m, SYMBOL_TLS, at, &offset);
		*place = (struct place) { m, name, name ? offset : at };
		return true;
	}
	return false;
}

bool
image_is_code(const struct image *image, hs_addr a)
{
	const struct piece *p = space_at(image->space, a);

	return p && (p->flags & PF_X);
}
