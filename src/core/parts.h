/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of core_open(), in the order of their work. */
#ifndef CORE_PARTS_H
#define CORE_PARTS_H

#include "core/core.h"
#include "core/headers.h"

#include <string.h>

/* A word of the machine that the core is from. */
static inline uint64_t
core_word(const struct core *core, const unsigned char *at)
{
	uint64_t word = 0;

	memcpy(&word, at, core->machine->word);
	return word;
}

/* PT_LOADs to core->segments; false when there is nothing to look at. */
bool segments_read(struct core *core, const struct headers *h,
    struct hs_error *err) MUST_CHECK;

/* PT_NOTEs to threads, files, auxv and the rest; false when memory ran out. */
bool notes_read(struct core *core, const struct headers *h,
    struct hs_error *err) MUST_CHECK;

/* NT_FILE to core->files. */
void files_read(struct core *core, const struct note *note);

/* The first cut of the file is one for all: says so, once. */
void core_was_cut(struct core *core, const char *what);

#endif
