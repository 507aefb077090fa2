/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every world has: a program, a C library, the dynamic linker's list of
 * the two, and threads.
 *
 * A module is what tiny_program() makes: a page of headers, one of code, one
 * of data.  The first thread's descriptor lies in memory of its own, as ld.so
 * has it; the others' lie at the top of their stacks.  Below each is the
 * static TLS of the C library, with the address of the thread's tcache.
 */
#include "unit/world.h"

#include <elf.h>

#define PROGRAM ((hs_addr)0x10000)
#define PROGRAM_HEAP ((hs_addr)0x100000)
#define LIBRARY ((hs_addr)0x7f0000000000)
#define LIBRARIES_APART ((hs_addr)0x1000000)
#define LIBRARY_HEAP ((hs_addr)0x7f8000000000)
#define LINKER ((hs_addr)0x7f4000000000)
#define STACKS ((hs_addr)0x7ffc00000000)
#define MAPPING ((hs_addr)0x600000000000)
#define CONSTANT ((hs_addr)0x610000000000)
#define LOST ((hs_addr)0x620000000000)
#define LOST_SIZE (2 << 20) /* a small mapping would be taken for blank */
#define POINTER_GUARD 0x5eedc0de12345678u

enum {
	RW = PF_R | PF_W,
	CODE = MEMORY_PAGE, /* offsets in a module */
	DATA = 2 * MEMORY_PAGE,
	LISTS = 0x20, /* offsets in the C library's data: nptl's lists of stacks */
	DATA_FREE = 0xd00, /* what malloc does not have of it */
	DYNAMIC = 0xf80,   /* in each module's data */
	DUMMY = 0x300,     /* in its read-only page: the tcache of a lazy thread */
	DEBUG = 0x100,     /* offsets in the linker's memory: r_debug */
	LINKS = 0x200,     /* link_maps, and how far apart */
	LINK_TLS = 0x100,  /* in a link_map: what it knows of TLS */
	FIRST_TP = 0x2000,
	STACK = 0x10000, /* bytes of a stack */
	STACKS_APART = 2 * STACK,
	SP = 0x8000, /* in a stack */
	TP = STACK - 0x1000,
	DEAD = 0x100,
	TLS = 0x400, /* bytes of a library's static TLS, right below that before */
	TCACHE_BELOW = 0x48, /* the end of it: the address of the tcache */
	TLS_ALIGN = 64,
	DTV = 8, /* offsets in a descriptor */
	GUARD = 0x30,
	LIST_NODE = 704,
	STACK_BLOCK = 1680,
	REG_PC = 16,
	REG_SP = 19,
	REG_TP = 21,
	JMP_RBP = 8, /* offsets in a jmp_buf */
	JMP_RSP = 48,
	JMP_PC = 56,
	MANGLE_BITS = 17,
};

static struct world_thread *
thread(struct world *w)
{
	return &w->threads.at[w->at];
}

static void
put_words(struct world *w, hs_addr at, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		world_put(w, at + 8 * i, words[i]);
}

/* ---- Modules */

/* The headers of a module, which has a dynamic section, and TLS of so many bytes. */
static void
put_headers(unsigned char file[TINY_PROGRAM], uint64_t tls)
{
	Elf64_Ehdr *elf = (Elf64_Ehdr *)(void *)file;
	Elf64_Phdr more[2] = {
		{ .p_type = PT_DYNAMIC, .p_vaddr = DATA + DYNAMIC, .p_memsz = 32 },
		{ .p_type = tls ? PT_TLS : PT_NULL,
		    .p_vaddr = DATA,
		    .p_memsz = tls,
		    .p_align = TLS_ALIGN },
	};

	tiny_program(file, 0);
	elf->e_phnum = 3 + 2;
	memcpy(file + sizeof *elf + 3 * sizeof *more, more, sizeof more);
}

