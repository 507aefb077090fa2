/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this folder offer each other; others include image.h. */
#ifndef IMAGE_PARTS_H
#define IMAGE_PARTS_H

#include "image/elf.h"
#include "image/image.h"

/* modules.c: fills image->modules. */
bool modules_find(struct image *image, struct hs_error *err) MUST_CHECK;

/*
 * module.c: fills a zeroed *m from headers that were mapped at base.  False
 * when they cannot have been, or memory ran out; then, too, free *m.
 */
bool module_make(struct module *m, const struct image *image, hs_addr base,
    const struct headers *h, const char *path) MUST_CHECK;
void module_fini(struct module *m);

/* Does memory look as if a program loader had put the segments there? */
bool module_agrees(const struct image *image, const struct headers *h, hs_addr bias);

/* Takes a copy of path as m's.  False, *m as it was, when memory ran out. */
bool module_set_path(struct module *m, const char *path, const struct core *core);

/* links.c: a library as the dynamic linker knows it. */
struct link {
	hs_addr map;     /* its struct link_map */
	hs_addr bias;    /* l_addr */
	hs_addr name;    /* l_name, a string */
	hs_addr dynamic; /* l_ld */
	bool first;      /* of the first namespace: the program itself */
};

struct links VEC(struct link);

/* Reads the lists of all namespaces.  False when there is no r_debug at this address. */
bool links_read(struct links *links, const struct space *s, hs_addr r_debug) MUST_CHECK;

/* tls.c: fills tls_modid and tls_offset of all modules; wants image->threads. */
void tls_find(struct image *image, const struct links *links);

/* symbols.c */
enum symbol_kind { SYMBOL_PLACE, SYMBOL_TLS };

/*
 * The symbol that covers value, in the terms of the symbol table (for TLS, an
 * offset into the module's block).  NULL when there is none, or no table.
 */
const char *symbol_at(struct image *image, const struct module *m,
    enum symbol_kind kind, uint64_t value, uint64_t *offset);

void symbols_free(struct symbol_table *table);

/* dynsym.c: the dynamic symbol table of a module, copied from memory. */
struct dynsym {
	Elf64_Sym *symbols; /* owned */
	size_t n;
	char *names; /* owned; a zero byte is at names[size] */
	uint64_t size;
};

/* False when it is not all in the core. */
bool dynsym_read(struct dynsym *d, const struct space *s,
    const struct module *m) MUST_CHECK;
void dynsym_fini(struct dynsym *d);

/* threads.c: fills image->threads, each with tp, descriptor and stack. */
bool threads_find(struct image *image, struct hs_error *err) MUST_CHECK;

/* Descriptors of all threads, or thread pointers without one; sorted. */
struct anchors VEC(hs_addr);
void anchors_collect(struct anchors *all, const struct image *image);
void anchors_fini(struct anchors *all);

/* How many of them are below a. */
size_t anchors_below(const struct anchors *all, hs_addr a);

/* descriptor.c: how the C library lays out a thread's descriptor on one machine. */
struct descriptor_layout {
	int elf_machine;
	unsigned self[2]; /* words that hold the descriptor's own address, if any do */
	unsigned tid;     /* the thread's number, 32 bits */
	unsigned dtv;     /* the vector of TLS blocks, from the thread pointer */
	unsigned pointer_guard; /* 0: it hides nothing that may point into the heap */
	unsigned list;          /* a list node: next, previous */
	unsigned stackblock[4]; /* where it may be, ends with 0: then stackblock_size, guardsize;
				 * 0 in the first thread */
	unsigned size, align; /* of it all, at least */
};

/* The layout for the core's machine, or NULL. */
const struct descriptor_layout *descriptor_layout(const struct image *image);

/* Is a descriptor at a? */
bool descriptor_at(const struct image *image, hs_addr a);

/* The thread pointer that goes with the descriptor at a; 0: there is no descriptor. */
hs_addr descriptor_tp(const struct image *image, hs_addr a);

/* And back; 0: none belongs to tp. */
hs_addr descriptor_of(const struct image *image, hs_addr tp);

/*
 * The descriptor of a thread whose thread pointer is not known; 0: it was not
 * found.  *left: bytes that may still be looked through, which are taken off.
 */
hs_addr descriptor_search(const struct image *image, const struct core_thread *t,
    uint64_t *left);

/* Should a descriptor be at a, and is nothing there, or zeros only? */
bool descriptor_lost(const struct image *image, hs_addr a);

/* The part of the mapping around a that lies between the threads next to it; may be empty. */
struct range stack_between(const struct image *image, const struct anchors *all,
    hs_addr a);

/* threads.c: the stack that the descriptor at tp says is its thread's.  False when it says none. */
bool descriptor_stack(const struct image *image, hs_addr tp, struct range *stack);

/* live.c: fills live, elsewhere, other and lost of each thread. */
void threads_measure(struct image *image);

/* sigframe.c: what a signal interrupted. */
struct interrupted {
	hs_addr sp;
	struct range stack; /* of the handler */
};

/*
 * The signal frame that a handler on an alternate stack, now at sp, will
 * return through to a stack in *within.  False when there is none before end.
 */
bool sigframe_find(const struct image *image, hs_addr sp, hs_addr end,
    struct range within, struct interrupted *was);

/* spares.c: fills image->spares. */
void spares_find(struct image *image);

/* image.c */

/* Bytes of a page. */
uint64_t image_page(const struct image *image);

#endif
