/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Descriptors of threads, and how thread pointers lead to them.
 *
 * On x86 the thread pointer is the address of glibc's struct pthread, which holds
 * that address twice; so a thread pointer that is none is told at once (Go and
 * other C libraries use the register their own way).
 *
 * On aarch64 the descriptor lies below the thread pointer, by as many bytes as it
 * is long, which differs from release to release, and it does not hold its own
 * address:
 *
 *	descriptor           tp                         machine->tls_above
 *	| struct pthread ... | dtv | private | TLS of the first module | ...
 *
 * Two things together are no chance: a node of nptl's list of stacks in the one,
 * whose neighbours point back at it; and at the other a dtv, which says that a
 * TLS block lies right above.
 *
 * qemu-user's cores have no thread pointers.  A descriptor also holds its thread's
 * number, and lies above the stack pointer on the same stack, or, for the first
 * thread, in memory of the dynamic linker: where a mapping begins.
 */
#include "image/parts.h"

enum {
	LEAST = 1200, /* bytes from a descriptor to its tp: it has stackblock at 1168 */
	MOST = 2560, /* 1,856 in glibc 2.36 */
	STEP = 16,
	DTV_MOST = 1 << 20, /* entries; a larger dtv is no dtv */
	BLOCKS_LOOKED_AT = 64,
	ABOVE_MOST = 1 << 20,      /* bytes from tp to a block that it knows */
	STACK_SEARCHED = 16 << 20, /* bytes above a stack pointer */
	PIECE_SEARCHED = 1 << 20,
	LOOK = 4096, /* bytes that a look at a piece counts for, whatever it has */
};

/*
 * The offsets are those of glibc 2.26 to 2.44.  To add a machine: a row; one whose
 * descriptor is no thread pointer has .tid instead of .self.
 */
static const struct descriptor_layout layouts[] = {
	{ EM_X86_64, .self = { 0, 16 }, .dtv = 8, .pointer_guard = 0x30,
	    .list = 704, .stackblock = { 1680 }, .size = 2304, .align = 64 },
	/* stackblock is elsewhere in 2.31, 2.36 and 2.43; jmp_buf has %ebp as it is */
	{ EM_386, .self = { 0, 8 }, .dtv = 4, .list = 96,
	    .stackblock = { 608, 616, 624 }, .size = 1216, .align = 16 },
	{ EM_AARCH64, .tid = 208, .list = 192, .stackblock = { 1168 },
	    .size = LEAST, .align = STEP },
};

const struct descriptor_layout *
descriptor_layout(const struct image *image)
{
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
		if (layouts[i].elf_machine == image->core->machine->elf_machine)
			return &layouts[i];
	return NULL;
}

static bool
points_at_itself(const struct image *image, const struct descriptor_layout *l, hs_addr a)
{
	hs_addr self[2];

	return space_word(image->space, a + l->self[0], &self[0])
	    && space_word(image->space, a + l->self[1], &self[1]) && self[0] == a
	    && self[1] == a;
}

/* Is a node of a list at a?  All words of it are 8 bytes. */
static bool
is_linked(const struct image *image, hs_addr a)
{
	const struct space *s = image->space;
	hs_addr next, prev, back, forth;

	return space_word(s, a, &next) && space_word(s, a + 8, &prev) && next
	    && prev && next != a && next % 8 == 0 && prev % 8 == 0
	    && space_word(s, next + 8, &back) && back == a
	    && space_word(s, prev, &forth) && forth == a;
}

/* Is tp a thread pointer whose dtv knows a block right above? */
static bool
has_dtv(const struct image *image, hs_addr tp)
{
	const struct space *s = image->space;
	hs_addr dtv, capacity, block;

	if (!space_word(s, tp, &dtv) || dtv == 0)
		return false;
	dtv &= machine_address_mask(image->core->machine);
	if (dtv % 16 != 0 || !space_word(s, dtv - 16, &capacity) || capacity > DTV_MOST)
		return false;
	for (unsigned i = 1; i <= capacity && i <= BLOCKS_LOOKED_AT; i++)
		if (space_word(s, dtv + i * 16, &block) && block > tp
		    && block - tp < ABOVE_MOST)
			return true;
	return false;
}

hs_addr
descriptor_tp(const struct image *image, hs_addr a)
{
	const struct descriptor_layout *l = descriptor_layout(image);

	if (!l || a == 0)
		return 0;
	if (!image->core->machine->tls_above)
		return points_at_itself(image, l, a) ? a : 0;
	if (a % l->align != 0 || !is_linked(image, a + l->list))
		return 0;
	for (hs_addr tp = align_up(a + LEAST, STEP); tp - a <= MOST; tp += STEP)
		if (has_dtv(image, tp))
			return tp;
	return 0;
}

bool
descriptor_at(const struct image *image, hs_addr a)
{
	return descriptor_tp(image, a) != 0;
}

hs_addr
descriptor_of(const struct image *image, hs_addr tp)
{
	if (!image->core->machine->tls_above)
		return descriptor_at(image, tp) ? tp : 0;
	if (tp < MOST || !has_dtv(image, tp))
		return 0;
	for (hs_addr a = tp - align_up(LEAST, STEP); tp - a <= MOST; a -= STEP)
		if (descriptor_tp(image, a) == tp)
			return a;
	return 0;
}

/* ---- Without a thread pointer */

static hs_addr
search(const struct image *image, struct range r, int32_t tid, uint64_t *left)
{
	unsigned at = descriptor_layout(image)->tid;
	const unsigned char *bytes;
	uint64_t n;

	r.start = align_up(r.start, STEP);
	n = space_run(image->space, r.start, &bytes);
	if (r.end <= r.start)
		return 0;
	if (n > range_size(r))
		n = range_size(r);
	if (n > *left)
		n = *left;
	*left -= *left - n < LOOK ? *left : n + LOOK;
	for (uint64_t i = 0; n >= LEAST && i <= n - LEAST; i += STEP)
		if (memcmp(bytes + i + at, &tid, sizeof tid) == 0
		    && descriptor_at(image, r.start + i))
			return r.start + i;
	return 0;
}

hs_addr
descriptor_search(const struct image *image, const struct core_thread *t, uint64_t *left)
{
	const struct descriptor_layout *l = descriptor_layout(image);
	const struct space *s = image->space;
	hs_addr found;

	if (!l || !l->tid || t->tid == 0)
		return 0;
	found = search(image, (struct range) { t->sp, t->sp + STACK_SEARCHED },
	    t->tid, left);
	for (size_t i = 0; !found && i<s->pieces.n && * left> 0; i++) {
		struct range r = s->pieces.at[i].range;

		if (range_size(r) > PIECE_SEARCHED)
			r.end = r.start + PIECE_SEARCHED;
		if (s->pieces.at[i].flags & PF_W)
			found = search(image, r, t->tid, left);
	}
	return found;
}
