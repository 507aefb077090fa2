/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The temporary file.
 *
 * A small compressed file can become a huge one, and cores are mostly zeros
 * in the best case.  So zeros are left out as holes, and what is not zero may
 * fill the disk only up to a rest that we leave to others: then it is an
 * error, and the file is gone.
 */
#include "core/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

enum {
	BUFFER = 1 << 20,
	BLOCK = 4096,        /* a hole is this long at least */
	LEFT_TO_OTHERS = 16, /* of the free space, one part in so many */
};

static int
open_in(const char *dir)
{
	char name[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

	/* Not every file system knows O_TMPFILE. */
	if (fd >= 0
	    || snprintf(name, sizeof name, "%s/heapscan.XXXXXX", dir) >= (int)sizeof name)
		return fd;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

bool
spool_open(struct spool *s, struct hs_error *err)
{
	const char *dirs[] = { getenv("TMPDIR"), "/var/tmp", "/tmp" };
	struct statvfs v;

	*s = SPOOL_EMPTY;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs && s->fd < 0; i++) {
		s->dir = dirs[i];
		if (s->dir && *s->dir)
			s->fd = open_in(s->dir);
	}
	if (s->fd < 0)
		return fail(err,
		    "no folder for a temporary file: set TMPDIR to one (/tmp: %s)",
		    strerror(errno));
	s->budget = UINT64_MAX;
	if (fstatvfs(s->fd, &v) == 0)
		s->budget = (uint64_t)v.f_bavail * v.f_frsize / LEFT_TO_OTHERS
		    * (LEFT_TO_OTHERS - 1);
	s->buffer = malloc(BUFFER);
	return s->buffer ? true : fail_nomem(err);
}

void
spool_close(struct spool *s)
{
	free(s->buffer);
	autoclose_run(&s->fd);
	*s = SPOOL_EMPTY;
}

unsigned char *
spool_room(struct spool *s, size_t *room)
{
	*room = BUFFER - s->n;
	return s->buffer + s->n;
}

static bool
no_room(const struct spool *s, struct hs_error *err)
{
	return fail(err,
	    "no room in %s for more than %llu MiB of it: set TMPDIR to a larger disk",
	    s->dir, (unsigned long long)spool_size(s) >> 20);
}

static bool
write_run(struct spool *s, size_t from, size_t to, struct hs_error *err)
{
	if (to - from > s->budget)
		return no_room(s, err);
	s->budget -= to - from;
	while (from < to) {
		ssize_t n = pwrite(s->fd, s->buffer + from, to - from,
		    (off_t)(s->flushed + from));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ENOSPC && errno != EDQUOT && errno != EFBIG)
			return fail_sys(err, s->dir);
		if (n <= 0)
			return no_room(s, err);
		from += (size_t)n;
	}
	return true;
}

static bool
is_zero(const unsigned char *bytes, size_t n)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

/* Blocks that are not zero, as long runs. */
static bool
flush(struct spool *s, struct hs_error *err)
{
	size_t run = 0;

	if (s->flushed > (uint64_t)INT64_MAX - BUFFER)
		return no_room(s, err);
	for (size_t at = 0; at < s->n;) {
		size_t n = s->n - at < BLOCK ? s->n - at : BLOCK;
		bool zero = is_zero(s->buffer + at, n);

		if (zero && at > run && !write_run(s, run, at, err))
			return false;
		at += n;
		if (zero)
			run = at;
	}
	if (s->n > run && !write_run(s, run, s->n, err))
		return false;
	s->flushed += s->n;
	s->n = 0;
	return true;
}

bool
spool_took(struct spool *s, size_t n, struct hs_error *err)
{
	s->n += n;
	return s->n < BUFFER || flush(s, err);
}

bool
spool_put(struct spool *s, const void *bytes, size_t n, struct hs_error *err)
{
	const unsigned char *from = bytes;

	while (n > 0) {
		size_t room;
		unsigned char *to = spool_room(s, &room);

		if (room > n)
			room = n;
		memcpy(to, from, room);
		from += room;
		n -= room;
		if (!spool_took(s, room, err))
			return false;
	}
	return true;
}

bool
spool_skip(struct spool *s, uint64_t n, struct hs_error *err)
{
	if (n == 0)
		return true;
	if (!flush(s, err))
		return false;
	if (n > (uint64_t)INT64_MAX - s->flushed)
		return no_room(s, err);
	s->flushed += n;
	return true;
}

bool
spool_finish(struct spool *s, struct hs_error *err)
{
	if (!flush(s, err))
		return false;
	return ftruncate(s->fd, (off_t)s->flushed) == 0 ? true : no_room(s, err);
}
