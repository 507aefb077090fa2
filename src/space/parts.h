/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this folder share. */
#ifndef SPACE_PARTS_H
#define SPACE_PARTS_H

#include "core/headers.h"
#include "space/space.h"

/* Files looked for: each takes a mapping, of which a process may have 65,530. */
enum { FILES_MOST = 10000 };

/*
 * Maps a file of this host; only a regular one, so that nothing hangs.  NULL,
 * and *err says why, without its path.  Nothing is checked but that.
 */
struct host_file *host_open(const char *path, struct hs_error *err) MUST_CHECK;

void host_free(struct host_file *h);

static inline void
host_autofree(struct host_file **h)
{
	host_free(*h);
}

/* Is it a program or a library, with its code in it?  Debug files have none. */
bool host_is_program(const struct host_file *h);
bool host_is_debug(const struct host_file *h);

/*
 * Where the file was put: its addresses in memory minus what it says itself.
 * f: the first mapping of it.  False when the file has no such segment.
 */
bool host_bias(const struct host_file *h, const struct file_mapping *f,
    hs_addr *bias) MUST_CHECK;

/* PF_R, PF_W, PF_X of the segment that the page at vaddr belongs to; 0: none. */
unsigned host_flags_at(const struct host_file *h, uint64_t vaddr);

/*
 * For files without build-ids: does the dynamic section that the loader saw,
 * in the core, say the same as the one in the file?
 */
bool host_agrees(const struct host_file *h, const struct core *core, hs_addr bias);

/* Takes h, which is freed when memory runs out; recorded may be NULL. */
const struct host_file *files_add(struct files *files, struct host_file *h,
    const char *recorded);

/*
 * Opens what the caller knows, once for all look-ups.  What cannot be opened
 * or is no ELF file is passed over in silence: a debugger's list has entries
 * that are not of this host.
 */
void offers_open(struct files *files, const char *const *paths);

/*
 * The offer with this build-id, program or debug file, or NULL.  It is the
 * caller's from then on, for files_add(); so is what offers_take() returns.
 */
struct host_file *offers_by_id(struct files *files, const struct build_id *id,
    bool debug);
struct host_file *offers_take(struct files *files, size_t i);

/* Moves *i on to the next program, from *i on, whose name ends as this does. */
bool offers_find_named(const struct files *files, const char *name, size_t *i);

/* The name as recorded without " (deleted)", owned; NULL when memory ran out. */
char *recorded_name(const char *path);

/* What follows the last slash. */
const char *base_name(const char *path);

/*
 * Opens how->exe, if there is one, and holds it against the core.  False when
 * it is not the program that ran.
 */
bool exe_open(struct files *files, const struct core *core,
    const struct lookup *how, struct hs_error *err) MUST_CHECK;

#endif
