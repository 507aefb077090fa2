/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of the program under study on this host: the executable, its
 * libraries, their debug files; found and checked by build-id.
 */
#ifndef SPACE_FILES_H
#define SPACE_FILES_H

#include "base/error.h"
#include "base/line.h"
#include "base/vec.h"
#include "core/core.h"

struct build_id {
	unsigned char bytes[64];
	unsigned size; /* 0: unknown */
};

enum { BUILD_ID_TEXT = 2 * 64 + 1 };

/* Hexadecimal, lower case, into text; "none" when unknown.  Returns text. */
const char *build_id_text(const struct build_id *id, char text[BUILD_ID_TEXT]);

/* Both known, and the same. */
bool build_id_same(const struct build_id *a, const struct build_id *b);

/* Of the ELF file that begins with these bytes; unknown when they do not say. */
struct build_id build_id_read(const void *bytes, uint64_t size);

/* Of the ELF file whose first byte was at a, as far as the core itself holds it. */
struct build_id build_id_at(const struct core *core, hs_addr a);

/* A file of this host, mapped whole. */
struct host_file {
	char *path;     /* on this host */
	char *recorded; /* in NT_FILE, without " (deleted)"; NULL: a debug file */
	const unsigned char *map; /* for our life */
	uint64_t size;
	struct build_id id;
	bool verified; /* the core holds the same build-id */
	bool given;    /* EXE: held against the core when it was opened */
};

/* Does it have the full symbol table, the one that strip takes away? */
bool host_has_symbols(const struct host_file *h);

/* How to find files on this host. */
struct lookup {
	const char *exe, *sysroot;     /* or NULL */
	const char *const *files;      /* NULL-terminated, or NULL: the caller's */
	const char *const *debug_dirs; /* NULL-terminated, or NULL: the usual ones */
};

struct files {
	struct VEC(struct host_file *) all;
	struct VEC(struct host_file *) offers; /* of how->files, what is not in all (yet) */
	struct VEC(char *) missed; /* names that were looked for in vain */
	struct lines notes;        /* what was not found or refused, and why */
};

void files_fini(struct files *files);

/*
 * The file that was mapped as *as, its first mapping; opened once and kept.
 * Looked for in this order: EXE, when it is the executable; how->files;
 * how->sysroot; the recorded path; the debug directories and a debuginfod
 * cache on this disk.  id: what the core holds of its build-id; a file with
 * another one is not taken.  When id is unknown a file of that name is, if it
 * agrees with the core, and is not .verified.  NULL when none is found;
 * files->notes says why when it should have been there.
 */
const struct host_file *files_open(struct files *files, const struct core *core,
    const struct file_mapping *as, const struct build_id *id,
    const struct lookup *how);

/* The separate debug file with this build-id, or NULL: no note, it is a courtesy. */
const struct host_file *files_open_debug(struct files *files,
    const struct build_id *id, const struct lookup *how);

#endif
