/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The allocators that we read, and those that we know by name only. */
#include "heap/allocators.h"

#include <elf.h>
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
	{ "*musl*/libc.so", "musl" }, /* Debian's */
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

/*
 * Of what is linked into the program seldom more than malloc() itself is exported;
 * but such messages are in its constants.
 */
static const struct {
	const char *text, *name;
} messages[] = {
	{ "<jemalloc>: ", "jemalloc" },          /* jemalloc 5.3, all over */
	{ "tcmalloc: large alloc", "tcmalloc" }, /* gperftools 2.10, src/tcmalloc.cc */
	{ "mimalloc: ", "mimalloc" },            /* mimalloc 2.0.9, src/options.c */
};

#define LENGTH(list) (sizeof(list) / sizeof *(list))

/* A pattern with a slash is one for the path. */
static bool
is_library(const struct module *m, const char *pattern)
{
	return !fnmatch(pattern, strchr(pattern, '/') ? m->path : m->name, 0);
}

static const char *
recognise_library(const struct image *image)
{
	for (size_t i = 0; i < LENGTH(libraries); i++)
		for (size_t m = 0; m < image->modules.n; m++)
			if (is_library(&image->modules.at[m], libraries[i].file))
				return libraries[i].name;
	return NULL;
}

static const char *
recognise_symbol(const struct image *image, const struct module *exe)
{
	for (size_t i = 0; i < LENGTH(linked); i++)
		if (module_exports(image, exe, linked[i].symbol))
			return linked[i].name;
	return NULL;
}

static const char *
recognise_message(const struct image *image, const struct module *exe)
{
	for (size_t s = 0; s < exe->segments.n; s++) {
		struct range r = exe->segments.at[s].range;
		const unsigned char *bytes;

		if (exe->segments.at[s].flags & PF_W)
			continue;
		for (uint64_t n; r.start < r.end; r.start += n) {
			n = space_stretch(image->space, r.start, range_size(r), &bytes);
			for (size_t i = 0; bytes && i < LENGTH(messages); i++)
				if (memmem(bytes, n, messages[i].text,
					strlen(messages[i].text)))
					return messages[i].name;
		}
	}
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

	if (name || !exe)
		return name;
	name = recognise_symbol(image, exe);
	if (!name && module_exports(image, exe, "malloc")) {
		name = recognise_message(image, exe);
		if (!name && !beside)
			name = "linked into it";
	}
	return name;
}
