/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A temporary file without a name, for a core that cannot be mapped where it
 * is, or for the memory of a process: sparse, since blocks of zeros are not
 * written.
 */
#ifndef CORE_SPOOL_H
#define CORE_SPOOL_H

#include "base/error.h"

struct spool {
	int fd;
	const char *dir;       /* where it is: for messages */
	unsigned char *buffer; /* bytes that are not written yet */
	size_t n;              /* how many they are */
	uint64_t flushed;      /* bytes of the file before them */
	uint64_t budget;       /* bytes of disk that we may still use */
};

#define SPOOL_EMPTY ((struct spool) { .fd = -1 })

/* In $TMPDIR, /var/tmp or /tmp. */
bool spool_open(struct spool *s, struct hs_error *err) MUST_CHECK;

void spool_close(struct spool *s);

/* Where the next bytes go; *room, at least 1, says how many may. */
unsigned char *spool_room(struct spool *s, size_t *room);

/* n bytes were put there. */
bool spool_took(struct spool *s, size_t n, struct hs_error *err) MUST_CHECK;

/* These n bytes. */
bool spool_put(struct spool *s, const void *bytes, size_t n,
    struct hs_error *err) MUST_CHECK;

/* n zeros, at no cost: a hole. */
bool spool_skip(struct spool *s, uint64_t n, struct hs_error *err) MUST_CHECK;

/* Writes what is left and gives the file its size. */
bool spool_finish(struct spool *s, struct hs_error *err) MUST_CHECK;

/* Bytes taken so far. */
static inline uint64_t
spool_size(const struct spool *s)
{
	return s->flushed + s->n;
}

#endif