static hs_addr
add_module(struct world *w, hs_addr base, uint64_t tls)
{
	unsigned char file[TINY_PROGRAM] __attribute__((aligned(8)));
	unsigned flags[] = { PF_R, PF_R | PF_X, RW };

	put_headers(file, tls);
	for (unsigned i = 0; i < 3; i++)
		memory_add(&w->memory, base + i * MEMORY_PAGE, MEMORY_PAGE, flags[i]);
	memcpy(memory_bytes(&w->memory, base, MEMORY_PAGE), file, MEMORY_PAGE);
	return base + DATA;
}

static hs_addr
library_base(size_t i)
{
	return LIBRARY + i * LIBRARIES_APART;
}

void
world_add_library(struct world *w)
{
	size_t n = w->draft.libraries.n;
	hs_addr data = add_module(w, library_base(n), TLS);

	draft_library(&w->draft, data,
	    n ? LIBRARY_HEAP + n * LIBRARIES_APART : PROGRAM_HEAP, n == 0);
}

void
world_begin(struct world *w, const struct glibc *glibc)
{
	w->draft = draft_new(&w->memory, glibc);
	add_module(w, PROGRAM, 0);
	memory_add(&w->memory, LINKER, STACK, RW);
	memory_reach(&w->memory, LINKER + STACK);
	memory_add(&w->memory, MAPPING, MEMORY_PAGE, RW);
	memory_add(&w->memory, CONSTANT, MEMORY_PAGE, PF_R);
	world_add_library(w);
	world_add_thread(w, false);
}

void
world_add_lost(struct world *w)
{
	memory_add(&w->memory, LOST, LOST_SIZE, RW);
	memory_reach(&w->memory, LOST + LOST_SIZE);
	w->memory.at[w->memory.n - 1].missing = true;
}

static void
list_file(struct world *w, hs_addr base, const char *path)
{
	for (unsigned i = 0; i < 3; i++)
		tiny_map(&w->core, base + i * MEMORY_PAGE,
		    base + (i + 1) * MEMORY_PAGE, i, path);
}

void
world_list_files(struct world *w)
{
	static const char *const paths[WORLD_LIBRARIES] = { "/synth/libc.so.6",
		"/synth/other/libc.so.6" };
	const uint64_t auxv[] = { AT_PAGESZ, MEMORY_PAGE, AT_PHDR,
		PROGRAM + sizeof(Elf64_Ehdr), AT_RANDOM, STACKS + STACK - 32,
		AT_NULL, 0 };

	list_file(w, PROGRAM, "/synth/program");
	for (size_t i = 0; i < w->draft.libraries.n; i++)
		list_file(w, library_base(i), paths[i]);
	tiny_auxv(&w->core, auxv, sizeof auxv / 16);
}

/* ---- Threads */

static void
add_descriptor(struct world *w, hs_addr tp, hs_addr stack)
{
	world_put(w, tp, tp);
	world_put(w, tp + 16, tp);
	world_put(w, tp + GUARD, POINTER_GUARD);
	world_put(w, tp + STACK_BLOCK, stack);
	world_put(w, tp + STACK_BLOCK + 8, stack ? STACK : 0);
}

/* Where a thread keeps the address of its tcache for a library. */
static hs_addr
tcache_pointer(hs_addr tp, unsigned instance)
{
	return tp - instance * TLS - TCACHE_BELOW;
}

void
world_add_thread(struct world *w, bool spare)
{
	bool first = w->threads.n == 0;
	struct world_thread t = {
		.stack = STACKS + w->threads.n * STACKS_APART,
		.spare = spare,
	};

	memory_add(&w->memory, t.stack, STACK, RW);
	memory_reach(&w->memory, t.stack + STACK);
	t.tp = first ? LINKER + FIRST_TP : t.stack + TP;
	add_descriptor(w, t.tp, first ? 0 : t.stack);
	/* since 2.43 a thread that never freed has the address of a dummy */
	for (unsigned i = 0; w->draft.glibc->lazy && i < WORLD_LIBRARIES; i++)
		world_put(w, tcache_pointer(t.tp, i), library_base(i) + DUMMY);
	t.reg[REG_PC] = PROGRAM + CODE;
	t.reg[REG_SP] = t.stack + SP;
	t.reg[REG_TP] = t.tp;
	world_put(w, t.stack + SP, 1); /* a frame: the stack is not lost */
	vec_push(&w->threads, t);
	w->at = w->threads.n - 1;
}

