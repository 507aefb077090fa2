/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roots in modules' data and in other mappings; and what of the heap is none. */
#include "root/kinds.h"

/* Writable segments; of others only what relocation wrote to. */
void
claim_globals(const struct sources *from, struct claims *to)
{
	for (uint32_t i = 0; i < from->image->modules.n; i++) {
		const struct module *m = &from->image->modules.at[i];
		struct claim c = claim_on(m->relro, RANK_GLOBAL, ROOT_GLOBAL);

		c.module = i;
		claims_add(to, c);
		for (size_t k = 0; k < m->segments.n; k++) {
			c.range = m->segments.at[k].range;
			if (m->segments.at[k].flags & PF_W)
				claims_add(to, c);
		}
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
			claims_add(to, claim_on(p->range, RANK_MAPPING, ROOT_MAPPING));
	}
}

/* Blocks are the graph's; malloc's own state is nobody's; what is unclear may be anything. */
void
claim_heap(const struct sources *from, struct claims *to)
{
	const struct heap *h = from->heap;

	for (size_t i = 0; i < h->owned.n; i++) {
		struct claim c = claim_on(h->owned.at[i], RANK_HEAP, ROOT_MAPPING);

		c.dead = true;
		claims_add(to, c);
	}
	for (size_t i = 0; i < h->skipped.n; i++)
		claims_add(to, claim_on(h->skipped.at[i], RANK_DAMAGED, ROOT_DAMAGED));
}
