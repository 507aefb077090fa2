/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compressed cores, and cores that come through a pipe. */
#ifndef CORE_UNPACK_H
#define CORE_UNPACK_H

#include "base/line.h"
#include "base/progress.h"
#include "core/spool.h"

enum { STREAM_BUFFER = 1 << 16, MAGIC_MOST = 6 };

/* Bytes that are read once, from the first to the last. */
struct stream {
	int fd;
	uint64_t size; /* of the file, for progress; 0: unknown */
	uint64_t done; /* bytes read so far */
	unsigned char bytes[STREAM_BUFFER];
	size_t n; /* bytes there that nobody has taken */
	const struct progress *progress;
};

/* How a compression is told and undone; see core/unpack.c.  To add one, write
 * a function that undoes it and name it in formats[]. */
struct format {
	const char *name;
	const char *magic; /* MAGIC_MOST bytes at most */
	size_t magic_size;
	const char *advice; /* how to do without us */
	/* NULL: not in this build.  Sets *why to a constant when the stream ends
	 * early or is damaged: what came out until then is kept. */
	bool (*unpack)(struct stream *in, struct spool *out, const char **why,
	    struct hs_error *err);
};

/* The compression that begins with these n bytes; NULL: none that we know. */
const struct format *format_find(const unsigned char *bytes, size_t n);

/* Fills s->bytes when it is empty; s->n is 0 at the end. */
bool stream_fill(struct stream *s, struct hs_error *err) MUST_CHECK;

/*
 * All of *in to *out, decompressed when it is compressed.  *cut when it ended
 * early or was damaged: a line in *notes says so.
 */
bool unpack(struct stream *in, struct spool *out, bool *cut, struct lines *notes,
    struct hs_error *err) MUST_CHECK;

#endif
