/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Damage with what surrounds it: the neighbours, what was written, and who wrote it. */
#ifndef FIND_DAMAGE_H
#define FIND_DAMAGE_H

#include "find/dangling.h"

/* What bytes look like; their contents are not told. */
enum look {
	LOOK_NONE, /* not there, or too few */
	LOOK_ZEROS,
	LOOK_FILL,     /* one byte over and over */
	LOOK_TEXT,     /* printable characters */
	LOOK_POINTERS, /* addresses of the process */
	LOOK_OTHER,
	LOOKS,
};

/* "zeros", "fill" ...: for reports. */
extern const char *const look_name[LOOKS];

enum writer {
	WRITER_UNKNOWN,
	WRITER_LEFT,       /* the block before: most likely wrote past its end */
	WRITER_LEFT_RUN,   /* the same, and what it holds runs on into the header */
	WRITER_LEFT_BYTE,  /* the same, by one byte: a string's end, most likely */
	WRITER_AFTER_FREE, /* somebody who still had a pointer to the free block */
	WRITER_FREE_TWICE, /* whoever freed the block a second time */
	WRITERS,
};

extern const char *const writer_name[WRITERS];

struct scene {
	const struct damage *damage;
	bool has_chunk, has_left, has_right;
	struct block chunk;       /* the wrong word lies in it, or in its header */
	struct block left, right; /* those before and behind it in memory */
	enum look written;        /* the wrong word */
	enum look left_tail;      /* the last bytes of the chunk before */
	enum writer writer;
	hs_addr culprit; /* the block that wrote past its end, or holds a stale pointer; or 0 */
	struct holder holder; /* after free: of the first stale pointer, a root's perhaps; .words 0: none */
};
struct scenes VEC(struct scene);

/* A scene for each of *damages, which must outlive them. */
bool damage_scenes(struct scenes *to, const struct heap *heap,
    const struct damages *damages, struct hs_error *err) MUST_CHECK;

/* Those who may have written after free(): to be asked of dangling_find(). */
bool damage_suspects(struct suspects *to, const struct scenes *scenes,
    struct hs_error *err) MUST_CHECK;

/* Holders of stale pointers, which were found, become culprits. */
void damage_accuse(struct scenes *scenes, const struct suspects *suspects);

/*
 * True when the only thread, which takes no locks, may have been stopped inside malloc:
 * then what looks wrong may be half of a change.
 */
bool damage_is_doubtful(const struct heap *heap, const struct image *image);

/* Blocks in use that no damage touches. */
struct tally damage_untouched(const struct heap *heap, const struct scenes *scenes);

#endif
