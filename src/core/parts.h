/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of core_open() and core_of_target(), in the order of their work. */
#ifndef CORE_PARTS_H
#define CORE_PARTS_H

#include "core/core.h"
#include "core/headers.h"

#include <string.h>

/* Room for a promise that wraps: no memory of ours ends past this. */
#define MEMORY_END (UINT64_MAX & ~UINT64_C(0xfff))

enum { ELF_HEAD = EI_NIDENT + 4 }; /* bytes of an ELF file that tell its machine */

/* A word of the machine that the core is from. */
static inline uint64_t
core_word(const struct core *core, const unsigned char *at)
{
	uint64_t word = 0;

	memcpy(&word, at, core->machine->word);
	return word;
}

/* The registers that a machine has a name for. */
static inline void
thread_name_registers(struct core_thread *t, const struct machine *m)
{
	t->sp = t->reg[m->sp];
	t->pc = t->reg[m->pc];
	t->tp = t->reg[m->tp];
}

/* core->machine, from the ELF_HEAD first bytes of an ELF file; false when it is none of ours. */
bool machine_tell(struct core *core, const unsigned char *elf,
    struct hs_error *err) MUST_CHECK;

/* PT_LOADs to core->segments; false when there is nothing to look at. */
bool segments_read(struct core *core, const struct headers *h,
    struct hs_error *err) MUST_CHECK;

/* Sorts core->segments; what two of them claim stays with one. */
void segments_settle(struct core *core);

/* PT_NOTEs to threads, files, auxv and the rest; false when memory ran out. */
bool notes_read(struct core *core, const struct headers *h,
    struct hs_error *err) MUST_CHECK;

/* NT_FILE to core->files. */
void files_read(struct core *core, const struct note *note);

/* To core->files; false when it makes no sense. */
bool mapping_add(struct core *core, struct file_mapping f);

/* Sorts core->files; of those that overlap the first stays. */
void mappings_settle(struct core *core);

/* Did memory run out for one of its lists? */
bool core_broke(const struct core *core);

/* The first cut of the file is one for all: says so, once. */
void core_was_cut(struct core *core, const char *what);

#endif
