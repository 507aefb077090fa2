/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that the caller knows.
 *
 * A debugger has found the program's files in ways of its own, and perhaps was
 * told of some by hand.  It does not say which file is what; their build-ids
 * do.  So all are opened once, and sorted: a large program has a thousand
 * libraries, and each is looked up a few times.
 *
 * A name means nothing but where the build-id of what was mapped is not known.
 * Then a file of that name may be it, and whoever asks holds it against the
 * core.
 */
#include "space/parts.h"

static int
by_id(const struct build_id *a, const struct build_id *b)
{
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->size);
}

/* The order of files that are one build is anyone's, but always the same. */
static int
offer_cmp(const void *one, const void *other)
{
	const struct host_file *a = *(const struct host_file *const *)one;
	const struct host_file *b = *(const struct host_file *const *)other;
	int order = by_id(&a->id, &b->id);

	return order ? order : strcmp(a->path, b->path);
}

void
offers_open(struct files *files, const char *const *paths)
{
	struct hs_error why;

	for (; paths && *paths && files->offers.n < FILES_MOST; paths++) {
		/* even below /proc: nobody but the caller named it */
		scoped(host_autofree) struct host_file *h = host_open(*paths, &why);

		if (h && (host_is_program(h) || host_is_debug(h))
		    && vec_grow(&files->offers))
			vec_push(&files->offers, take(&h));
	}
	vec_sort(&files->offers, offer_cmp);
}

struct host_file *
offers_take(struct files *files, size_t i)
{
	struct host_file **at = files->offers.at + i, *h = *at;

	memmove(at, at + 1, (--files->offers.n - i) * sizeof *at);
	return h;
}

/* How many come before those with this build-id. */
static size_t
count_before(const struct files *files, const struct build_id *id)
{
	size_t low = 0, high = files->offers.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_id(&files->offers.at[mid]->id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * A program that was not stripped is its own debug file; a stripped one is
 * none, and must not hide one that lies elsewhere.
 */
struct host_file *
offers_by_id(struct files *files, const struct build_id *id, bool debug)
{
	size_t whole = SIZE_MAX;

	for (size_t i = count_before(files, id);
	     i < files->offers.n && build_id_same(&files->offers.at[i]->id, id); i++) {
		if (host_is_debug(files->offers.at[i]) == debug)
			return offers_take(files, i);
		if (debug && whole == SIZE_MAX && host_has_symbols(files->offers.at[i]))
			whole = i;
	}
	return whole == SIZE_MAX ? NULL : offers_take(files, whole);
}

bool
offers_find_named(const struct files *files, const char *name, size_t *i)
{
	name = base_name(name);
	for (; *i < files->offers.n; ++*i)
		if (strcmp(base_name(files->offers.at[*i]->path), name) == 0
		    && host_is_program(files->offers.at[*i]))
			return true;
	return false;
}
