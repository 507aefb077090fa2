/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ELF files in the address space, and the threads as the C library sees
 * them.  Everything that needs a symbol table is read when first asked for.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include "space/space.h"

/* A loadable segment of a module, where it was in memory. */
struct module_segment {
	struct range range; /* page-aligned outwards; .bss included */
	unsigned flags;     /* PF_R, PF_W, PF_X */
};

struct symbol_table; /* image/symbols.c */

struct module {
	const char *path; /* as recorded, or "" */
	const char *name; /* its last part; the program's short name when unknown */
	hs_addr bias;     /* of its addresses: where minus what the file says */
	struct range range; /* from its first to its last segment */
	struct VEC(struct module_segment) segments;
	struct range relro; /* read-only after relocation; empty if none */
	hs_addr dynamic;    /* its PT_DYNAMIC, 0 if none */
	uint64_t tls_size;  /* bytes of its PT_TLS, 0 if none */
	uint64_t tls_align;
	hs_addr tls_vaddr;   /* where its initial image is, less the bias */
	uint64_t tls_modid;  /* its number in the dtv, 0 if unknown */
	uint64_t tls_offset; /* of its block from tp: below on x86, above where
			      * machine->tls_above; 0 if unknown or dynamic */
	struct build_id id;
	const struct host_file *file;  /* or NULL */
	const struct host_file *debug; /* with symbols that file has not, or NULL */
	bool is_exe;
	struct symbol_table *symbols; /* read when first asked for */
};

/* Where an address lies in a module. */
struct place {
	const struct module *module;
	const char *symbol; /* as in the symbol table, mangled; NULL when none covers it */
	uint64_t offset; /* from the symbol, or from the module's bias when there is none */
};

struct thread {
	unsigned number; /* what reports call it, from 1: a core's are counted in the
			  * order of its notes */
	const struct core_thread *regs;
	struct range stack; /* all of its stack, up to and with its descriptor; may be empty */
	struct range live; /* the part in use: from SP less the red zone to the end */
	hs_addr tp; /* the thread pointer, of the registers or found; 0: unknown */
	hs_addr descriptor; /* struct pthread; on x86 it is tp; 0 if there is none */
	bool elsewhere; /* SP is in no stack of its own: a signal stack, a coroutine */
	struct range other; /* elsewhere: the live part of the stack that SP is in */
	bool lost; /* its stack or its descriptor is missing from the core */
};

/* A stack without a thread: nptl keeps some for later. */
struct spare_stack {
	struct range stack;
	hs_addr descriptor, tp;
	bool lost; /* its descriptor is missing from the core; more may be lost with it */
};

struct image {
	const struct core *core;
	struct space *space; /* its files are open; symbols are read when asked for */
	struct VEC(struct module) modules; /* sorted by .range.start */
	struct VEC(struct thread) threads; /* one for each of core->threads, same order */
	struct VEC(struct spare_stack) spares; /* sorted by .stack.start */
	uint64_t pointer_guard; /* of PTR_MANGLE; 0 if unknown, or of no matter */
	const struct lookup *how;
};

#define IMAGE_EMPTY ((struct image) { .core = NULL })

/*
 * Finds modules and threads.  *space must outlive *image.  What cannot be
 * found is left out, and said in space->files.notes; false when memory ran out.
 */
bool image_load(struct image *image, struct space *space, const struct lookup *how,
    struct hs_error *err) MUST_CHECK;

void image_fini(struct image *image);

/* The module whose range holds a, or NULL. */
const struct module *image_module_at(const struct image *image, hs_addr a);

/* The segment of a module that holds a, or NULL. */
const struct module_segment *module_segment_at(const struct module *m, hs_addr a);

/* False when a lies in no module. */
bool image_place(struct image *image, hs_addr a, struct place *place);

/* Where m's block is in the static TLS of the thread with this thread pointer. */
static inline hs_addr
module_tls_block(const struct image *image, const struct module *m, hs_addr tp)
{
	return image->core->machine->tls_above ? tp + m->tls_offset
					       : tp - m->tls_offset;
}

/*
 * The thread-local variable at a, in the static TLS block of a module for the
 * thread whose thread pointer is tp.  False when a is in no such block.
 */
bool image_tls_place(struct image *image, hs_addr tp, hs_addr a, struct place *place);

/* Does m define this dynamic symbol?  False, too, when its table is not at hand. */
bool module_exports(const struct image *image, const struct module *m,
    const char *name);

/* Is a in memory that could be executed? */
bool image_is_code(const struct image *image, hs_addr a);

#endif
