/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that the caller knows, and files without a build-id. */
#include "scan.h"
#include "unit/check.h"
#include "unit/scene.h"

#include <stddef.h>
#include <sys/stat.h>

/* A path in the scene's folder, written to `to`. */
static const char *
in_dir(const struct scene *s, char to[256], const char *name)
{
	snprintf(to, 256, "%s/%s", s->dir, name);
	return to;
}

/* Was this file taken, and no other? */
static bool
took(const struct scene *s, const char *path)
{
	const struct files *f = &s->space.files;

	return f->all.n == 1 && strcmp(f->all.at[0]->path, path) == 0;
}

/* A program with a dynamic section, the same for each salt; id: as in tiny_program(). */
static void
make_dynamic(unsigned char program[TINY_PROGRAM], unsigned char id, uint64_t salt)
{
	enum { ENTRIES = 10, AT = 0x2100 };
	Elf64_Phdr p = { .p_type = PT_DYNAMIC,
		.p_offset = AT,
		.p_vaddr = AT,
		.p_filesz = ENTRIES * sizeof(Elf64_Dyn) };
	Elf64_Dyn entries[ENTRIES] = { { .d_tag = DT_NULL } };

	tiny_program(program, id);
	program[offsetof(Elf64_Ehdr, e_phnum)] = 5;
	for (unsigned i = 0; i + 1 < ENTRIES; i++) {
		entries[i].d_tag = DT_STRSZ;
		entries[i].d_un.d_val = salt + i;
	}
	memcpy(program + sizeof(Elf64_Ehdr) + 4 * sizeof p, &p, sizeof p);
	memcpy(program + AT, entries, sizeof entries);
}

enum strip { STRIPPED, WHOLE, DEBUG };

/* What strip makes of a program: with its code and symbols, or one of the two. */
static void
make_sections(unsigned char program[TINY_PROGRAM], enum strip what)
{
	enum { AT = 0x400 };
	Elf64_Shdr sections[2] = {
		{ .sh_type = what == DEBUG ? SHT_NOBITS : SHT_PROGBITS,
		    .sh_flags = SHF_EXECINSTR },
		{ .sh_type = what == STRIPPED ? SHT_PROGBITS : SHT_SYMTAB },
	};
	Elf64_Ehdr elf;

	memcpy(&elf, program, sizeof elf);
	elf.e_shoff = AT;
	elf.e_shnum = 2;
	elf.e_shentsize = sizeof *sections;
	memcpy(program, &elf, sizeof elf);
	memcpy(program + AT, sections, sizeof sections);
}

static void
file_of_the_caller_is_taken_whatever_its_name(void)
{
	scoped(scene_fini) struct scene s;
	char offer[256], root[256], below[400];

	scene_init(&s);
	const char *const files[] = { in_dir(&s, offer, "elsewhere/some.so"), NULL };
	snprintf(below, sizeof below, "%s%s", in_dir(&s, root, "root"), s.program);
	scene_save(offer, s.bytes, sizeof s.bytes);
	scene_save(below, s.bytes, sizeof s.bytes);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	s.how.files = files;
	s.how.sysroot = root;
	scene_map(&s, 0x10000, s.program);
	CHECK(scene_build(&s));
	CHECK(took(&s, offer) && s.space.files.all.at[0]->verified);
	CHECK(scene_source(&s, 0x11000) == SOURCE_FILE);
	CHECK(s.space.files.offers.n == 0 && s.space.files.notes.n == 0);
}

static void
file_of_the_caller_serves_a_mapping_without_a_path(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	const char *const files[] = { s.program, NULL };
	scene_save(s.program, s.bytes, sizeof s.bytes);
	s.how.files = files;
	scene_map(&s, 0x10000, "program");
	CHECK(scene_build(&s));
	CHECK(took(&s, s.program) && scene_source(&s, 0x11000) == SOURCE_FILE);
}

/* Each of many finds its own, in whatever order they are named. */
static void
files_of_the_caller_are_told_by_their_build_ids(void)
{
	enum { MANY = 9 };
	scoped(scene_fini) struct scene s;
	static unsigned char programs[MANY][TINY_PROGRAM];
	char paths[MANY][256];
	const char *files[MANY + 1] = { NULL };

	scene_init(&s);
	for (unsigned i = 0; i < MANY; i++) {
		unsigned other = i * 4 % MANY;

		snprintf(paths[i], sizeof *paths, "%s/%u", s.dir, i);
		tiny_program(programs[i], (unsigned char)(i + 1));
		scene_save(paths[i], programs[i], TINY_PROGRAM);
		files[other] = paths[i];
		if (i == MANY / 2)
			continue; /* one that nothing asks for */
		tiny_page(&s.tiny, 0x10000 * (i + 1), programs[i], 4096, PF_R);
		tiny_map(&s.tiny, 0x10000 * (i + 1), 0x10000 * (i + 1) + 0x1000, 0,
		    "/gone");
	}
	s.how.files = files;
	CHECK(tiny_open(&s.tiny, &s.core, &s.err));
	CHECK(space_build(&s.space, &s.core, &s.how, &s.err));
	for (size_t i = 0; i < s.core.files.n; i++) {
		struct file_mapping *f = &s.core.files.at[i * 5 % (MANY - 1)];
		struct build_id id = build_id_at(&s.core, f->range.start);
		const struct host_file *h =
		    files_open(&s.space.files, &s.core, f, &id, &s.how);

		CHECK(h && build_id_same(&h->id, &id));
	}
	CHECK(s.core.files.n == MANY - 1 && s.space.files.all.n == MANY - 1);
	CHECK(s.space.files.offers.n == 1);
}

