/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small worlds: from words to memory, from memory to a core, and what became
 * of it.
 *
 * The process has a program and a C library, each with a page of data.  The
 * first thread's descriptor lies in memory of its own, as ld.so has it; all
 * others lie at the top of their stacks.
 */
#include "unit/world.h"

#include <elf.h>
#include <stdio.h>

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

enum {
	RW = PF_R | PF_W,
	CODE = MEMORY_PAGE,     /* offsets in a module: tiny_program() */
	DATA = 2 * MEMORY_PAGE,
	LISTS = 0x20,       /* offsets in the C library's data: nptl's lists of stacks */
	DATA_FREE = 0xd00,  /* what malloc does not have of it */
	DUMMY = 0x300,      /* in its read-only page: the tcache of a lazy thread */
	STACK = 0x10000,    /* bytes of a stack */
	STACKS_APART = 2 * STACK,
	SP = 0x8000,        /* in a stack */
	TP = STACK - 0x1000,
	FIRST_TP = 0x2000,  /* in the linker's memory */
	TCACHE_BELOW = 0x48, /* the thread pointer; of the second library 64 bytes further */
	TLS_BELOW = 0x400,
	DTV = 8,             /* offsets in a descriptor */
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
	PRPSINFO = 136, /* bytes; its end: pids, a name, arguments */
	PRPSINFO_PID = 24,
	PRPSINFO_NAME = 40,
	PRSTATUS = 336,
	PRSTATUS_SIGNAL = 12,
	PRSTATUS_TID = 32,
	PRSTATUS_REGS = 112,
	PID = 100,
	SIGNAL = 6,
};

#define POINTER_GUARD 0x5eedc0de12345678u

static struct world_thread *
thread(struct world *w)
{
	return &w->threads.at[w->at];
}

void
world_put(struct world *w, hs_addr at, uint64_t word)
{
	memory_put(&w->memory, at, word);
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

/* Since 2.43 a thread that never freed has the address of a dummy as its cache. */
static void
add_dummies(struct world *w, hs_addr tp)
{
	for (unsigned i = 0; w->draft.glibc->lazy && i < 2; i++)
		world_put(w, tp - TCACHE_BELOW - 64 * i,
		    LIBRARY + i * LIBRARIES_APART + DUMMY);
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
	add_dummies(w, t.tp);
	t.reg[REG_PC] = PROGRAM + CODE;
	t.reg[REG_SP] = t.stack + SP;
	t.reg[REG_TP] = t.tp;
	world_put(w, t.stack + SP, 1); /* a frame: the stack is not lost */
	vec_push(&w->threads, t);
	w->at = w->threads.n - 1;
}

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

/* ---- Modules */

static hs_addr
add_module(struct world *w, hs_addr base)
{
	unsigned char file[TINY_PROGRAM];
	unsigned flags[] = { PF_R, PF_R | PF_X, RW };

	tiny_program(file, 0);
	for (unsigned i = 0; i < 3; i++) {
		hs_addr at = base + i * MEMORY_PAGE;

		memory_add(&w->memory, at, MEMORY_PAGE, flags[i]);
		if (at < base + DATA)
			memcpy(memory_bytes(&w->memory, at, MEMORY_PAGE),
			    file + i * MEMORY_PAGE, MEMORY_PAGE);
	}
	return base + DATA;
}

void
world_add_library(struct world *w)
{
	size_t n = w->draft.libraries.n;
	hs_addr data = add_module(w, LIBRARY + n * LIBRARIES_APART);

	draft_library(&w->draft, data,
	    n ? LIBRARY_HEAP + n * LIBRARIES_APART : PROGRAM_HEAP, n == 0);
}

void
world_begin(struct world *w, const struct glibc *glibc)
{
	w->draft = draft_new(&w->memory, glibc);
	add_module(w, PROGRAM);
	memory_add(&w->memory, LINKER, STACK, RW);
	memory_reach(&w->memory, LINKER + STACK);
	memory_add(&w->memory, MAPPING, MEMORY_PAGE, RW);
	memory_add(&w->memory, CONSTANT, MEMORY_PAGE, PF_R);
	world_add_library(w);
	world_add_thread(w, false);
}

void
world_link(struct world *w)
{
	hs_addr lists = LIBRARY + DATA + LISTS;

	link_stacks(w, lists, false, false);
	link_stacks(w, lists + 16, true, false);
	link_stacks(w, lists + 32, false, true);
}

void
world_add_lost(struct world *w)
{
	memory_add(&w->memory, LOST, MEMORY_PAGE, RW);
	w->memory.at[w->memory.n - 1].missing = true;
}

/* ---- Names and places */

void
world_name(struct world *w, const char *text, hs_addr at)
{
	struct name n = { .at = at };

	snprintf(n.text, sizeof n.text, "%s", text);
	vec_push(&w->names, n);
}

hs_addr
world_at(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->names.n; i++)
		if (strcmp(w->names.at[i].text, name) == 0)
			return w->names.at[i].at;
	fprintf(stderr, "nothing has the name %s\n", name);
	abort();
}

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
		{ "dead", t->stack + 0x100 },
		{ "tls", t->tp - TLS_BELOW },
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

