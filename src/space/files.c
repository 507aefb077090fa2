/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding files on this host.
 *
 * A name that the core recorded is a hint, a build-id is proof: a file with
 * another one is worse than none, because everything read from it looks right.
 * Names come from the core and may lead anywhere, so only regular files are
 * opened and nothing below /dev, /proc and /sys.  No lookup leaves this host:
 * a debuginfod cache is read as far as someone else filled it.
 */
#include "space/files.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "space/parts.h"

struct search {
	const struct build_id *id;     /* what the core holds */
	bool debug;                    /* for the debug file */
	const struct core *core;       /* where the build-id is not known: */
	const struct file_mapping *as; /* to be held against what was mapped here */
	struct host_file *found;
	struct build_id other; /* of a file with that name, which was not taken */
	char other_path[PATH_MAX];
};

char *
recorded_name(const char *path)
{
	static const char gone[] = " (deleted)";
	size_t n = strlen(path), cut = sizeof gone - 1;

	return strndup(path,
	    n > cut && strcmp(path + n - cut, gone) == 0 ? n - cut : n);
}

const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool
leads_astray(const char *path)
{
	static const char *const not [] = { "/dev/", "/proc/", "/sys/" };
	char real[PATH_MAX];

	if (!realpath(path, real))
		return true;
	for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
		if (strncmp(real, not [i], strlen(not [i])) == 0)
			return true;
	return false;
}

/* For want of a build-id. */
static bool
agrees(const struct search *s, const struct host_file *h)
{
	hs_addr bias;

	return host_bias(h, s->as, &bias) && host_agrees(h, s->core, bias);
}

/* Is h what is looked for?  The first that is not is remembered, for the note. */
static bool
judge(struct search *s, struct host_file *h)
{
	h->verified = build_id_same(&h->id, s->id);
	if (s->id->size > 0 ? h->verified : agrees(s, h))
		return true;
	if (!*s->other_path) {
		s->other = h->id;
		strcpy(s->other_path, h->path);
	}
	return false;
}

/* Is s->found the file at the path that fmt makes? */
static bool PRINTF_LIKE(2, 3) try(struct search *s, const char *fmt, ...)
{
	scoped(host_autofree) struct host_file *h = NULL;
	char path[PATH_MAX];
	struct hs_error err;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(path, sizeof path, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof path || leads_astray(path))
		return false;
	h = host_open(path, &err);
	if (!h || !(host_is_program(h) || (s->debug && host_is_debug(h)))
	    || !judge(s, h))
		return false;
	s->found = take(&h);
	return true;
}

/* The cache that debuginfod's client keeps; where it lies is its manual's word. */
static bool
try_debuginfod(struct search *s, const char *hex)
{
	const char *kind = s->debug ? "debuginfo" : "executable";
	const char *cache = getenv("DEBUGINFOD_CACHE_PATH");
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && *cache)
		return try(s, "%s/%s/%s", cache, hex, kind);
	if (xdg && *xdg)
		return try(s, "%s/debuginfod_client/%s/%s", xdg, hex, kind);
	return home && try(s, "%s/.cache/debuginfod_client/%s/%s", home, hex, kind);
}

static bool
try_by_id(struct search *s, const struct lookup *how)
{
	static const char *const usual[] = { "/usr/lib/debug", NULL };
	const char *suffix = s->debug ? ".debug" : "";
	const char *const *dirs = how->debug_dirs ? how->debug_dirs : usual;
	char hex[BUILD_ID_TEXT];

	if (s->id->size < 2)
		return false;
	build_id_text(s->id, hex);
	if (how->sysroot
	    && try(s, "%s/usr/lib/debug/.build-id/%.2s/%s%s", how->sysroot, hex,
		hex + 2, suffix))
		return true;
	for (size_t i = 0; dirs[i]; i++)
		if (try(s, "%s/.build-id/%.2s/%s%s", dirs[i], hex, hex + 2, suffix))
			return true;
	return try_debuginfod(s, hex);
}

/* What the caller knows. */
static bool
try_offer(struct search *s, struct files *files)
{
	s->found = offers_by_id(files, s->id, s->debug);
	if (s->found)
		s->found->verified = true;
	return s->found;
}