static void
file_of_the_caller_of_another_build_is_passed_over(void)
{
	for (int there = 0; there < 2; there++) {
		scoped(scene_fini) struct scene s;
		unsigned char other[TINY_PROGRAM];
		char offer[256];

		scene_init(&s);
		const char *const files[] = { in_dir(&s, offer, "offer/program"), NULL };
		tiny_program(other, 0x22);
		scene_save(offer, other, sizeof other);
		if (there)
			scene_save(s.program, s.bytes, sizeof s.bytes);
		s.how.files = files;
		scene_map(&s, 0x10000, s.program);
		CHECK(scene_build(&s));
		if (there)
			CHECK(took(&s, s.program) && s.space.files.notes.n == 0);
		else
			CHECK(s.space.files.all.n == 0 && s.space.files.notes.n == 1
			    && scene_says(&s, "was not found here"));
	}
}

/* Whatever a debugger calls a file: nothing waits, nothing fails, nothing is said. */
static void
names_of_the_caller_that_lead_nowhere_are_passed_over(void)
{
	scoped(scene_fini) struct scene s;
	char pipe[256], text[256], empty[256];

	scene_init(&s);
	const char *const files[] = { "", "/", s.dir, in_dir(&s, pipe, "pipe"),
		in_dir(&s, text, "text"), in_dir(&s, empty, "empty"), "/dev/null",
		"/proc/self/maps", "target:/lib/x.so",
		"system-supplied DSO at 0x7ffff7fc1000", s.program, NULL };
	CHECK(mkfifo(pipe, 0600) == 0);
	scene_save(text, "not a program", 13);
	scene_save(empty, "", 0);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	s.how.files = files;
	scene_map(&s, 0x10000, "/no/such/program");
	CHECK(scene_build(&s));
	CHECK(took(&s, s.program));
	CHECK(s.space.files.offers.n == 0 && s.space.files.notes.n == 0);
}

/* ---- Without a build-id */

static void
without_build_id_a_file_of_the_name_must_agree(void)
{
	for (int agrees = 0; agrees < 2; agrees++) {
		scoped(scene_fini) struct scene s;
		unsigned char file[TINY_PROGRAM];

		scene_init(&s);
		make_dynamic(s.bytes, 0, 100);
		make_dynamic(file, 0, agrees ? 100 : 200);
		scene_save(s.program, file, sizeof file);
		scene_map(&s, 0x10000, s.program);
		CHECK(scene_build(&s));
		CHECK(agrees ? took(&s, s.program) : s.space.files.all.n == 0);
		CHECK(agrees != scene_says(&s, "it is another build; not used"));
		if (agrees)
			CHECK(!s.space.files.all.at[0]->verified);
	}
}

/* The places are asked in turn until one has a file that agrees. */
static void
file_that_does_not_agree_hides_none_that_does(void)
{
	scoped(scene_fini) struct scene s;
	unsigned char other[TINY_PROGRAM];
	char offer[256], root[256], below[400];

	scene_init(&s);
	const char *const files[] = { in_dir(&s, offer, "offer/program"), NULL };
	snprintf(below, sizeof below, "%s%s", in_dir(&s, root, "root"), s.program);
	make_dynamic(s.bytes, 0, 100);
	make_dynamic(other, 0, 200);
	scene_save(offer, other, sizeof other);
	scene_save(below, other, sizeof other);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	s.how.files = files;
	s.how.sysroot = root;
	scene_map(&s, 0x10000, s.program);
	CHECK(scene_build(&s));
	CHECK(took(&s, s.program) && s.space.files.notes.n == 0);
	CHECK(scene_source(&s, 0x11000) == SOURCE_FILE);
}

