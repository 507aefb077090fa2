/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The allocators that we read, and those that we know by name only. */
#include "heap/allocators.h"

#include <fnmatch.h>

const struct allocator *const allocators[] = {
	&glibc_allocator,
	NULL,
};

const struct allocator *const inner_allocators[] = {
	&pymalloc_allocator,
	NULL,
};

/* By patterns for the names of their files. */
static const struct {
	const char *file, *name;
} libraries[] = {
	{ "libjemalloc.so*", "jemalloc" },
	{ "libtcmalloc*.so*", "tcmalloc" },
	{ "libmimalloc*.so*", "mimalloc" },
	{ "libtbbmalloc.so*", "TBB malloc" },
	{ "libhoard.so*", "Hoard" },
	{ "ld-musl-*", "musl" },
	{ "libc.musl-*", "musl" },
	/* without a global lock, since 3.13: Python/pystate.c, _PyMem_mi_heap */
	{ "libpython3.*t.so*", "CPython's mimalloc" },
	{ "python3.[0-9]*t", "CPython's mimalloc" },
};

/*
 * What they export when they are linked into the program: a linker sees to that, so
 * that libraries use them, too, and strip leaves it.
 */
static const struct {
	const char *symbol, *name;
} linked[] = {
	{ "mallctl", "jemalloc" },       /* jemalloc 5.3, src/jemalloc.c */
	{ "je_mallctl", "jemalloc" },    /* with its usual prefix */
	{ "_rjem_mallctl", "jemalloc" }, /* Rust's */
	{ "tc_malloc", "tcmalloc" },     /* gperftools 2.10, src/tcmalloc.cc */
	/* Google's own: tcmalloc/internal_malloc_extension.h */
	{ "MallocExtension_Internal_GetStats", "tcmalloc" },
	{ "mi_malloc", "mimalloc" }, /* mimalloc 2.0.9, src/alloc.c */
	{ "scalable_malloc", "TBB malloc" },
};

#define LENGTH(list) (sizeof(list) / sizeof *(list))

static const char *
recognise_library(const struct image *image)
{
	for (size_t i = 0; i < LENGTH(libraries); i++)
		for (size_t m = 0; m < image->modules.n; m++)
			if (!fnmatch(libraries[i].file, image->modules.at[m].name, 0))
				return libraries[i].name;
	return NULL;
}

static const struct module *
program(const struct image *image)
{
	for (size_t m = 0; m < image->modules.n; m++)
		if (image->modules.at[m].is_exe)
			return &image->modules.at[m];
	return NULL;
}

const char *
recognise_other(const struct image *image, bool beside)
{
	const char *name = recognise_library(image);
	const struct module *exe = program(image);

	for (size_t i = 0; !name && exe && i < LENGTH(linked); i++)
		if (module_exports(image, exe, linked[i].symbol))
			name = linked[i].name;
	if (!name && !beside && exe && module_exports(image, exe, "malloc"))
		name = "linked into it";
	return name;
}
