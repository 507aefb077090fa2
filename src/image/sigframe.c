/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signal frames: what the kernel pushes before it calls a handler.
 *
 * It holds all registers of what was interrupted, and also the alternate
 * stack that was set up (uc_stack).  A handler on that stack has its SP inside
 * uc_stack, so the frame is found by looking upwards from SP for such a
 * uc_stack, whose saved SP is on the stack that the thread should have been
 * on.  Unwinding would need CFI; this needs nothing.  A frame whose saved SP is
 * on the alternate stack as well is that of a nested signal, and the one that
 * we want is further up.
 *
 * Stray words must not look like a frame: two pointers can be read as a huge
 * stack around SP.  So the size must be sane, and what the kernel always
 * writes must be there: no uc_link, and the code segment of user programs.
 */
#include "image/parts.h"

#include "base/bits.h"

enum {
	SEARCH_MOST = 1 << 20, /* bytes of a handler's frames that are looked through */
	STACK_MOST = 1 << 30, /* bytes of an alternate stack */
};

/* Offsets in struct ucontext as the kernel lays it out.  To add a machine: a row. */
static const struct context_layout {
	int elf_machine;
	unsigned link;              /* uc_link */
	unsigned stack, stack_size; /* uc_stack.ss_sp, .ss_size */
	unsigned sp, pc;
	unsigned mark; /* a word whose low 16 bits are known */
	uint16_t marked;
	unsigned size;
} layouts[] = {
	{ EM_X86_64, .link = 8, .stack = 16, .stack_size = 32, .sp = 160, .pc = 168,
	    .mark = 184, .marked = 0x33, .size = 192 }, /* 0x33: %cs */
	{ EM_386, .link = 4, .stack = 8, .stack_size = 16, .sp = 48, .pc = 76,
	    .mark = 80, .marked = 0x23, .size = 96 }, /* on x86-64 */
	{ EM_386, .link = 4, .stack = 8, .stack_size = 16, .sp = 48, .pc = 76,
	    .mark = 80, .marked = 0x73, .size = 96 }, /* on i386 */
	/* the first record behind the registers: FPSIMD_MAGIC of <asm/sigcontext.h> */
	{ EM_AARCH64, .link = 8, .stack = 16, .stack_size = 32, .sp = 432,
	    .pc = 440, .mark = 464, .marked = 0x8001, .size = 472 },
};

/* A program that jumped into nowhere was interrupted there, so no memory will do as well. */
static bool
could_run(const struct image *image, hs_addr pc)
{
	return image_is_code(image, pc) || !space_at(image->space, pc);
}

static bool
is_frame(const struct image *image, const struct context_layout *l,
    const unsigned char *bytes, hs_addr sp, struct range within,
    struct interrupted *was)
{
	unsigned word = image->core->machine->word;
	hs_addr stack = word_from(bytes + l->stack, word);
	uint64_t size = word_from(bytes + l->stack_size, word);

	if (stack > sp || size > STACK_MOST || sp - stack >= size
	    || word_from(bytes + l->link, word) != 0
	    || (uint16_t)word_from(bytes + l->mark, word) != l->marked)
		return false;
	*was = (struct interrupted) { word_from(bytes + l->sp, word),
		{ stack, stack + size } };
	return range_has(within, was->sp) && !range_has(was->stack, was->sp)
	    && could_run(image, word_from(bytes + l->pc, word));
}

bool
sigframe_find(const struct image *image, hs_addr sp, hs_addr end,
    struct range within, struct interrupted *was)
{
	int machine = image->core->machine->elf_machine;
	unsigned word = image->core->machine->word;
	const unsigned char *bytes;
	hs_addr start = align_up(sp, word);
	uint64_t n = space_run(image->space, start, &bytes);

	if (end <= start)
		return false;
	if (n > end - start)
		n = end - start;
	if (n > SEARCH_MOST)
		n = SEARCH_MOST;
	for (uint64_t at = 0; at < n; at += word)
		for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
			if (layouts[i].elf_machine == machine
			    && n - at >= layouts[i].size
			    && is_frame(image, &layouts[i], bytes + at, sp, within, was))
				return true;
	return false;
}