/* Of the caller's only those that have the name: the second agrees. */
static void
without_build_id_the_callers_file_needs_the_name(void)
{
	scoped(scene_fini) struct scene s;
	unsigned char other[TINY_PROGRAM];
	char name[256], wrong[256], right[256];

	scene_init(&s);
	make_dynamic(s.bytes, 0, 100);
	make_dynamic(other, 0, 200);
	const char *files[] = { in_dir(&s, name, "a/other"),
		in_dir(&s, wrong, "b/program"), in_dir(&s, right, "c/program"), NULL };
	scene_save(name, s.bytes, sizeof s.bytes);
	scene_save(wrong, other, sizeof other);
	scene_save(right, s.bytes, sizeof s.bytes);
	s.how.files = files;
	scene_map(&s, 0x10000, "/no/such/program (deleted)");
	CHECK(scene_build(&s));
	CHECK(took(&s, right) && !s.space.files.all.at[0]->verified);
	CHECK(s.space.files.offers.n == 2);
}

/* Replaced while it ran, and loaded again: one name, two builds. */
static void
one_name_may_be_two_builds(void)
{
	scoped(scene_fini) struct scene s;
	unsigned char other[TINY_PROGRAM];
	char deleted[256];

	scene_init(&s);
	make_dynamic(s.bytes, 0, 100);
	make_dynamic(other, 0, 200);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	scene_map(&s, 0x10000, s.program);
	snprintf(deleted, sizeof deleted, "%s (deleted)", s.program);
	tiny_page(&s.tiny, 0x20000, other, 4096, PF_R);
	tiny_segment(&s.tiny, 0x21000, 0x1000, 0, PF_R | PF_X);
	tiny_page(&s.tiny, 0x22000, other + 0x2000, 4096, PF_R | PF_W);
	for (unsigned i = 0; i < 3; i++)
		tiny_map(&s.tiny, 0x20000 + i * 0x1000, 0x21000 + i * 0x1000, i,
		    deleted);
	CHECK(scene_build(&s));
	CHECK(took(&s, s.program));
	CHECK(scene_source(&s, 0x11000) == SOURCE_FILE);
	CHECK(scene_source(&s, 0x21000) == SOURCE_NOWHERE);
}

/* Where there is proof to be had, nothing less will do. */
static void
without_its_build_id_the_callers_file_is_not_taken_for_one_that_has(void)
{
	scoped(scene_fini) struct scene s;
	unsigned char file[TINY_PROGRAM];

	scene_init(&s);
	const char *const files[] = { s.program, NULL };
	make_dynamic(s.bytes, 0x11, 100);
	make_dynamic(file, 0, 100);
	scene_save(s.program, file, sizeof file);
	s.how.files = files;
	scene_map(&s, 0x10000, "/no/such/program");
	CHECK(scene_build(&s));
	CHECK(s.space.files.all.n == 0 && s.space.files.offers.n == 1);
}

/* ---- Debug files */

/* The debug file that is found when the caller knows a file like this. */
static const char *
debug_file(struct scene *s, enum strip what, char offer[256], char usual[256])
{
	static const char *dirs[2], *files[2];
	unsigned char file[TINY_PROGRAM];
	const struct host_file *h;

	dirs[0] = s->dir;
	files[0] = in_dir(s, offer, "offer");
	tiny_program(file, 0x11);
	make_sections(file, what);
	scene_save(offer, file, sizeof file);
	scene_save(s->program, s->bytes, sizeof s->bytes);
	scene_save(in_dir(s, usual, ".build-id/11/11111111111111.debug"), s->bytes,
	    sizeof s->bytes);
	s->how =
	    (struct lookup) { .exe = s->program, .files = files, .debug_dirs = dirs };
	scene_map(s, 0x10000, s->program);
	if (!scene_build(s) || remove(offer) != 0)
		return NULL;
	struct build_id id = build_id_at(&s->core, 0x10000);
	h = files_open_debug(&s->space.files, &id, &s->how);
	return h == files_open_debug(&s->space.files, &id, &s->how) && h->verified
	    ? h->path
	    : NULL;
}

/* It was removed meanwhile: each is opened once, and kept. */
static void
callers_debug_file_comes_before_the_usual_one(void)
{
	for (enum strip what = STRIPPED; what <= DEBUG; what++) {
		scoped(scene_fini) struct scene s;
		char offer[256], usual[256];

		scene_init(&s);
		const char *path = debug_file(&s, what, offer, usual);
		CHECK(path && strcmp(path, what == STRIPPED ? usual : offer) == 0);
	}
}

static void
debug_file_is_preferred_to_a_whole_program(void)
{
	scoped(scene_fini) struct scene s;
	unsigned char file[TINY_PROGRAM];
	char whole[256], debug[256];

	scene_init(&s);
	const char *const files[] = { in_dir(&s, whole, "a"),
		in_dir(&s, debug, "b"), s.program, NULL };
	memcpy(file, s.bytes, sizeof file);
	make_sections(file, WHOLE);
	scene_save(whole, file, sizeof file);
	make_sections(file, DEBUG);
	scene_save(debug, file, sizeof file);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	s.how.files = files;
	scene_map(&s, 0x10000, s.program);
	CHECK(scene_build(&s));
	CHECK(took(&s, whole));
	struct build_id id = build_id_at(&s.core, 0x10000);
	const struct host_file *h = files_open_debug(&s.space.files, &id, &s.how);
	CHECK(h && strcmp(h->path, debug) == 0);
}

