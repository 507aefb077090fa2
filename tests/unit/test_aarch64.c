/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What aarch64 does its own way: thread pointers, descriptors, signal frames, tags. */
#include "unit/check.h"
#include "unit/process.h"
#include "unit/tiny.h"

#include <elf.h>

enum {
	RW = PF_R | PF_W,
	STACK = 0x100000,
	SIZE = 0x10000,
	TP = STACK + SIZE - 0x800,
	DESCRIPTOR = TP - 1856, /* as long as in glibc 2.36 */
	LIST = 192,
	TID = 208,
	STACKBLOCK = 1168,
	HEAD = 0x300000, /* of the list of stacks */
	DTV = 0x300100,
	OTHER = 0x400000,
	PRSTATUS = 392,
};

static const struct machine *
aarch64(void)
{
	for (size_t i = 0; machines[i]; i++)
		if (machines[i]->elf_machine == EM_AARCH64)
			return machines[i];
	return NULL;
}

/* One thread with a stack that pthread_create() made, and a list and dtv elsewhere. */
static struct process
one_thread(hs_addr sp, hs_addr tp)
{
	struct process p = process_new();

	p.core.machine = aarch64();
	process_map(&p, STACK, SIZE, RW);
	process_map(&p, HEAD, 0x1000, RW);
	process_put(&p, DESCRIPTOR + LIST, HEAD);
	process_put(&p, DESCRIPTOR + LIST + 8, HEAD);
	process_put(&p, HEAD, DESCRIPTOR + LIST);
	process_put(&p, HEAD + 8, DESCRIPTOR + LIST);
	process_put(&p, DESCRIPTOR + STACKBLOCK, STACK);
	process_put(&p, DESCRIPTOR + STACKBLOCK + 8, SIZE);
	process_put(&p, TP, DTV);
	process_put(&p, DTV - 16, 4);
	process_put(&p, DTV + 16, TP + 16);
	process_put(&p, DESCRIPTOR - 64, 7); /* a frame */
	process_thread(&p, sp, tp);
	process_put(&p, DESCRIPTOR + TID, (uint64_t)p.core.threads.at[0].tid);
	return p;
}

static void
descriptor_lies_below_the_thread_pointer(void)
{
	scoped(process_fini) struct process p = one_thread(STACK + 0x8000, TP);

	CHECK(process_load(&p));
	const struct thread *t = &p.image.threads.at[0];
	CHECK(t->tp == TP && t->descriptor == DESCRIPTOR && !t->lost);
	CHECK(t->stack.start == STACK && t->stack.end == STACK + SIZE);
	CHECK(t->live.start == STACK + 0x8000); /* there is no red zone */
}

static void
tagged_dtv_is_followed(void)
{
	scoped(process_fini) struct process p = one_thread(STACK + 0x8000, TP);

	process_put(&p, TP, DTV | UINT64_C(0x5) << 56);
	CHECK(process_load(&p));
	CHECK(p.image.threads.at[0].descriptor == DESCRIPTOR);
}

static void
thread_pointer_is_found_through_the_descriptor(void)
{
	scoped(process_fini) struct process p = one_thread(STACK + 0x8000, 0);

	CHECK(process_load(&p));
	const struct thread *t = &p.image.threads.at[0];
	CHECK(t->tp == TP && t->descriptor == DESCRIPTOR && !t->lost);
}

static void
first_thread_is_found_where_a_mapping_begins(void)
{
	scoped(process_fini) struct process p = one_thread(OTHER + 0x8000, 0);

	process_map(&p, OTHER, SIZE, RW);
	process_put(&p, DESCRIPTOR + STACKBLOCK, 0);
	process_put(&p, DESCRIPTOR + STACKBLOCK + 8, 0);
	process_auxv(&p, AT_RANDOM, OTHER + 0xf000);
	process_put(&p, OTHER + 0x9000, 7); /* a frame */
	CHECK(process_load(&p));
	const struct thread *t = &p.image.threads.at[0];
	CHECK(t->tp == TP && t->descriptor == DESCRIPTOR && !t->lost);
	CHECK(t->stack.start == OTHER && t->live.start == OTHER + 0x8000);
}

/* Each of the words that make a descriptor is needed. */
static void
stray_words_are_no_descriptor(void)
{
	static const hs_addr needed[] = { DESCRIPTOR + LIST, DESCRIPTOR + LIST + 8,
		HEAD, HEAD + 8, DESCRIPTOR + TID, TP, DTV + 16 };

	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
		scoped(process_fini) struct process p = one_thread(STACK + 0x8000, 0);

		process_put(&p, needed[i], 0x10);
		CHECK(process_load(&p));
		const struct thread *t = &p.image.threads.at[0];
		CHECK(!t->descriptor && !t->tp && t->lost);
	}
}

