/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compressed cores.
 *
 * Each function below is the same loop: fill the input, let the library turn
 * it into bytes of the temporary file, and look how it ended.  A stream that
 * is cut or damaged is no failure: what came out is a cut core.  Several
 * streams one behind the other are one core, as for the tools that make them.
 */
#include "core/unpack.h"

#include "config.h"

#include <errno.h>
#include <string.h>

#ifdef HAVE_BZIP2
#include <bzlib.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_LZ4
#include <lz4frame.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

enum { MEMORY_MOST = 1 << 28 }; /* bytes that a decompressor may ask for */

bool
stream_fill(struct stream *s, struct hs_error *err)
{
	ssize_t n;

	if (s->n > 0)
		return true;
	if (!progress_bytes(s->progress, "reading", s->done, s->size, err))
		return false;
	do { /* a pipe gives a little at a time */
		n = read(s->fd, s->bytes + s->n, sizeof s->bytes - s->n);
		if (n > 0)
			s->n += (size_t)n;
	} while (n > 0 ? s->n < sizeof s->bytes : n < 0 && errno == EINTR);
	if (n < 0)
		return fail(err, "cannot read: %s", strerror(errno));
	s->done += s->n;
	return true;
}

/* Not compressed: from a pipe. */
static bool
copy(struct stream *in, struct spool *out, const char **why UNUSED, struct hs_error *err)
{
	for (;;) {
		if (!stream_fill(in, err))
			return false;
		if (in->n == 0)
			return true;
		if (!spool_put(out, in->bytes, in->n, err))
			return false;
		in->n = 0;
	}
}

#ifdef HAVE_ZLIB
static void
gzip_fini(z_stream *z)
{
	inflateEnd(z);
}

static bool
gunzip(struct stream *in, struct spool *out, const char **why, struct hs_error *err)
{
	scoped(gzip_fini) z_stream z = { .next_in = NULL };
	int status = Z_OK;
	uint64_t members = 0;

	if (inflateInit2(&z, MAX_WBITS + 16) != Z_OK) /* + 16: with gzip's header */
		return fail_nomem(err);
	for (;;) {
		size_t room;

		if (!stream_fill(in, err))
			return false;
		if (status == Z_STREAM_END) {
			members++;
			if (in->n == 0)
				return true;
			inflateReset(&z);
		}
		z.next_in = in->bytes;
		z.avail_in = (uInt)in->n;
		z.next_out = spool_room(out, &room);
		z.avail_out = (uInt)room;
		status = inflate(&z, Z_NO_FLUSH);
		room -= z.avail_out;
		if (!spool_took(out, room, err))
			return false;
		if (status == Z_MEM_ERROR)
			return fail_nomem(err);
		if (status == Z_BUF_ERROR && in->n == 0) {
			*why = "its end is missing";
			return true;
		}
		if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
			/* What pads a whole file is no damage. */
			if (members == 0 || z.total_out > 0)
				*why = "its compressed data is damaged";
			return true;
		}
		memmove(in->bytes, z.next_in, z.avail_in);
		in->n = z.avail_in;
	}
}
#else
#define gunzip NULL
#endif

#ifdef HAVE_LZMA
static void
xz_fini(lzma_stream *x)
{
	lzma_end(x);
}

static bool
unxz(struct stream *in, struct spool *out, const char **why, struct hs_error *err)
{
	scoped(xz_fini) lzma_stream x = LZMA_STREAM_INIT;
	lzma_ret status = lzma_stream_decoder(&x, MEMORY_MOST, LZMA_CONCATENATED);

	x.next_in = in->bytes;
	x.avail_in = in->n;
	while (status == LZMA_OK) {
		size_t room;

		if (x.avail_in == 0) {
			in->n = 0;
			if (!stream_fill(in, err))
				return false;
			x.next_in = in->bytes;
			x.avail_in = in->n;
		}
		x.next_out = spool_room(out, &room);
		x.avail_out = room;
		status = lzma_code(&x, in->n == 0 ? LZMA_FINISH : LZMA_RUN);
		if (!spool_took(out, room - x.avail_out, err))
			return false;
	}
	if (status == LZMA_MEM_ERROR)
		return fail_nomem(err);
	if (status == LZMA_MEMLIMIT_ERROR)
		return fail(err,
		    "needs more than 256 MiB to decompress: use xz -d first");
	if (status == LZMA_BUF_ERROR)
		*why = "its end is missing";
	else if (status != LZMA_STREAM_END)
		*why = "its compressed data is damaged";
	return true;
}
#else
#define unxz NULL
#endif

#ifdef HAVE_ZSTD
static void
zstd_fini(ZSTD_DCtx **z)
{
	ZSTD_freeDCtx(*z);
}

static bool
unzstd(struct stream *in, struct spool *out, const char **why, struct hs_error *err)
{
	scoped(zstd_fini) ZSTD_DCtx *z = ZSTD_createDCtx();
	size_t status = 0;
	bool full = false; /* the last call could have put out more */

	if (!z)
		return fail_nomem(err);
	for (;;) {
		ZSTD_outBuffer o = { .pos = 0 };
		ZSTD_inBuffer i = { .src = in->bytes, .pos = 0 };

		if (!full && !stream_fill(in, err))
			return false;
		i.size = in->n;
		if (!full && in->n == 0)
			break;
		o.dst = spool_room(out, &o.size);
		status = ZSTD_decompressStream(z, &o, &i);
		if (!spool_took(out, o.pos, err))
			return false;
		if (ZSTD_isError(status))
			break;
		full = o.pos == o.size;
		memmove(in->bytes, in->bytes + i.pos, in->n - i.pos);
		in->n -= i.pos;
	}
	if (!ZSTD_isError(status))
		*why = status == 0 ? NULL : "its end is missing";
	else if (strstr(ZSTD_getErrorName(status), "memory"))
		return fail(err,
		    "needs more than 128 MiB to decompress: use zstd -d --long=31 first");
	else
		*why = "its compressed data is damaged";
	return true;
}
#else
#define unzstd NULL
#endif

