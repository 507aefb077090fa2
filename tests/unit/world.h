/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small worlds: a process with a heap, told in words, made into a core, and
 * analysed from the core's first byte to the graph.
 *
 *	CHECK(world_is_so("block A 16; block B 16; A -> B; A is leaked-direct"));
 *
 * A statement ends at the end of its line or at a semicolon; # begins a
 * comment.  Sizes are what is asked of malloc, in bytes; numbers are as in C.
 *
 *	glibc 2.35          which malloc it is (this one if nothing is said):
 *	                    2.26 2.27 2.30 2.32 2.35 2.42 2.43
 *
 * Chunks, in the order of their addresses.  What malloc returned gets a name.
 *
 *	block A 16          in use
 *	tcache A 16         free, in the cache of the thread at hand
 *	fast A 16           free, in a fastbin
 *	unsorted A 16       free, unsorted
 *	bin A 16            free, in its small or large bin
 *	loose A 16          free by its flags, in no bin
 *	list L 100 16       a hundred blocks, each with the address of the next in
 *	                    its first word; L is the first, L' the last
 *	mapped A 200000     a block with its own mapping, behind the last such one
 *	mapped A 9999 4096  the same, aligned to 4096 bytes
 *	decoy A 5000        a mapping of the program's that looks like the above
 *
 * Where they go.  At first it is the main arena, from brk().
 *
 *	foreign 100         somebody else calls sbrk(100)
 *	segment             brk() has failed: the arena goes on in a mapping
 *	arena               a new thread arena     heap    its next heap
 *	main                the first arena again
 *	library             another C library's main arena, which never had brk()
 *
 * Who runs.  At first it is the first thread.
 *
 *	thread              a second, third ... thread
 *	spare               a stack that nptl keeps for the next thread
 *	lost                some writable memory that is not in the core
 *
 * Words.  PLACE -> VALUE puts one word; = does the same, for numbers; ~> puts a
 * jmp_buf whose rbp, which glibc mangles, is the value.  A place is a name, plus
 * or minus some bytes: A+8; A-8 is the size of a chunk.  These are names, too;
 * without an offset each means its next word that was not yet used.
 *
 *	root                the program's data
 *	libc                the C library's data, what malloc has of it left out
 *	stack dead          the stack of the thread at hand, above SP, and far below
 *	tls dtv             its thread-local memory; its dtv (the block's start)
 *	rbx, r12 ...        its registers; vector: those
 *	mapping constant    memory of no module, writable or not
 *	code                for values: an address that can be executed
 *
 * Facts.  They are what world_holds() looks at.
 *
 *	A is reachable      or interior, end-only, unknown, leaked-direct,
 *	                    leaked-indirect; for a chunk that is no block in use
 *	                    its state, as in `heapscan blocks`
 *	accounting is exact
 *	leaks are 2
 *	damages are 0
 */
#ifndef UNIT_WORLD_H
#define UNIT_WORLD_H

#include "scan.h"
#include "unit/draft.h"
#include "unit/tiny.h"

struct name {
	char text[24];
	hs_addr at;
};

struct fact {
	char what[24], wanted[24];
};

enum {
	WORLD_LIBRARIES = 2,
	WORLD_VECTOR = 512, /* bytes of a thread's vector registers */
};

struct world_thread {
	hs_addr tp, stack; /* stack: its lowest byte */
	uint64_t reg[CORE_MAX_REGS];
	uint64_t vector[WORLD_VECTOR / 8];
	hs_addr tcache[WORLD_LIBRARIES]; /* 0: none yet */
	bool spare;                      /* there is no thread, only its stack */
};

struct world {
	struct memory memory;
	struct draft draft;
	struct VEC(struct name) names;
	struct VEC(struct fact) facts;
	struct VEC(struct world_thread) threads;
	size_t at; /* the thread at hand */
	struct tiny core;
	struct hs_scan *scan; /* of the core */
};

#define WORLD_EMPTY ((struct world) { .core = { .fd = -1 } })

/* All at once: world_write() and world_read(). */
void world_make(struct world *w, const char *text);

/* The text in a file, to be freed; NULL when it cannot be read. */
char *world_text(const char *path);

/* Writes the memory of a world.  A text that makes no sense ends the program. */
void world_write(struct world *w, const char *text);

/* Between the two: an address by its name, and a word to be put somewhere. */
hs_addr world_at(const struct world *w, const char *name);
void world_put(struct world *w, hs_addr at, uint64_t word);

/* Makes the core of it, as w->core.image. */
void world_freeze(struct world *w);

/* The same, and analyses it up to the graph. */
void world_read(struct world *w);

void world_fini(struct world *w);

/* The chunk with this name, which must be one. */
struct block world_block(const struct world *w, const char *name);

/* The state of the chunk that a lies in; STATE_COUNT when it is in none. */
enum state world_state(const struct world *w, hs_addr a);

static inline const struct heap *
world_heap(const struct world *w)
{
	return &w->scan->heap;
}

/* The first main arena, and its top. */
static inline hs_addr
world_arena(const struct world *w)
{
	return w->draft.arenas.at[0].state;
}

static inline hs_addr
world_top(const struct world *w)
{
	return w->draft.arenas.at[0].top;
}

/* "leaked-direct" and so on; of a chunk that is no block in use, its state. */
const char *world_reach(const struct world *w, const char *name);

/* Are the world's facts true?  Says which are not. */
bool world_holds(const struct world *w);

/* The same of a world that is made for it: most tests are but a text. */
bool world_is_so(const char *text);

/* ---- For the words that make a world (words.c), and its core */

void world_begin(struct world *w, const struct glibc *glibc);
void world_add_library(struct world *w);
void world_add_thread(struct world *w, bool spare);
void world_add_lost(struct world *w);
void world_name(struct world *w, const char *text, hs_addr at);

/* The tcache of the thread at hand for the library at hand, made if it has none. */
hs_addr world_tcache(struct world *w);

/* The dtv pointer of the thread at hand leads to this block. */
void world_put_dtv(struct world *w, hs_addr block);

/* A jmp_buf at `at` whose rbp is this. */
void world_put_jump(struct world *w, hs_addr at, uint64_t frame);

/* The first word of a place that has a name of its own, and the thread at hand's of it. */
bool world_place(const struct world *w, const char *name, hs_addr *start);

/* When all is there: the lists of the dynamic linker and of nptl. */
void world_link(struct world *w);

/* NT_FILE and NT_AUXV. */
void world_list_files(struct world *w);

/* A world with a chunk in every state that all layouts have, and what is true of it. */
#define WORLD_OF_ALL                                                              \
	"block A 16; tcache T 40; tcache U 40; tcache V 1032; unsorted X 200;"    \
	"block B 24; bin S 300; block C 100; bin L 5000; block D 1;"              \
	"arena; block E 16; heap; bin Y 48; block F 200;"                         \
	"mapped M 200000; mapped N 70000 4096;"                                   \
	"T is tcache; U is tcache; V is tcache; X is unsorted; S is small-bin;"   \
	"L is large-bin; Y is small-bin; A is leaked-direct; F is leaked-direct;" \
	"M is leaked-direct; N is leaked-direct; accounting is exact; damages are 0; leaks are 8"

#endif