hs_addr
world_tcache(struct world *w)
{
	struct world_thread *t = thread(w);
	unsigned library = w->draft.arenas.at[w->draft.at].library;

	if (!t->tcache[library]) {
		t->tcache[library] = draft_tcache(&w->draft);
		world_put(w, t->tp - TCACHE_BELOW - 64 * library, t->tcache[library]);
	}
	return t->tcache[library];
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

/* ---- The core */

static void
freeze_thread(struct world *w, const struct world_thread *t, int32_t tid)
{
	unsigned char status[PRSTATUS] = { 0 };

	status[PRSTATUS_SIGNAL] = SIGNAL;
	memcpy(status + PRSTATUS_TID, &tid, sizeof tid);
	memcpy(status + PRSTATUS_REGS, t->reg, machines[0]->nregs * sizeof *t->reg);
	tiny_note(&w->core, "CORE", NT_PRSTATUS, status, sizeof status);
	tiny_note(&w->core, "CORE", NT_FPREGSET, t->vector, sizeof t->vector);
}

static void
freeze_notes(struct world *w)
{
	unsigned char process[PRPSINFO] = { 0 };
	const uint64_t auxv[] = { AT_PAGESZ, MEMORY_PAGE, AT_PHDR,
		PROGRAM + sizeof(Elf64_Ehdr), AT_RANDOM, STACKS + STACK - 32, AT_NULL, 0 };
	int32_t pid = PID;

	memcpy(process + PRPSINFO_PID, &pid, sizeof pid);
	memcpy(process + PRPSINFO_NAME, "synth", 5);
	for (size_t i = 0; i < w->threads.n; i++)
		if (!w->threads.at[i].spare)
			freeze_thread(w, &w->threads.at[i], PID + (int32_t)i);
	tiny_note(&w->core, "CORE", NT_PRPSINFO, process, sizeof process);
	tiny_auxv(&w->core, auxv, sizeof auxv / 16);
}

static void
freeze_module(struct world *w, hs_addr base, const char *path)
{
	for (unsigned i = 0; i < 3; i++)
		tiny_map(&w->core, base + i * MEMORY_PAGE, base + (i + 1) * MEMORY_PAGE,
		    i, path);
}

static void
freeze_memory(struct world *w)
{
	for (size_t i = 0; i < w->memory.n; i++) {
		const struct area *a = &w->memory.at[i];

		vec_push(&w->core.segments,
		    (struct tiny_segment) {
			.start = a->range.start,
			.memory = a->size,
			.contents = a->missing ? 0 : a->size,
			.flags = a->flags,
			.bytes = a->bytes,
			.known = a->size,
		    });
	}
}

void
world_freeze(struct world *w)
{
	static const char *const paths[WORLD_LIBRARIES] = { "/synth/libc.so.6",
		"/synth/other/libc.so.6" };

	freeze_notes(w);
	freeze_module(w, PROGRAM, "/synth/program");
	for (size_t i = 0; i < w->draft.libraries.n; i++)
		freeze_module(w, LIBRARY + i * LIBRARIES_APART, paths[i]);
	freeze_memory(w);
	tiny_make(&w->core);
}

void
world_read(struct world *w)
{
	struct hs_options o = { .core = w->core.path };
	struct hs_error err;

	world_freeze(w);
	tiny_put(&w->core, w->core.image.at, w->core.image.n);
	w->scan = hs_open(&o, &err);
	if (!w->scan || !scan_graph(w->scan, &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

void
world_make(struct world *w, const char *text)
{
	world_write(w, text);
	world_read(w);
}

void
world_fini(struct world *w)
{
	hs_close(w->scan);
	tiny_fini(&w->core);
	memory_fini(&w->memory);
	draft_fini(&w->draft);
	vec_free(&w->names);
	vec_free(&w->facts);
	vec_free(&w->threads);
}

/* ---- What became of it */

struct block
world_block(const struct world *w, const char *name)
{
	struct block b = { .span = NULL };

	if (!heap_chunk_at(&w->scan->heap, world_at(w, name), &b)) {
		fprintf(stderr, "%s is in no span\n", name);
		abort();
	}
	return b;
}

const char *
world_reach(const struct world *w, const char *name)
{
	struct block b;

	if (!heap_chunk_at(&w->scan->heap, world_at(w, name), &b))
		return "nothing";
	if (b.address != world_at(w, name))
		return "elsewhere";
	return b.state == STATE_USED ? reach_name[w->scan->graph.reach[b.number]]
				     : state_name[b.state];
}

/* What is true of a fact's subject, as a word. */
static const char *
truth(const struct world *w, const char *what, char number[24])
{
	const struct hs_scan *s = w->scan;

	if (strcmp(what, "accounting") == 0)
		return accounting_name[s->heap.accounting];
	if (strcmp(what, "leaks") == 0)
		snprintf(number, 24, "%zu", s->graph.leaks.n);
	else if (strcmp(what, "damages") == 0)
		snprintf(number, 24, "%zu", s->heap.damages.n);
	else
		return world_reach(w, what);
	return number;
}

bool
world_holds(const struct world *w)
{
	bool all = true;
	char number[24];

	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fact *f = &w->facts.at[i];
		const char *true_word = truth(w, f->what, number);

		if (strcmp(true_word, f->wanted) == 0)
			continue;
		printf("# %s is %s, not %s\n", f->what, true_word, f->wanted);
		all = false;
	}
	if (heap_invalid(&w->scan->heap)) {
		printf("# %s\n", heap_invalid(&w->scan->heap));
		all = false;
	}
	return all;
}