#ifdef HAVE_LZ4
static void
lz4_fini(LZ4F_dctx **z)
{
	LZ4F_freeDecompressionContext(*z);
}

/* A frame may have 4 MiB to put out yet when all of its input was taken. */
static bool
unlz4(struct stream *in, struct spool *out, const char **why, struct hs_error *err)
{
	scoped(lz4_fini) LZ4F_dctx *z = NULL;
	size_t status = 0;
	bool full = false; /* the last call could have put out more */

	if (LZ4F_isError(LZ4F_createDecompressionContext(&z, LZ4F_VERSION)))
		return fail_nomem(err);
	for (;;) {
		size_t room, taken, put;

		if (!full && !stream_fill(in, err))
			return false;
		if (!full && in->n == 0)
			break;
		void *to = spool_room(out, &room);
		put = room;
		taken = in->n;
		status = LZ4F_decompress(z, to, &put, in->bytes, &taken, NULL);
		if (LZ4F_isError(status))
			break;
		if (!spool_took(out, put, err))
			return false;
		full = put == room;
		memmove(in->bytes, in->bytes + taken, in->n - taken);
		in->n -= taken;
	}
	if (LZ4F_isError(status))
		*why = "its compressed data is damaged";
	else if (status != 0)
		*why = "its end is missing";
	return true;
}
#else
#define unlz4 NULL
#endif

#ifdef HAVE_BZIP2
static void
bzip2_fini(bz_stream *z)
{
	BZ2_bzDecompressEnd(z);
}

/* Puts out what z has, and says in *status how the library found it. */
static bool
bunzip2_some(bz_stream *z, struct stream *in, struct spool *out, size_t *put,
    int *status, struct hs_error *err)
{
	size_t room;

	z->next_in = (char *)in->bytes;
	z->avail_in = (unsigned)in->n;
	z->next_out = (char *)spool_room(out, &room);
	z->avail_out = (unsigned)room;
	*status = BZ2_bzDecompress(z);
	*put = room - z->avail_out;
	memmove(in->bytes, z->next_in, z->avail_in);
	in->n = z->avail_in;
	return spool_took(out, *put, err);
}

/* One stream.  *status: BZ_STREAM_END, or what is wrong; BZ_OK: it is cut. */
static bool
bunzip2_stream(struct stream *in, struct spool *out, int *status, struct hs_error *err)
{
	scoped(bzip2_fini) bz_stream z = { .next_in = NULL };
	size_t put;

	*status = BZ2_bzDecompressInit(&z, 0, 0);
	while (*status == BZ_OK) {
		if (!stream_fill(in, err))
			return false;
		bool end = in->n == 0;
		if (!bunzip2_some(&z, in, out, &put, status, err))
			return false;
		if (end && put == 0)
			break;
	}
	return *status == BZ_MEM_ERROR ? fail_nomem(err) : true;
}

static bool
bunzip2(struct stream *in, struct spool *out, const char **why, struct hs_error *err)
{
	for (uint64_t streams = 0;; streams++) {
		int status;

		if (!stream_fill(in, err))
			return false;
		if (in->n == 0)
			return true;
		if (!bunzip2_stream(in, out, &status, err))
			return false;
		if (status == BZ_STREAM_END)
			continue;
		if (status == BZ_OK)
			*why = "its end is missing";
		else if (status != BZ_DATA_ERROR_MAGIC || streams == 0)
			*why = "its compressed data is damaged";
		return true; /* what pads a whole file is no damage */
	}
}
#else
#define bunzip2 NULL
#endif

/* clang-format off */
static const struct format formats[] = {
	{ "gzip",  "\x1f\x8b",         2, "gzip -d",  gunzip },
	{ "xz",    "\xfd" "7zXZ\0",     6, "xz -d",    unxz },
	{ "zstd",  "\x28\xb5\x2f\xfd", 4, "zstd -d",  unzstd },
	{ "lz4",   "\x04\x22\x4d\x18", 4, "lz4 -d",   unlz4 },
	{ "bzip2", "BZh",              3, "bzip2 -d", bunzip2 },
};
/* clang-format on */

const struct format *
format_find(const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (n >= formats[i].magic_size
		    && memcmp(bytes, formats[i].magic, formats[i].magic_size) == 0)
			return &formats[i];
	return NULL;
}

bool
unpack(struct stream *in, struct spool *out, bool *cut, struct lines *notes,
    struct hs_error *err)
{
	const char *why = NULL;

	if (!stream_fill(in, err))
		return false;
	const struct format *f = format_find(in->bytes, in->n);
	if (f && !f->unpack)
		return fail(err,
		    "compressed with %s, which this build cannot read: use %s first",
		    f->name, f->advice);
	if (!(f ? f->unpack : copy)(in, out, &why, err))
		return false;
	if (why && spool_size(out) == 0)
		return fail(err, "nothing comes out of this %s file: %s", f->name, why);
	if (why) {
		*cut = true;
		lines_add(notes, "the %s file gave %llu bytes, then ended early: %s",
		    f->name, (unsigned long long)spool_size(out), why);
	}
	return spool_finish(out, err);
}
