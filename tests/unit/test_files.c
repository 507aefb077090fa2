/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files on this host: which are found, and which of them are believed. */
#include "unit/check.h"
#include "unit/scene.h"

#include <sys/stat.h>

static void
code_is_read_from_the_file_with_the_build_id(void)
{
	scoped(scene_fini) struct scene s;
	unsigned char byte;

	scene_init(&s);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	scene_map(&s, 0x10000, s.program);
	CHECK(scene_build(&s));
	CHECK(scene_source(&s, 0x10000) == SOURCE_CORE);
	CHECK(scene_source(&s, 0x11000) == SOURCE_FILE);
	CHECK(space_read(&s.space, 0x11234, &byte, 1) && byte == s.bytes[0x1234]);
	CHECK(s.space.holes.n == 0 && s.space.files.notes.n == 0);
	CHECK(s.space.files.all.n == 1 && s.space.files.all.at[0]->verified);
}

static void
file_of_another_build_is_not_used(void)
{
	scoped(scene_fini) struct scene s;
	unsigned char other[TINY_PROGRAM];

	scene_init(&s);
	tiny_program(other, 0x22);
	scene_save(s.program, other, sizeof other);
	scene_map(&s, 0x10000, s.program);
	CHECK(scene_build(&s));
	CHECK(scene_source(&s, 0x11000) == SOURCE_NOWHERE && s.space.files.all.n == 0);
	CHECK(scene_says(&s,
	    "1111111111111111 in memory, 2222222222222222 in the file"));
	CHECK(s.space.holes.n == 0);
}

static void
file_that_is_gone_is_told_with_its_build_id(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	scene_map(&s, 0x10000, s.program);
	CHECK(scene_build(&s));
	CHECK(scene_says(&s, "build-id 1111111111111111")
	    && s.space.files.notes.n == 1);
}

static void
deleted_file_is_found_by_its_name(void)
{
	scoped(scene_fini) struct scene s;
	char recorded[256];

	scene_init(&s);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	snprintf(recorded, sizeof recorded, "%s (deleted)", s.program);
	scene_map(&s, 0x10000, recorded);
	CHECK(scene_build(&s));
	CHECK(scene_source(&s, 0x11000) == SOURCE_FILE);
	CHECK(strcmp(s.space.files.all.at[0]->recorded, s.program) == 0);
}

static void
sysroot_comes_before_the_recorded_path(void)
{
	scoped(scene_fini) struct scene s;
	char path[256], root[128];

	scene_init(&s);
	snprintf(root, sizeof root, "%s/root", s.dir);
	snprintf(path, sizeof path, "%s%s", root, s.program);
	scene_save(path, s.bytes, sizeof s.bytes);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	s.how.sysroot = root;
	scene_map(&s, 0x10000, s.program);
	CHECK(scene_build(&s));
	CHECK(s.space.files.all.n == 1
	    && strcmp(s.space.files.all.at[0]->path, path) == 0);
}

static void
build_id_leads_to_files_elsewhere(void)
{
	scoped(scene_fini) struct scene s;
	char path[256], debug[300];
	const char *dirs[] = { s.dir, NULL };
	struct build_id none = { .size = 0 };

	scene_init(&s);
	snprintf(path, sizeof path, "%s/.build-id/11/11111111111111", s.dir);
	snprintf(debug, sizeof debug, "%s.debug", path);
	scene_save(path, s.bytes, sizeof s.bytes);
	scene_save(debug, s.bytes, sizeof s.bytes);
	s.how.debug_dirs = dirs;
	scene_map(&s, 0x10000, "/no/such/program");
	CHECK(scene_build(&s));
	CHECK(s.space.files.all.n == 1
	    && strcmp(s.space.files.all.at[0]->path, path) == 0);

	struct build_id id = build_id_at(&s.core, 0x10000);
	const struct host_file *f = files_open_debug(&s.space.files, &id, &s.how);
	CHECK(f && strcmp(f->path, debug) == 0);
	CHECK(files_open_debug(&s.space.files, &id, &s.how) == f);
	CHECK(!files_open_debug(&s.space.files, &none, &s.how));
}

static void
debuginfod_cache_is_read(void)
{
	scoped(scene_fini) struct scene s;
	char path[256];

	scene_init(&s);
	snprintf(path, sizeof path, "%s/1111111111111111/executable", s.dir);
	scene_save(path, s.bytes, sizeof s.bytes);
	setenv("DEBUGINFOD_CACHE_PATH", s.dir, 1);
	scene_map(&s, 0x10000, "/no/such/program");
	CHECK(scene_build(&s));
	CHECK(scene_source(&s, 0x11000) == SOURCE_FILE);
	unsetenv("DEBUGINFOD_CACHE_PATH");
}

/* Whatever path a core names: only files are opened, and nothing waits. */
static void
pipes_and_devices_are_left_alone(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	CHECK(mkfifo(s.program, 0600) == 0);
	scene_map(&s, 0x10000, s.program);
	tiny_segment(&s.tiny, 0x20000, 0x1000, 0, PF_R);
	tiny_map(&s.tiny, 0x20000, 0x21000, 0, "/dev/tty");
	tiny_map(&s.tiny, 0x30000, 0x31000, 0, "/proc/self/exe");
	tiny_map(&s.tiny, 0x40000, 0x41000, 0, "relative");
	tiny_map(&s.tiny, 0x50000, 0x51000, 0, "");
	CHECK(scene_build(&s));
	CHECK(s.space.files.all.n == 0 && scene_source(&s, 0x30000) == SOURCE_NOWHERE);
}

