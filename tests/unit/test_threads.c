/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads: their stacks, which part of them is in use, and what is lost. */
#include "unit/check.h"
#include "unit/process.h"

#include <elf.h>

enum {
	RW = PF_R | PF_W,
	RED_ZONE = 128,
	LIST = 704,       /* a descriptor's list node */
	STACK = 0x100000, /* of the thread that the tests look at */
	SIZE = 0x10000,
	TP = STACK + SIZE - 0xa00,
	OTHER = 0x400000, /* memory that is no thread's stack */
};

/* One thread with its own stack, not the first thread's; SP where the test wants it. */
static struct process
one_thread(hs_addr sp)
{
	struct process p = process_new();

	process_map(&p, STACK, SIZE, RW);
	process_descriptor(&p, TP, STACK, SIZE);
	process_put(&p, TP - 64, 7); /* a frame */
	process_thread(&p, sp, TP);
	return p;
}

static void
live_stack_begins_a_red_zone_below_sp(void)
{
	scoped(process_fini) struct process p = one_thread(STACK + 0x8000);

	CHECK(process_load(&p));
	const struct thread *t = &p.image.threads.at[0];
	CHECK(t->descriptor == TP && !t->lost && !t->elsewhere);
	CHECK(t->stack.start == STACK && t->stack.end == STACK + SIZE);
	CHECK(t->live.start == STACK + 0x8000 - RED_ZONE && t->live.end == STACK + SIZE);
}

static void
guard_is_not_part_of_the_stack(void)
{
	scoped(process_fini) struct process p = one_thread(STACK + 0x8000);

	process_map(&p, STACK - 0x1000, 0x1000, 0);
	process_descriptor(&p, TP, STACK - 0x1000, SIZE + 0x1000);
	CHECK(process_load(&p));
	CHECK(p.image.threads.at[0].stack.start == STACK);
}

static void
overflowed_stack_is_live_as_a_whole(void)
{
	scoped(process_fini) struct process p = one_thread(STACK - 0x100);

	CHECK(process_load(&p));
	const struct thread *t = &p.image.threads.at[0];
	CHECK(!t->elsewhere && t->live.start == STACK && t->live.end == STACK + SIZE);
}

static void
first_thread_has_the_stack_the_kernel_made(void)
{
	scoped(process_fini) struct process p = process_new();

	process_map(&p, STACK, SIZE, RW);
	process_map(&p, OTHER, 0x1000, RW);
	process_descriptor(&p, OTHER, 0, STACK + 0x9000);
	process_put(&p, STACK + 0x9000, 1);
	process_auxv(&p, AT_RANDOM, STACK + SIZE - 32);
	process_thread(&p, STACK + 0x8000, OTHER);
	CHECK(process_load(&p));
	CHECK(p.image.threads.at[0].descriptor == OTHER);
	CHECK(p.image.threads.at[0].stack.start == STACK && !p.image.threads.at[0].lost);
}

static void
stack_of_zeros_is_lost_and_cut_at_its_neighbours(void)
{
	scoped(process_fini) struct process p = process_new();
	hs_addr second = TP + SIZE;

	process_map(&p, STACK, 2 * SIZE, RW);
	process_thread(&p, STACK + 0x8000, TP);
	process_thread(&p, STACK + SIZE + 0x8000, second);
	CHECK(process_load(&p));
	const struct thread *a = &p.image.threads.at[0], *b = &p.image.threads.at[1];
	CHECK(a->lost && b->lost && a->descriptor == 0);
	CHECK(range_has(a->stack, a->regs->sp) && range_has(b->stack, b->regs->sp));
	CHECK(!range_overlaps(a->stack, b->stack));
}

static void
missing_stack_is_lost(void)
{
	scoped(process_fini) struct process p = process_new();

	process_map(&p, OTHER, 0x1000, RW);
	process_descriptor(&p, OTHER, 0, 0);
	process_map_missing(&p, STACK, SIZE, RW);
	process_auxv(&p, AT_RANDOM, STACK + SIZE - 32);
	process_thread(&p, STACK + 0x8000, OTHER);
	CHECK(process_load(&p));
	CHECK(p.image.threads.at[0].lost);
}

static void
coroutine_ends_where_a_thread_begins(void)
{
	scoped(process_fini) struct process p = one_thread(OTHER + 0x100);
	hs_addr tp = OTHER + 3 * SIZE - 0x900;

	process_map(&p, OTHER, 3 * SIZE, RW);
	process_descriptor(&p, tp, OTHER + 2 * SIZE, SIZE);
	process_thread(&p, tp - 0x200, tp);
	process_put(&p, tp - 0x200, 1);
	CHECK(process_load(&p));
	const struct thread *t = &p.image.threads.at[0];
	CHECK(t->elsewhere && t->live.start == STACK && t->live.end == STACK + SIZE);
	CHECK(t->other.start == OTHER + 0x100 - RED_ZONE);
	CHECK(t->other.end == OTHER + 2 * SIZE);
}

/* A signal frame's context as the kernel writes it on x86-64. */
static void
put_context(struct process *p, hs_addr at, hs_addr stack, uint64_t size, hs_addr sp)
{
	process_put(p, at + 16, stack);
	process_put(p, at + 32, size);
	process_put(p, at + 160, sp);
	process_put(p, at + 168, 0x10); /* jumped to where nothing is */
	process_put(p, at + 184, 0x33);
}

