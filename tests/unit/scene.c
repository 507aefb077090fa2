/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenes: see scene.h. */
#include "unit/scene.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

/* A test that cannot set its scene is wrong, and ends. */
static void
must(bool done, const char *what)
{
	if (done)
		return;
	perror(what);
	abort();
}

void
scene_init(struct scene *s)
{
	*s = (struct scene) { .tiny = TINY_EMPTY, .dir = "/tmp/heapscan-test.XXXXXX" };
	must(mkdtemp(s->dir), s->dir);
	snprintf(s->program, sizeof s->program, "%s/program", s->dir);
	tiny_program(s->bytes, 0x11);
}

static int
remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED,
    struct FTW *ftw UNUSED)
{
	return remove(path);
}

void
scene_fini(struct scene *s)
{
	space_fini(&s->space);
	core_fini(&s->core);
	tiny_fini(&s->tiny);
	nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void
scene_save(const char *path, const void *bytes, size_t n)
{
	char folder[256];

	for (const char *c = path + 1; (c = strchr(c, '/')); c++) {
		snprintf(folder, sizeof folder, "%.*s", (int)(c - path), path);
		mkdir(folder, 0700);
	}
	FILE *f = fopen(path, "we");
	must(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0, path);
}

void
scene_map(struct scene *s, uint64_t at, const char *recorded)
{
	uint64_t auxv[] = { AT_PHDR, at + 64, AT_PHNUM, 4, AT_ENTRY, at + 0x1010 };

	tiny_page(&s->tiny, at, s->bytes, 4096, PF_R);
	tiny_segment(&s->tiny, at + 0x1000, 0x1000, 0, PF_R | PF_X);
	tiny_page(&s->tiny, at + 0x2000, s->bytes + 0x2000, 4096, PF_R | PF_W);
	tiny_map(&s->tiny, at, at + 0x1000, 0, recorded);
	tiny_map(&s->tiny, at + 0x1000, at + 0x2000, 1, recorded);
	tiny_map(&s->tiny, at + 0x2000, at + 0x3000, 2, recorded);
	tiny_auxv(&s->tiny, auxv, 3);
}

bool
scene_build(struct scene *s)
{
	return tiny_open(&s->tiny, &s->core, &s->err)
	    && space_build(&s->space, &s->core, &s->how, &s->err);
}

bool
scene_says(const struct scene *s, const char *what)
{
	for (size_t i = 0; i < s->space.files.notes.n; i++)
		if (strstr(s->space.files.notes.at[i], what))
			return true;
	return false;
}

enum source
scene_source(const struct scene *s, hs_addr a)
{
	const struct piece *p = space_at(&s->space, a);

	return p ? p->source : SOURCE_NOWHERE;
}

bool
scene_hole(const struct scene *s, hs_addr a)
{
	for (size_t i = 0; i < s->space.holes.n; i++)
		if (range_has(s->space.holes.at[i].range, a))
			return true;
	return false;
}
