/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What fuzzers share: their bytes as a file. */
#include "fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

struct fuzz_file
fuzz_file(const void *bytes, size_t n)
{
	struct fuzz_file f = { .fd = memfd_create("fuzz", MFD_CLOEXEC) };

	MUST(f.fd >= 0);
	for (size_t done = 0; done < n;) {
		ssize_t more = write(f.fd, (const char *)bytes + done, n - done);

		MUST(more > 0);
		done += (size_t)more;
	}
	snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
	return f;
}

void
fuzz_file_fini(struct fuzz_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}