static void
signal_frame_says_where_the_stack_was_left(void)
{
	scoped(process_fini) struct process p = one_thread(OTHER + 0x100);

	process_map(&p, OTHER, SIZE, RW);
	/* a handler that was interrupted by a second signal on the same stack */
	put_context(&p, OTHER + 0x400, OTHER, 0x4000, OTHER + 0x900);
	put_context(&p, OTHER + 0x2000, OTHER, 0x4000, STACK + 0x9000);
	CHECK(process_load(&p));
	const struct thread *t = &p.image.threads.at[0];
	CHECK(t->elsewhere && !t->lost);
	CHECK(t->live.start == STACK + 0x9000 - RED_ZONE && t->live.end == STACK + SIZE);
	CHECK(t->other.start == OTHER + 0x100 - RED_ZONE
	    && t->other.end == OTHER + 0x4000);
}

static void
signal_stack_may_be_an_array_on_the_stack_itself(void)
{
	scoped(process_fini) struct process p = one_thread(STACK + 0xa000);

	put_context(&p, STACK + 0xa400, STACK + 0x9000, 0x2000, STACK + 0x4000);
	CHECK(process_load(&p));
	const struct thread *t = &p.image.threads.at[0];
	CHECK(!t->elsewhere && t->live.start == STACK + 0x4000 - RED_ZONE);
}

static void
stray_words_are_no_signal_frame(void)
{
	scoped(process_fini) struct process p = one_thread(OTHER + 0x100);

	process_map(&p, OTHER, SIZE, RW);
	/* two pointers, read as a stack that would hold all of memory */
	put_context(&p, OTHER + 0x400, 0x1000, (hs_addr)1 << 40, STACK + 0x9000);
	CHECK(process_load(&p));
	CHECK(p.image.threads.at[0].live.start == STACK);
}

static void
put_node(struct process *p, hs_addr at, hs_addr next, hs_addr prev)
{
	process_put(p, at, next);
	process_put(p, at + 8, prev);
}

/* A C library's three list heads: threads in use, their own stacks', kept ones. */
static hs_addr
map_list_heads(struct process *p, hs_addr kept)
{
	hs_addr data = 0x800000, heads = data + 0x1040;
	Elf64_Ehdr elf = { .e_ident = ELFMAG,
		.e_type = ET_DYN,
		.e_phoff = sizeof elf,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1 };
	Elf64_Phdr load = { .p_type = PT_LOAD,
		.p_flags = RW,
		.p_filesz = 0x2000,
		.p_memsz = 0x2000 };

	elf.e_ident[EI_CLASS] = ELFCLASS64;
	elf.e_ident[EI_DATA] = ELFDATA2LSB;
	unsigned char *bytes = process_map_file(p, data, 0x2000, RW, "/ld.so", 0);
	memcpy(bytes, &elf, sizeof elf);
	memcpy(bytes + sizeof elf, &load, sizeof load);
	put_node(p, heads, TP + LIST, TP + LIST);
	put_node(p, TP + LIST, heads, heads);
	put_node(p, heads + 16, heads + 16, heads + 16);
	put_node(p, heads + 32, kept, kept);
	return heads + 32;
}

static void
kept_stack_is_found_through_the_list_of_the_library(void)
{
	scoped(process_fini) struct process p = one_thread(STACK + 0x8000);
	hs_addr tp = OTHER + SIZE - 0x900;

	process_map(&p, OTHER, SIZE, RW);
	process_descriptor(&p, tp, OTHER, SIZE);
	hs_addr head = map_list_heads(&p, tp + LIST);
	put_node(&p, tp + LIST, head, head);
	CHECK(process_load(&p));
	CHECK(p.image.spares.n == 1);
	if (p.image.spares.n == 1) {
		CHECK(p.image.spares.at[0].descriptor == tp
		    && !p.image.spares.at[0].lost);
		CHECK(p.image.spares.at[0].stack.start == OTHER);
		CHECK(p.image.spares.at[0].stack.end == OTHER + SIZE);
	}
}

static void
kept_stack_of_zeros_is_called_lost(void)
{
	scoped(process_fini) struct process p = one_thread(STACK + 0x8000);

	process_map(&p, OTHER, SIZE, RW);
	map_list_heads(&p, OTHER + SIZE - 0x900 + LIST);
	CHECK(process_load(&p));
	CHECK(p.image.spares.n == 1 && p.image.spares.at[0].lost);
}

static void
pointer_guard_is_read_from_a_descriptor(void)
{
	scoped(process_fini) struct process p = one_thread(STACK + 0x8000);

	process_put(&p, TP + 0x30, 0x1234);
	CHECK(process_load(&p));
	CHECK(p.image.pointer_guard == 0x1234);
}

TESTS(live_stack_begins_a_red_zone_below_sp, guard_is_not_part_of_the_stack,
    overflowed_stack_is_live_as_a_whole, first_thread_has_the_stack_the_kernel_made,
    stack_of_zeros_is_lost_and_cut_at_its_neighbours, missing_stack_is_lost,
    coroutine_ends_where_a_thread_begins, signal_frame_says_where_the_stack_was_left,
    signal_stack_may_be_an_array_on_the_stack_itself, stray_words_are_no_signal_frame,
    kept_stack_is_found_through_the_list_of_the_library,
    kept_stack_of_zeros_is_called_lost, pointer_guard_is_read_from_a_descriptor)
