/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roots in modules' data and in other mappings; and what of the heap is none. */
#include "root/kinds.h"

static void
claim(struct claims *to, struct range r, enum rank rank, enum root_kind kind,
    uint32_t module)
{
	if (r.start < r.end)
		vec_push(to,
		    (struct claim) {
			.range = r,
			.rank = rank,
			.kind = kind,
			.thread = NOBODY,
			.module = module,
		    });
}

/* Writable segments; of others only what relocation wrote to. */
void
claim_globals(const struct sources *from, struct claims *to)
{
	for (uint32_t i = 0; i < from->image->modules.n; i++) {
		const struct module *m = &from->image->modules.at[i];

		for (size_t k = 0; k < m->segments.n; k++)
			if (m->segments.at[k].flags & PF_W)
				claim(to, m->segments.at[k].range, RANK_GLOBAL,
				    ROOT_GLOBAL, i);
		claim(to, m->relro, RANK_GLOBAL, ROOT_GLOBAL, i);
	}
}

/*
 * Everything in the core that can be written, and anonymous memory that can
 * only be read.  Code and constants in files hold no pointers to blocks.
 */
void
claim_mappings(const struct sources *from, struct claims *to)
{
	const struct space *s = from->image->space;

	for (size_t i = 0; i < s->pieces.n; i++) {
		const struct piece *p = &s->pieces.at[i];
		bool anonymous = !p->file && (p->flags & PF_R) && !(p->flags & PF_X);

		if (p->source == SOURCE_CORE && ((p->flags & PF_W) || anonymous))
			claim(to, p->range, RANK_MAPPING, ROOT_MAPPING, NOBODY);
	}
}

/* Blocks are the graph's; malloc's own state is nobody's; what is unclear may be anything. */
void
claim_heap(const struct sources *from, struct claims *to)
{
	const struct heap *h = from->heap;

	for (size_t i = 0; i < h->owned.n; i++) {
		claim(to, h->owned.at[i], RANK_HEAP, ROOT_MAPPING, NOBODY);
		if (!to->broke)
			to->at[to->n - 1].dead = true;
	}
	for (size_t i = 0; i < h->skipped.n; i++)
		claim(to, h->skipped.at[i], RANK_DAMAGED, ROOT_DAMAGED, NOBODY);
}