static void
thread_pointer_without_a_dtv_is_lost(void)
{
	scoped(process_fini) struct process p = one_thread(STACK + 0x8000, TP);

	process_put(&p, TP, 0);
	CHECK(process_load(&p));
	CHECK(!p.image.threads.at[0].descriptor && p.image.threads.at[0].lost);
}

/* Up to glibc 2.33 a program without libpthread has no list of stacks. */
static void
thread_pointer_does_without_a_descriptor(void)
{
	scoped(process_fini) struct process p = one_thread(STACK + 0x8000, TP);

	process_put(&p, DESCRIPTOR + LIST, 0);
	process_put(&p, DESCRIPTOR + LIST + 8, 0);
	p.core.pid = p.core.threads.at[0].tid;
	process_auxv(&p, AT_RANDOM, STACK + 0xf000);
	CHECK(process_load(&p));
	const struct thread *t = &p.image.threads.at[0];
	CHECK(t->tp == TP && !t->descriptor && !t->lost);
	CHECK(t->live.start == STACK + 0x8000 && t->live.end == STACK + SIZE);
}

/* As in <asm/sigcontext.h>: fault_address, 31 registers, sp, pc, pstate, records. */
static void
signal_frame_says_where_the_stack_was_left(void)
{
	hs_addr at = OTHER + 0x400;
	scoped(process_fini) struct process p = one_thread(OTHER + 0x100, TP);

	process_map(&p, OTHER, SIZE, RW);
	process_put(&p, at + 16, OTHER);
	process_put(&p, at + 32, 0x4000);
	process_put(&p, at + 432, STACK + 0x9000);
	process_put(&p, at + 440, 0x10);
	process_put(&p, at + 464, UINT64_C(0x210) << 32 | 0x46508001);
	CHECK(process_load(&p));
	const struct thread *t = &p.image.threads.at[0];
	CHECK(t->elsewhere && t->live.start == STACK + 0x9000);
	CHECK(t->other.start == OTHER + 0x100 && t->other.end == OTHER + 0x4000);
}

/* A core with one thread: its notes, and what core_open() makes of them. */
static bool
open_core(struct tiny *t, struct core *c, bool with_tls)
{
	const struct progress silent = { .call = NULL };
	unsigned char status[PRSTATUS] = { 0 };
	uint64_t sp = 0x7100, tls[2] = { 0x7200, 9 };
	uint16_t machine = EM_AARCH64;
	struct hs_error err;

	memcpy(status + 112 + 31 * 8, &sp, sizeof sp);
	memset(status + 112 + 34 * 8, 0xff, 8); /* pr_fpvalid is no register */
	tiny_segment(t, 0x7000, 0x300, 0x300, RW);
	tiny_note(t, "CORE", NT_PRSTATUS, status, sizeof status);
	if (with_tls)
		tiny_note(t, "LINUX", NT_ARM_TLS, tls, sizeof tls);
	tiny_make(t);
	memcpy(t->image.at + EI_NIDENT + 2, &machine, sizeof machine);
	tiny_put(t, t->image.at, t->image.n);
	return core_open(c, t->path, &silent, &err);
}

static void
thread_pointer_is_in_a_note_of_its_own(void)
{
	for (int with = 0; with < 2; with++) {
		scoped(tiny_fini) struct tiny t = TINY_EMPTY;
		scoped(core_fini) struct core c = CORE_EMPTY;

		CHECK(open_core(&t, &c, with));
		CHECK(c.threads.n == 1 && c.threads.at[0].sp == 0x7100);
		CHECK(c.threads.at[0].tp == (with ? 0x7200 : 0));
		CHECK(c.threads.at[0].reg[c.machine->tp] == c.threads.at[0].tp);
	}
}

static void
registers_have_the_names_that_gdb_uses(void)
{
	const struct machine *m = aarch64();
	unsigned holding = 0;

	CHECK(strcmp(m->reg_names[m->sp], "sp") == 0);
	CHECK(strcmp(m->reg_names[m->pc], "pc") == 0);
	CHECK(strcmp(m->reg_names[m->tp], "tpidr") == 0);
	for (unsigned i = 0; i < m->nregs; i++)
		holding += m->holds_pointer(i);
	CHECK(m->nregs <= CORE_MAX_REGS && holding == 33);
	CHECK(machine_address_mask(m) == UINT64_MAX >> 8);
}

TESTS(descriptor_lies_below_the_thread_pointer, tagged_dtv_is_followed,
    thread_pointer_is_found_through_the_descriptor,
    first_thread_is_found_where_a_mapping_begins, stray_words_are_no_descriptor,
    thread_pointer_without_a_dtv_is_lost, thread_pointer_does_without_a_descriptor,
    signal_frame_says_where_the_stack_was_left,
    thread_pointer_is_in_a_note_of_its_own, registers_have_the_names_that_gdb_uses)