static void
relative_name_leads_nowhere(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	scene_map(&s, 0x10000, "program");
	CHECK(chdir(s.dir) == 0 && scene_build(&s) && chdir("/") == 0);
	CHECK(s.space.files.all.n == 0 && s.space.files.notes.n == 0);
}

static void
program_given_by_the_user_is_used(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	scene_map(&s, 0x10000, "/elsewhere/program");
	s.how.exe = s.program;
	CHECK(scene_build(&s));
	CHECK(scene_source(&s, 0x11000) == SOURCE_FILE
	    && s.space.files.all.at[0]->verified);
	CHECK(strcmp(s.space.files.all.at[0]->recorded, "/elsewhere/program") == 0);
}

static void
program_of_another_build_is_refused(void)
{
	scoped(scene_fini) struct scene s;
	unsigned char other[TINY_PROGRAM];

	scene_init(&s);
	tiny_program(other, 0x22);
	scene_save(s.program, other, sizeof other);
	scene_map(&s, 0x10000, "/elsewhere/program");
	s.how.exe = s.program;
	CHECK(!scene_build(&s) && s.err.status == HS_FAILED);
	CHECK(strstr(s.err.text, "is not the program that ran"));
	CHECK(strstr(s.err.text,
	    "1111111111111111 in memory, 2222222222222222 in the file"));
}

/* ld.so is what the kernel started; the program is just one more mapping. */
static void
program_started_through_the_loader_is_recognised(void)
{
	scoped(scene_fini) struct scene s;
	unsigned char program[TINY_PROGRAM];

	scene_init(&s);
	tiny_program(program, 0x22);
	scene_save(s.program, program, sizeof program);
	tiny_page(&s.tiny, 0x8000, program, 4096, PF_R);
	tiny_map(&s.tiny, 0x8000, 0x9000, 0, "/elsewhere/program");
	scene_map(&s, 0x10000, "/lib/ld.so");
	s.how.exe = s.program;
	CHECK(scene_build(&s));
	CHECK(s.space.files.all.at[0]->verified);
	CHECK(strcmp(s.space.files.all.at[0]->recorded, "/elsewhere/program") == 0);
}

static void
program_without_build_id_is_judged_by_its_headers(void)
{
	for (int fits = 0; fits < 2; fits++) {
		scoped(scene_fini) struct scene s;

		scene_init(&s);
		tiny_program(s.bytes, 0);
		scene_map(&s, 0x10000, "/elsewhere/program");
		if (!fits)
			s.bytes[24]++; /* e_entry */
		scene_save(s.program, s.bytes, sizeof s.bytes);
		s.how.exe = s.program;
		CHECK(scene_build(&s) == fits);
		CHECK(fits ? scene_says(&s, "could not be checked")
			   : !!strstr(s.err.text, "is not the program that ran"));
		if (fits)
			CHECK(scene_source(&s, 0x11000) == SOURCE_FILE);
	}
}

/* ld.so was started by hand, and the program's own pages are cut off. */
static void
headers_of_the_loader_are_not_held_against_the_program(void)
{
	for (int by_hand = 0; by_hand < 2; by_hand++) {
		uint64_t auxv[] = { AT_PHDR, 0x10040, AT_PHNUM, 7, AT_BASE,
			by_hand ? 0 : 0x30000 };
		scoped(scene_fini) struct scene s;
		uint32_t interp = PT_INTERP;
		unsigned char program[TINY_PROGRAM];

		scene_init(&s);
		tiny_page(&s.tiny, 0x10000, s.bytes, 4096, PF_R);
		tiny_auxv(&s.tiny, auxv, 3);
		tiny_program(program, 0);
		memcpy(program + sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr),
		    &interp, sizeof interp);
		scene_save(s.program, program, sizeof program);
		s.how.exe = s.program;
		CHECK(scene_build(&s) == by_hand);
		CHECK(by_hand ? scene_says(&s, "could not be checked")
			      : !!strstr(s.err.text, "is not the program that ran"));
	}
}

static void
program_that_is_none_is_refused(void)
{
	static const char *const wrong[] = { "/", "/no/such", "/dev/null",
		"/etc/passwd" };

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		scoped(scene_fini) struct scene s;

		scene_init(&s);
		scene_map(&s, 0x10000, "/elsewhere/program");
		s.how.exe = wrong[i];
		CHECK(!scene_build(&s) && strstr(s.err.text, wrong[i]));
	}
}

static void
build_id_is_written_in_hexadecimal(void)
{
	struct build_id id = { { 0x01, 0xab, 0xff }, 3 }, none = { .size = 0 };
	char text[BUILD_ID_TEXT];

	CHECK(strcmp(build_id_text(&id, text), "01abff") == 0);
	CHECK(strcmp(build_id_text(&none, text), "none") == 0);
	CHECK(build_id_same(&id, &id) && !build_id_same(&none, &none));
}

TESTS(code_is_read_from_the_file_with_the_build_id,
    file_of_another_build_is_not_used, file_that_is_gone_is_told_with_its_build_id,
    deleted_file_is_found_by_its_name, sysroot_comes_before_the_recorded_path,
    build_id_leads_to_files_elsewhere, debuginfod_cache_is_read,
    pipes_and_devices_are_left_alone, relative_name_leads_nowhere,
    program_given_by_the_user_is_used, program_of_another_build_is_refused,
    program_started_through_the_loader_is_recognised,
    program_without_build_id_is_judged_by_its_headers,
    headers_of_the_loader_are_not_held_against_the_program,
    program_that_is_none_is_refused, build_id_is_written_in_hexadecimal)