static void
debug_file_is_no_program(void)
{
	scoped(scene_fini) struct scene s;
	unsigned char file[TINY_PROGRAM];

	scene_init(&s);
	const char *const files[] = { s.program, NULL };
	memcpy(file, s.bytes, sizeof file);
	make_sections(file, DEBUG);
	scene_save(s.program, file, sizeof file);
	s.how.files = files;
	scene_map(&s, 0x10000, "/no/such/program");
	CHECK(scene_build(&s));
	CHECK(s.space.files.all.n == 0 && s.space.files.offers.n == 1);
}

/* ---- From the door */

/* Opens a core of the program that has no list of files, but in memory its path. */
static struct hs_scan *
open_unlisted(struct scene *s, const char *path, struct hs_options o)
{
	enum { PATH_AT = 0x2e00 };
	uint64_t auxv[] = { AT_PHDR, 0x10000 + 64, AT_EXECFN, 0x10000 + PATH_AT };
	struct hs_error err;

	memcpy(s->bytes + PATH_AT, path, strlen(path) + 1);
	tiny_page(&s->tiny, 0x10000, s->bytes, 4096, PF_R);
	tiny_segment(&s->tiny, 0x11000, 0x1000, 0, PF_R | PF_X);
	tiny_page(&s->tiny, 0x12000, s->bytes + 0x2000, 4096, PF_R | PF_W);
	tiny_auxv(&s->tiny, auxv, 2);
	tiny_make(&s->tiny);
	tiny_put(&s->tiny, s->tiny.image.at, s->tiny.image.n);
	o.core = s->tiny.path;
	return hs_open(&o, &err);
}

/* The file of its only module, or NULL. */
static const char *
file_of_it(const struct hs_scan *scan)
{
	const struct host_file *h = scan && scan->image.modules.n == 1
	    ? scan->image.modules.at[0].file
	    : NULL;

	return h ? h->path : NULL;
}

static void
files_in_options_are_used(void)
{
	scoped(scene_fini) struct scene s;
	char offer[256];

	scene_init(&s);
	const char *const files[] = { in_dir(&s, offer, "elsewhere"), NULL };
	scene_save(offer, s.bytes, sizeof s.bytes);
	struct hs_scan *scan =
	    open_unlisted(&s, "prog", (struct hs_options) { .files = files });
	CHECK(file_of_it(scan) && strcmp(file_of_it(scan), offer) == 0);
	hs_close(scan);
}

/* Without build-ids: that it was given is enough. */
static void
program_without_a_path_is_the_one_that_was_given(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	tiny_program(s.bytes, 0);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	struct hs_scan *scan =
	    open_unlisted(&s, "prog", (struct hs_options) { .exe = s.program });
	CHECK(file_of_it(scan) && strcmp(file_of_it(scan), s.program) == 0);
	hs_close(scan);
}

static void
module_without_a_mapping_is_checked_as_well(void)
{
	for (int agrees = 0; agrees < 2; agrees++) {
		scoped(scene_fini) struct scene s;
		unsigned char file[TINY_PROGRAM];

		scene_init(&s);
		make_dynamic(s.bytes, 0, 100);
		make_dynamic(file, 0, agrees ? 100 : 200);
		scene_save(s.program, file, sizeof file);
		struct hs_scan *scan =
		    open_unlisted(&s, s.program, (struct hs_options) { .exe = NULL });
		CHECK(!!file_of_it(scan) == agrees);
		hs_close(scan);
	}
}

TESTS(file_of_the_caller_is_taken_whatever_its_name,
    file_of_the_caller_serves_a_mapping_without_a_path,
    files_of_the_caller_are_told_by_their_build_ids,
    file_of_the_caller_of_another_build_is_passed_over,
    names_of_the_caller_that_lead_nowhere_are_passed_over,
    without_build_id_a_file_of_the_name_must_agree,
    file_that_does_not_agree_hides_none_that_does,
    without_build_id_the_callers_file_needs_the_name, one_name_may_be_two_builds,
    callers_debug_file_comes_before_the_usual_one,
    debug_file_is_preferred_to_a_whole_program, files_in_options_are_used,
    program_without_a_path_is_the_one_that_was_given,
    module_without_a_mapping_is_checked_as_well,
    without_its_build_id_the_callers_file_is_not_taken_for_one_that_has,
    debug_file_is_no_program)
