/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scenes: a core, its address space, and a folder of this host where files of
 * the program may lie.
 *
 *	scoped(scene_fini) struct scene s;
 *
 *	scene_init(&s);
 *	scene_save(s.program, s.bytes, sizeof s.bytes);
 *	scene_map(&s, 0x10000, s.program);
 *	CHECK(scene_build(&s));
 */
#ifndef UNIT_SCENE_H
#define UNIT_SCENE_H

#include "space/space.h"
#include "unit/tiny.h"

struct scene {
	struct tiny tiny;
	struct core core;
	struct space space;
	struct lookup how;
	struct hs_error err;
	char dir[64];
	char program[128];                 /* a path in dir */
	unsigned char bytes[TINY_PROGRAM]; /* what was mapped in the process */
};

/* With a program that has a build-id of 0x11s; nothing is mapped or saved yet. */
void scene_init(struct scene *s);
void scene_fini(struct scene *s);

/* Writes a file, with the folders on its way. */
void scene_save(const char *path, const void *bytes, size_t n);

/*
 * Maps the program as the kernel does: of its three pages the core has only
 * the first and the last.
 */
void scene_map(struct scene *s, uint64_t at, const char *recorded);

/* Opens the core and lays out its space; false and s->err as space_build() does. */
bool scene_build(struct scene *s);

/* Is this part of a note about files? */
bool scene_says(const struct scene *s, const char *what);

/* Where the contents at a are; SOURCE_NOWHERE, too, when nothing was there. */
enum source scene_source(const struct scene *s, hs_addr a);

bool scene_hole(const struct scene *s, hs_addr a);

#endif
