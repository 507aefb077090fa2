/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of --json=FILE.
 *
 * It is opened when every other file is, before the sandbox closes, and not
 * emptied before there is something to put into it: what is there from the last
 * time outlives an analysis that fails.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool
complain(const struct request *r, struct hs_error *err)
{
	snprintf(err->text, sizeof err->text, "%s: %s", r->file_path, strerror(errno));
	err->status = HS_FAILED;
	return false;
}

bool
file_write(void *request, const char *text, size_t n)
{
	struct request *r = request;

	if (!r->file_begun) /* a pipe has no length, and needs none */
		(void)!ftruncate(fileno(r->file), 0);
	r->file_begun = true;
	if (fwrite(text, 1, n, r->file) == n)
		return true;
	r->file_error = errno;
	return false;
}

bool
file_open(struct request *r, struct hs_error *err)
{
	if (!r->file_path)
		return true;
	int fd = open(r->file_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0)
		return complain(r, err);
	r->file = fdopen(fd, "w");
	if (r->file)
		return true;
	complain(r, err);
	close(fd);
	return false;
}

bool
file_close(struct request *r, struct hs_error *err)
{
	FILE *f = r->file;

	r->file = NULL;
	if (f && fclose(f) != 0 && !r->file_error)
		r->file_error = errno;
	errno = r->file_error;
	return errno == 0 || errno == EPIPE ? true : complain(r, err);
}
