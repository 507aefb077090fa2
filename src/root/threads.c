/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Roots of threads: registers, stacks, thread-local memory, dtvs.
 *
 * A thread's descriptor and its static TLS lie at the top of its stack (the
 * main thread's in memory of the dynamic linker).  The dtv, a vector of the
 * addresses of dynamic TLS blocks, is a block that only a pointer two words
 * past its start holds: that one counts as a pointer to the start.
 */
#include "root/kinds.h"

#include "base/bits.h"

enum {
	DESCRIPTOR = 0x900, /* bytes of struct pthread that hold keys' values, and more */
	DTV_HEAD = 2, /* words from its block's start to where the dtv pointer points */
	MAX_TLS = 16 << 20,
};

/* How far from the thread pointer the modules' thread-local variables reach, bytes. */
static uint64_t
static_tls_size(const struct image *image)
{
	uint64_t size = 0;

	for (size_t i = 0; i < image->modules.n; i++) {
		const struct module *m = &image->modules.at[i];
		uint64_t offset = m->tls_offset;

		if (offset && image->core->machine->tls_above && m->tls_size < MAX_TLS)
			offset += m->tls_size;
		if (offset > size && offset < MAX_TLS)
			size = offset;
	}
	return size;
}

static void
claim_for(struct claims *to, struct range r, enum rank rank, enum root_kind kind,
    uint32_t thread)
{
	struct claim c = claim_on(r, rank, kind);

	c.thread = thread;
	claims_add(to, c);
}

static void
claim_dead(struct claims *to, struct range r)
{
	struct claim c = claim_on(r, RANK_STACK, ROOT_STACK);

	c.dead = true;
	claims_add(to, c);
}

void
claim_stacks(const struct sources *from, struct claims *to)
{
	const struct image *image = from->image;

	for (size_t i = 0; i < image->spares.n; i++)
		claim_dead(to, image->spares.at[i].stack);
	for (uint32_t i = 0; i < image->threads.n; i++) {
		const struct thread *t = &image->threads.at[i];

		claim_for(to, t->live, RANK_STACK, ROOT_STACK, i);
		if (range_size(t->live) > 0)
			claim_dead(to,
			    (struct range) { t->stack.start, t->live.start });
		if (t->elsewhere)
			claim_for(to, t->other, RANK_STACK, ROOT_SIGNAL_STACK, i);
	}
}

void
claim_tls(const struct sources *from, struct claims *to)
{
	const struct image *image = from->image;
	bool above = image->core->machine->tls_above;
	uint64_t size = static_tls_size(image);

	for (uint32_t i = 0; i < image->threads.n; i++) {
		const struct thread *t = &image->threads.at[i];
		hs_addr d = t->descriptor;
		const struct piece *p = d ? space_at(image->space, d) : NULL;
		struct range r = { d - size, d + DESCRIPTOR };

		if (above)
			r = (struct range) { d, t->tp + size };
		if (!p || (!above && d < size))
			continue;
		if (range_has(t->live, d)) /* never below SP, whatever TLS may need */
			r = range_common(r, t->live);
		claim_for(to, range_common(r, p->range), RANK_TLS, ROOT_TLS, i);
	}
}

void
add_registers(struct roots *to, const struct sources *from)
{
	const struct machine *m = from->image->core->machine;

	for (uint32_t i = 0; i < from->image->threads.n; i++) {
		const struct core_thread *t = from->image->threads.at[i].regs;

		vec_push(&to->regions,
		    (struct region) { .kind = ROOT_REGISTER,
			.thread = i,
			.module = NOBODY });
		for (unsigned r = 0; r < m->nregs; r++)
			if (m->holds_pointer(r))
				root_see(to, from, r, t->reg[r]);
		for (size_t v = 0; v + m->word <= t->vector_size; v += m->word)
			root_see(to, from, ROOT_VECTOR + v / m->word,
			    word_from(t->vector + v, m->word));
	}
}

static void
add_dtv(struct roots *to, const struct sources *from, hs_addr tp)
{
	const struct machine *m = from->image->core->machine;
	hs_addr at = m->tls_above ? tp : tp + m->word; /* x86: the second word */
	uint64_t dtv;

	if (tp && space_word(from->image->space, at, &dtv))
		root_see(to, from, at, dtv - DTV_HEAD * m->word);
}

void
add_dtvs(struct roots *to, const struct sources *from)
{
	const struct image *image = from->image;

	for (uint32_t i = 0; i < image->threads.n; i++) {
		vec_push(&to->regions,
		    (struct region) { .kind = ROOT_DTV, .thread = i, .module = NOBODY });
		add_dtv(to, from,
		    image->threads.at[i].descriptor ? image->threads.at[i].tp : 0);
	}
	vec_push(&to->regions,
	    (struct region) { .kind = ROOT_DTV, .thread = NOBODY, .module = NOBODY });
	for (size_t i = 0; i < image->spares.n; i++)
		add_dtv(to, from, image->spares.at[i].tp);
}
