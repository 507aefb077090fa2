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

/* h will not be found again; those who have it may go on.  why: for the notes. */
void files_refuse(struct files *files, const struct host_file *h, const char *why);

/* The name as recorded without " (deleted)", owned; NULL when memory ran out. */
char *recorded_name(const char *path);

/* What follows the last slash. */
const char *base_name(const char *path);

/*
 * Opens how->exe and holds it against the core.  False when it did not make
 * this core.  *exe is NULL when none was given, or only its debug file.
 */
bool exe_open(struct files *files, const struct core *core, const struct lookup *how,
    const struct host_file **exe, struct hs_error *err) MUST_CHECK;

#endif