hs_addr
world_tcache(struct world *w)
{
	struct world_thread *t = thread(w);
	unsigned instance = w->draft.arenas.at[w->draft.at].instance;

	if (!t->tcache[instance]) {
		t->tcache[instance] = draft_tcache(&w->draft);
		world_put(w, tcache_pointer(t->tp, instance), t->tcache[instance]);
	}
	return t->tcache[instance];
}

void
world_put_dtv(struct world *w, hs_addr block)
{
	world_put(w, thread(w)->tp + DTV, block + 16);
}

static uint64_t
mangle(uint64_t word)
{
	word ^= POINTER_GUARD;
	return word << MANGLE_BITS | word >> (64 - MANGLE_BITS);
}

void
world_put_jump(struct world *w, hs_addr at, uint64_t frame)
{
	world_put(w, at, 1); /* rbx: the words are in use */
	world_put(w, at + JMP_RBP, mangle(frame));
	world_put(w, at + JMP_RSP, mangle(thread(w)->stack + SP));
	world_put(w, at + JMP_PC, mangle(PROGRAM + CODE));
}

/* ---- Lists: those of the linker, and nptl's */

/* A circular list through the descriptors of threads that are so. */
static void
link_stacks(struct world *w, hs_addr head, bool first, bool spare)
{
	hs_addr before = head;

	for (size_t i = 0; i < w->threads.n; i++) {
		const struct world_thread *t = &w->threads.at[i];
		hs_addr node = t->tp + LIST_NODE;

		if ((i == 0) != first || t->spare != spare)
			continue;
		world_put(w, before, node);
		world_put(w, node + 8, before);
		before = node;
	}
	world_put(w, before, head);
	world_put(w, head + 8, before);
}

/* Module i, of n: the program is the first.  Its static TLS ends where that before begins. */
static void
put_link(struct world *w, size_t i, size_t n)
{
	hs_addr base = i ? library_base(i - 1) : PROGRAM, at = LINKER + (i + 1) * LINKS;
	const uint64_t map[] = { base, 0, base + DATA + DYNAMIC,
		i + 1 < n ? at + LINKS : 0, i ? at - LINKS : 0 };
	const uint64_t tls[] = { base + DATA, 0, TLS, TLS_ALIGN, 0, i * TLS, i };

	put_words(w, at, map, sizeof map / sizeof *map);
	if (i > 0)
		put_words(w, at + LINK_TLS, tls, sizeof tls / sizeof *tls);
}

void
world_link(struct world *w)
{
	hs_addr lists = LIBRARY + DATA + LISTS;
	size_t modules = 1 + w->draft.libraries.n;

	link_stacks(w, lists, false, false);
	link_stacks(w, lists + 16, true, false);
	link_stacks(w, lists + 32, false, true);
	put_words(w, PROGRAM + DATA + DYNAMIC,
	    (uint64_t[]) { DT_DEBUG, LINKER + DEBUG }, 2);
	put_words(w, LINKER + DEBUG, (uint64_t[]) { 1, LINKER + LINKS }, 2);
	for (size_t i = 0; i < modules; i++)
		put_link(w, i, modules);
}

/* ---- Places */

bool
world_place(const struct world *w, const char *name, hs_addr *start)
{
	const struct world_thread *t = &w->threads.at[w->at];
	const struct {
		const char *name;
		hs_addr start;
	} places[] = {
		{ "root", PROGRAM + DATA },
		{ "libc", LIBRARY + DATA + DATA_FREE },
		{ "stack", t->stack + SP + 16 },
		{ "dead", t->stack + DEAD },
		{ "tls", t->tp - TLS },
		{ "mapping", MAPPING },
		{ "constant", CONSTANT },
		{ "code", PROGRAM + CODE },
	};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (strcmp(places[i].name, name) == 0) {
			*start = places[i].start;
			return true;
		}
	return false;
}