static bool
try_offers_named(struct search *s, struct files *files, const char *name)
{
	for (size_t i = 0; offers_find_named(files, name, &i); i++)
		if (agrees(s, files->offers.at[i])) {
			s->found = offers_take(files, i);
			return true;
		}
	return false;
}

static bool
search_name(struct search *s, const char *name, const struct lookup *how)
{
	return (how->sysroot && try(s, "%s%s", how->sysroot, name))
	    || try(s, "%s", name) || try_by_id(s, how);
}

/* By the name, or by the build-id: one file may go by several names. */
static const struct host_file *
opened(const struct files *files, const struct search *s, const char *name)
{
	for (size_t i = 0; i < files->all.n; i++) {
		const struct host_file *h = files->all.at[i];

		if (!h->recorded)
			continue;
		if (s->id->size > 0 ? build_id_same(&h->id, s->id)
				    : strcmp(h->recorded, name) == 0
			    && (h->verified || h->given || agrees(s, h)))
			return h;
	}
	return NULL;
}

static bool
missed(const struct files *files, const char *name)
{
	for (size_t i = 0; i < files->missed.n; i++)
		if (strcmp(files->missed.at[i], name) == 0)
			return true;
	return false;
}

/* Silent about files that may be data: only a build-id says that it was code. */
static void
miss(struct files *files, char *name, const struct search *s)
{
	char in_core[BUILD_ID_TEXT], in_file[BUILD_ID_TEXT];

	build_id_text(s->id, in_core);
	if (*s->other_path && s->id->size > 0)
		lines_add(&files->notes,
		    "%s is another build: build-id %s in memory, %s in the file; not used",
		    s->other_path, in_core, build_id_text(&s->other, in_file));
	else if (*s->other_path)
		lines_add(&files->notes,
		    "%s: there is nothing to check it with, or it is another build; not used",
		    s->other_path);
	else if (s->id->size > 0)
		lines_add(&files->notes, "%s (build-id %s) was not found here",
		    name, in_core);
	if (vec_grow(&files->missed))
		vec_push(&files->missed, name);
	else
		free(name);
}

const struct host_file *
files_add(struct files *files, struct host_file *h, const char *recorded)
{
	h->recorded = recorded ? strdup(recorded) : NULL;
	if ((recorded && !h->recorded) || !vec_grow(&files->all)) {
		files->all.broke = true;
		host_free(h);
		return NULL;
	}
	vec_push(&files->all, h);
	return h;
}

const struct host_file *
files_open(struct files *files, const struct core *core,
    const struct file_mapping *as, const struct build_id *id, const struct lookup *how)
{
	struct search s = { .id = id, .core = core, .as = as };
	autofree char *name = recorded_name(as->path);

	if (!name)
		return NULL;
	const struct host_file *h = opened(files, &s, name);
	if (h || files->all.n + files->missed.n >= FILES_MOST)
		return h;
	if (try_offer(&s, files)
	    || (id->size == 0 && try_offers_named(&s, files, name)))
		return files_add(files, s.found, name);
	if (*name != '/' || missed(files, name))
		return NULL;
	if (search_name(&s, name, how))
		return files_add(files, s.found, name);
	miss(files, take(&name), &s);
	return NULL;
}

const struct host_file *
files_open_debug(struct files *files, const struct build_id *id,
    const struct lookup *how)
{
	struct search s = { .id = id, .debug = true };

	for (size_t i = 0; i < files->all.n; i++)
		if (!files->all.at[i]->recorded
		    && build_id_same(&files->all.at[i]->id, id))
			return files->all.at[i];
	return try_offer(&s, files) || try_by_id(&s, how)
	    ? files_add(files, s.found, NULL)
	    : NULL;
}

void
files_fini(struct files *files)
{
	for (size_t i = 0; i < files->all.n; i++)
		host_free(files->all.at[i]);
	for (size_t i = 0; i < files->offers.n; i++)
		host_free(files->offers.at[i]);
	for (size_t i = 0; i < files->missed.n; i++)
		free(files->missed.at[i]);
	vec_free(&files->all);
	vec_free(&files->offers);
	vec_free(&files->missed);
	lines_free(&files->notes);
}
