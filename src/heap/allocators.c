/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The allocators that we read, and those that we know by name only. */
#include "heap/allocators.h"

extern const struct allocator glibc_allocator;

const struct allocator *const allocators[] = {
	&glibc_allocator,
	NULL,
};

/* By how the file names of their libraries begin. */
static const struct {
	const char *library, *name;
} recognised[] = {
	{ "libjemalloc.", "jemalloc" },
	{ "libtcmalloc", "tcmalloc" },
	{ "libmimalloc", "mimalloc" },
	{ "libtbbmalloc", "TBB malloc" },
	{ "libhoard", "Hoard" },
	{ "ld-musl-", "musl" },
	{ "libc.musl-", "musl" },
};

const char *
recognise_other(const struct image *image)
{
	for (size_t i = 0; i < sizeof recognised / sizeof *recognised; i++)
		for (size_t m = 0; m < image->modules.n; m++)
			if (strncmp(image->modules.at[m].name,
				recognised[i].library, strlen(recognised[i].library))
			    == 0)
				return recognised[i].name;
	return NULL;
}
