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

/*
 * A malloc that is linked into the program is exported, so that libraries use
 * it, too: a linker sees to that, and strip leaves it.
 */
static const char *
recognise_own(const struct image *image)
{
	for (size_t m = 0; m < image->modules.n; m++)
		if (image->modules.at[m].is_exe
		    && module_exports(image, &image->modules.at[m], "malloc"))
			return "linked into it";
	return NULL;
}

const char *
recognise_other(const struct image *image)
{
	for (size_t i = 0; i < sizeof recognised / sizeof *recognised; i++)
		for (size_t m = 0; m < image->modules.n; m++)
			if (strncmp(image->modules.at[m].name,
				recognised[i].library, strlen(recognised[i].library))
			    == 0)
				return recognised[i].name;
	return recognise_own(image);
}
