/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Thread-local storage: which module has which number in the dtv, and where
 * its block lies from the thread pointer.
 *
 * glibc keeps both in the private part of struct link_map, whose layout moves
 * from release to release.  But the words before them are known to us from
 * the module's own PT_TLS, in an order that has not changed since 2.4:
 *
 *	l_tls_initimage        where PT_TLS was mapped
 *	l_tls_initimage_size
 *	l_tls_blocksize        p_memsz
 *	l_tls_align            p_align
 *	l_tls_firstbyte_offset p_vaddr modulo p_align
 *	l_tls_offset           <- wanted
 *	l_tls_modid            <- wanted
 *
 * so we look for those five in the link_map, and need neither the symbols nor
 * the version of the C library.  (libthread_db asks the descriptors
 * _thread_db_link_map_l_tls_*, which takes libc's file and symbol table.)
 *
 * A static program has no link_map that we could find; its one block lies
 * right below the thread pointer, as the ABI of x86 has it, or 16 bytes above
 * as that of aarch64.
 *
 * Each answer is held against the dtv of every thread.  One that disagrees
 * with any is dropped: a wrong name for a variable is worse than none.
 */
#include "image/parts.h"

enum {
	LINK_MAP_MOST = 4096, /* bytes of a link_map looked at; it has some 1,200 */
	DTV_MOST = 1 << 20,   /* entries; a larger dtv is no dtv */
	TLS_ABOVE = 16, /* bytes from tp to the first block where blocks lie above */
};

/* Words of a link_map, from l_tls_initimage on. */
enum { INIT, INIT_SIZE, BLOCK_SIZE, ALIGN, FIRST_BYTE, OFFSET, MODID, TLS_WORDS };

static bool
describes(const hs_addr word[TLS_WORDS], const struct module *m)
{
	return word[INIT] == m->bias + m->tls_vaddr
	    && word[INIT_SIZE] <= m->tls_size && word[BLOCK_SIZE] == m->tls_size
	    && (word[ALIGN] == m->tls_align || word[ALIGN] == 0)
	    && word[FIRST_BYTE] == (m->tls_vaddr & (m->tls_align - 1))
	    && word[MODID] > 0 && word[MODID] < DTV_MOST;
}

/* Slides over the link_map at a until the words describe m. */
static bool
search_link(const struct space *s, hs_addr a, const struct module *m,
    hs_addr word[TLS_WORDS])
{
	unsigned bytes = s->core->machine->word;

	memset(word, 0, TLS_WORDS * sizeof *word);
	for (unsigned at = 0; at < LINK_MAP_MOST; at += bytes) {
		memmove(word, word + 1, (TLS_WORDS - 1) * sizeof *word);
		if (!space_word(s, a + at, &word[TLS_WORDS - 1]))
			return false;
		if (describes(word, m))
			return true;
	}
	return false;
}

enum opinion { AGREES, NO_OPINION, DISAGREES };

/* What the dtv of one thread has to say of m's block. */
static enum opinion
ask_dtv(const struct image *image, const struct thread *t, const struct module *m)
{
	const struct descriptor_layout *layout = descriptor_layout(image);
	unsigned word = image->core->machine->word;
	hs_addr dtv, capacity, block;

	if (!layout || !t->descriptor
	    || !space_word(image->space, t->tp + layout->dtv, &dtv))
		return NO_OPINION;
	dtv &= machine_address_mask(image->core->machine);
	if (!space_word(image->space, dtv - 2 * word, &capacity)
	    || capacity < m->tls_modid || capacity > DTV_MOST
	    || !space_word(image->space, dtv + m->tls_modid * 2 * word, &block))
		return NO_OPINION;
	hs_addr unallocated = word == 8 ? UINT64_MAX : UINT32_MAX;
	if (block == unallocated || block == 0)
		return NO_OPINION;
	return block == module_tls_block(image, m, t->tp) ? AGREES : DISAGREES;
}

/* Forgets what threads disagree with; a guess must also find one that agrees. */
static void
verify(const struct image *image, struct module *m, bool guess)
{
	bool agreed = false;

	for (size_t i = 0; m->tls_offset && i < image->threads.n; i++) {
		enum opinion o = ask_dtv(image, &image->threads.at[i], m);

		agreed |= o == AGREES;
		if (o == DISAGREES)
			m->tls_offset = m->tls_modid = 0;
	}
	if (guess && !agreed)
		m->tls_offset = m->tls_modid = 0;
}

static void
ask_link(const struct image *image, struct module *m, const struct link *link)
{
	uint64_t most = (uint64_t)1 << (image->core->machine->word == 8 ? 32 : 31);
	uint64_t least = m->tls_size;
	hs_addr word[TLS_WORDS];

	if (!search_link(image->space, link->map, m, word))
		return;
	m->tls_modid = word[MODID];
	/* 0 and the topmost numbers mark blocks that each thread allocates */
	if (image->core->machine->tls_above)
		least = TLS_ABOVE;
	if (word[OFFSET] >= least && word[OFFSET] < most)
		m->tls_offset = word[OFFSET];
	verify(image, m, false);
}

/* The program's block lies next to the thread pointer. */
static void
guess_exe(const struct image *image, struct module *m)
{
	uint64_t first = -m->tls_vaddr & (m->tls_align - 1);

	m->tls_modid = 1;
	m->tls_offset = image->core->machine->tls_above
	    ? align_up(TLS_ABOVE, m->tls_align)
	    : align_up(m->tls_size - first, m->tls_align) + first;
	verify(image, m, true);
}

static const struct link *
find_link(const struct links *links, const struct module *m)
{
	for (size_t i = 0; i < links->n; i++)
		if (links->at[i].dynamic == m->dynamic && links->at[i].bias == m->bias)
			return &links->at[i];
	return NULL;
}

static bool
is_power(uint64_t n)
{
	return n > 0 && (n & (n - 1)) == 0;
}

void
tls_find(struct image *image, const struct links *links)
{
	for (size_t i = 0; i < image->modules.n; i++) {
		struct module *m = &image->modules.at[i];
		const struct link *link = find_link(links, m);

		if (m->tls_size == 0 || !is_power(m->tls_align))
			continue;
		if (link)
			ask_link(image, m, link);
		else if (m->is_exe)
			guess_exe(image, m);
	}
}
