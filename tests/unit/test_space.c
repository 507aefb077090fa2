/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The address space: what lies where, what is missing, which files are
 * believed. */
#include "space/space.h"
#include "unit/check.h"
#include "unit/tiny.h"

#include <ftw.h>
#include <sys/stat.h>

/* A core, its space, and a folder with the files of the program. */
struct world {
	struct tiny tiny;
	struct core core;
	struct space space;
	struct lookup how;
	struct hs_error err;
	char dir[64];
	char program[128];                 /* a path in dir */
	unsigned char bytes[TINY_PROGRAM]; /* what was mapped in the process */
};

static void
world_init(struct world *w)
{
	*w = (struct world) { .tiny = TINY_EMPTY, .dir = "/tmp/heapscan-test.XXXXXX" };
	CHECK(mkdtemp(w->dir));
	snprintf(w->program, sizeof w->program, "%s/program", w->dir);
	tiny_program(w->bytes, 0x11);
}

static int
remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED,
    struct FTW *ftw UNUSED)
{
	return remove(path);
}

static void
world_fini(struct world *w)
{
	space_fini(&w->space);
	core_fini(&w->core);
	tiny_fini(&w->tiny);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes the file, with the folders on its way. */
static void
save(const char *path, const void *bytes, size_t n)
{
	char folder[256];

	for (const char *c = path + 1; (c = strchr(c, '/')); c++) {
		snprintf(folder, sizeof folder, "%.*s", (int)(c - path), path);
		mkdir(folder, 0700);
	}
	FILE *f = fopen(path, "we");
	CHECK(f && fwrite(bytes, 1, n, f) == n);
	if (f)
		fclose(f);
}

static bool
build(struct world *w)
{
	return tiny_open(&w->tiny, &w->core, &w->err)
	    && space_build(&w->space, &w->core, &w->how, &w->err);
}

static bool
says(const struct world *w, const char *what)
{
	for (size_t i = 0; i < w->space.files.notes.n; i++)
		if (strstr(w->space.files.notes.at[i], what))
			return true;
	return false;
}

/* As the kernel does: of the program's three pages only the first and the last.
 */
static void
map_program(struct world *w, uint64_t at, const char *recorded)
{
	uint64_t auxv[] = { AT_PHDR, at + 64, AT_PHNUM, 4, AT_ENTRY, at + 0x1010 };

	tiny_page(&w->tiny, at, w->bytes, 4096, PF_R);
	tiny_segment(&w->tiny, at + 0x1000, 0x1000, 0, PF_R | PF_X);
	tiny_segment(&w->tiny, at + 0x2000, 0x1000, 0x1000, PF_R | PF_W);
	tiny_map(&w->tiny, at, at + 0x1000, 0, recorded);
	tiny_map(&w->tiny, at + 0x1000, at + 0x2000, 1, recorded);
	tiny_map(&w->tiny, at + 0x2000, at + 0x3000, 2, recorded);
	tiny_auxv(&w->tiny, auxv, 3);
}

static enum source
source_at(const struct world *w, hs_addr a)
{
	const struct piece *p = space_at(&w->space, a);

	return p ? p->source : SOURCE_NOWHERE;
}

static bool
hole_at(const struct world *w, hs_addr a)
{
	for (size_t i = 0; i < w->space.holes.n; i++)
		if (range_has(w->space.holes.at[i].range, a))
			return true;
	return false;
}

/* Three segments side by side, of which the middle one lies last in the file.
 */
static void
make_row(struct world *w)
{
	tiny_segment(&w->tiny, 0x1000, 0x100, 0x100, PF_R);
	tiny_segment(&w->tiny, 0x1200, 0x100, 0x80, PF_R);
	tiny_segment(&w->tiny, 0x1100, 0x100, 0x100, PF_R | PF_W);
	CHECK(build(w));
}

static void
read_crosses_pieces(void)
{
	scoped(world_fini) struct world w;
	unsigned char bytes[0x280];
	uint64_t word = 0;

	world_init(&w);
	make_row(&w);
	CHECK(space_read(&w.space, 0x1000, bytes, sizeof bytes));
	for (unsigned i = 0; i < sizeof bytes; i++)
		CHECK(bytes[i] == tiny_byte(0x1000 + i));
	CHECK(space_word(&w.space, 0x10fc, &word));
	CHECK(memcmp(&word, bytes + 0xfc, 8) == 0);
}

static void
missing_byte_leaves_the_target_alone(void)
{
	scoped(world_fini) struct world w;
	uint64_t word = 5;

	world_init(&w);
	make_row(&w);
	CHECK(!space_word(&w.space, 0x1279, &word) && word == 5);
	CHECK(!space_word(&w.space, 0xffc, &word) && word == 5);
	CHECK(!space_word(&w.space, UINT64_MAX - 3, &word) && word == 5);
	CHECK(!space_read(&w.space, 0x1000, &word, UINT64_MAX) && word == 5);
}

static void
bytes_in_place_are_of_one_piece(void)
{
	scoped(world_fini) struct world w;
	const unsigned char *bytes;

	world_init(&w);
	make_row(&w);
	CHECK(space_bytes(&w.space, 0x1000, 0x100));
	CHECK(!space_bytes(&w.space, 0x1000, 0x101));
	CHECK(space_run(&w.space, 0x1180, &bytes) == 0x80
	    && *bytes == tiny_byte(0x1180));
	CHECK(space_run(&w.space, 0x1280, &bytes) == 0);
	CHECK(space_from(&w.space, 0x10ff)->range.start == 0x1000);
	CHECK(space_from(&w.space, 0)->range.start == 0x1000);
	CHECK(!space_from(&w.space, 0x1300) && !space_at(&w.space, 0x1300));
}

static void
string_ends_within_its_bounds(void)
{
	static const char text[] = "0123456789";
	scoped(world_fini) struct world w;
	char to[16] = "unchanged";

	world_init(&w);
	tiny_page(&w.tiny, 0x1000, text, sizeof text, PF_R);
	tiny_segment(&w.tiny, 0x2000, 8, 8, PF_R);
	CHECK(build(&w));
	CHECK(!space_string(&w.space, 0x1000, to, 10) && strcmp(to, "unchanged") == 0);
	CHECK(space_string(&w.space, 0x1000, to, 11) && strcmp(to, text) == 0);
	CHECK(!space_string(&w.space, 0x2000, to, 8) && strcmp(to, text) == 0);
	CHECK(!space_string(&w.space, 0x9000, to, 8));
}

static void
only_writable_private_memory_leaves_a_hole(void)
{
	scoped(world_fini) struct world w;

	world_init(&w);
	tiny_segment(&w.tiny, 0x1000, 0x1000, 0, PF_R | PF_W);
	tiny_segment(&w.tiny, 0x2000, 0x1000, 0x800, PF_R | PF_W);
	tiny_segment(&w.tiny, 0x3000, 0x1000, 0, PF_R);
	tiny_segment(&w.tiny, 0x4000, 0x1000, 0, 0);
	tiny_segment(&w.tiny, 0x5000, 0x1000, 0, PF_R | PF_W);
	tiny_map(&w.tiny, 0x5000, 0x6000, 0, "/dev/zero (deleted)");
	CHECK(build(&w));
	CHECK(hole_at(&w, 0x1000) && hole_at(&w, 0x1fff));
	CHECK(!hole_at(&w, 0x27ff) && hole_at(&w, 0x2800));
	CHECK(!hole_at(&w, 0x3000) && !hole_at(&w, 0x4000) && !hole_at(&w, 0x5000));
	CHECK(w.space.holes.n == 2
	    && strcmp(w.space.holes.at[0].why, "not dumped") == 0);
	CHECK(space_at(&w.space, 0x4000)->flags == 0);
	CHECK(source_at(&w, 0x1000) == SOURCE_NOWHERE);
}

static void
what_a_cut_took_is_a_hole(void)
{
	scoped(world_fini) struct world w;

	world_init(&w);
	tiny_segment(&w.tiny, 0x1000, 0x1000, 0x1000, PF_R | PF_W);
	tiny_segment(&w.tiny, 0x2000, 0x1000, 0x1000, PF_R);
	tiny_segment(&w.tiny, 0x3000, 0x1000, 0x1000, 0);
	tiny_make(&w.tiny);
	tiny_put(&w.tiny, w.tiny.image.at, w.tiny.image.n - 0x2800);
	CHECK(core_open(&w.core, w.tiny.path, &(struct progress) { .arg = NULL },
	    &w.err));
	CHECK(space_build(&w.space, &w.core, &w.how, &w.err));
	CHECK(!hole_at(&w, 0x17ff) && hole_at(&w, 0x1800));
	CHECK(hole_at(&w, 0x2000) && !hole_at(&w, 0x3000));
	CHECK(strcmp(w.space.holes.at[0].why, "cut off") == 0);
	CHECK(source_at(&w, 0x1700) == SOURCE_CORE
	    && source_at(&w, 0x1800) == SOURCE_NOWHERE);
}

static void
code_is_read_from_the_file_with_the_build_id(void)
{
	scoped(world_fini) struct world w;
	unsigned char byte;

	world_init(&w);
	save(w.program, w.bytes, sizeof w.bytes);
	map_program(&w, 0x10000, w.program);
	CHECK(build(&w));
	CHECK(source_at(&w, 0x10000) == SOURCE_CORE);
	CHECK(source_at(&w, 0x11000) == SOURCE_FILE);
	CHECK(space_read(&w.space, 0x11234, &byte, 1) && byte == w.bytes[0x1234]);
	CHECK(w.space.holes.n == 0 && w.space.files.notes.n == 0);
	CHECK(w.space.files.all.n == 1 && w.space.files.all.at[0]->verified);
}

static void
file_of_another_build_is_not_used(void)
{
	scoped(world_fini) struct world w;
	unsigned char other[TINY_PROGRAM];

	world_init(&w);
	tiny_program(other, 0x22);
	save(w.program, other, sizeof other);
	map_program(&w, 0x10000, w.program);
	CHECK(build(&w));
	CHECK(source_at(&w, 0x11000) == SOURCE_NOWHERE && w.space.files.all.n == 0);
	CHECK(says(&w, "1111111111111111 in the core, 2222222222222222 in the file"));
	CHECK(w.space.holes.n == 0);
}

static void
file_that_is_gone_is_told_with_its_build_id(void)
{
	scoped(world_fini) struct world w;

	world_init(&w);
	map_program(&w, 0x10000, w.program);
	CHECK(build(&w));
	CHECK(says(&w, "build-id 1111111111111111") && w.space.files.notes.n == 1);
}

static void
deleted_file_is_found_by_its_name(void)
{
	scoped(world_fini) struct world w;
	char recorded[256];

	world_init(&w);
	save(w.program, w.bytes, sizeof w.bytes);
	snprintf(recorded, sizeof recorded, "%s (deleted)", w.program);
	map_program(&w, 0x10000, recorded);
	CHECK(build(&w));
	CHECK(source_at(&w, 0x11000) == SOURCE_FILE);
	CHECK(strcmp(w.space.files.all.at[0]->recorded, w.program) == 0);
}

static void
sysroot_comes_before_the_recorded_path(void)
{
	scoped(world_fini) struct world w;
	char path[256], root[128];

	world_init(&w);
	snprintf(root, sizeof root, "%s/root", w.dir);
	snprintf(path, sizeof path, "%s%s", root, w.program);
	save(path, w.bytes, sizeof w.bytes);
	save(w.program, w.bytes, sizeof w.bytes);
	w.how.sysroot = root;
	map_program(&w, 0x10000, w.program);
	CHECK(build(&w));
	CHECK(w.space.files.all.n == 1
	    && strcmp(w.space.files.all.at[0]->path, path) == 0);
}

static void
build_id_leads_to_files_elsewhere(void)
{
	scoped(world_fini) struct world w;
	char path[256], debug[300];
	const char *dirs[] = { w.dir, NULL };
	struct build_id none = { .size = 0 };

	world_init(&w);
	snprintf(path, sizeof path, "%s/.build-id/11/11111111111111", w.dir);
	snprintf(debug, sizeof debug, "%s.debug", path);
	save(path, w.bytes, sizeof w.bytes);
	save(debug, w.bytes, sizeof w.bytes);
	w.how.debug_dirs = dirs;
	map_program(&w, 0x10000, "/no/such/program");
	CHECK(build(&w));
	CHECK(w.space.files.all.n == 1
	    && strcmp(w.space.files.all.at[0]->path, path) == 0);

	struct build_id id = build_id_at(&w.core, 0x10000);
	const struct host_file *f = files_open_debug(&w.space.files, &id, &w.how);
	CHECK(f && strcmp(f->path, debug) == 0);
	CHECK(files_open_debug(&w.space.files, &id, &w.how) == f);
	CHECK(!files_open_debug(&w.space.files, &none, &w.how));
}

static void
debuginfod_cache_is_read(void)
{
	scoped(world_fini) struct world w;
	char path[256];

	world_init(&w);
	snprintf(path, sizeof path, "%s/1111111111111111/executable", w.dir);
	save(path, w.bytes, sizeof w.bytes);
	setenv("DEBUGINFOD_CACHE_PATH", w.dir, 1);
	map_program(&w, 0x10000, "/no/such/program");
	CHECK(build(&w));
	CHECK(source_at(&w, 0x11000) == SOURCE_FILE);
	unsetenv("DEBUGINFOD_CACHE_PATH");
}

/* Whatever path a core names: only files are opened, and nothing waits. */
static void
pipes_and_devices_are_left_alone(void)
{
	scoped(world_fini) struct world w;

	world_init(&w);
	CHECK(mkfifo(w.program, 0600) == 0);
	map_program(&w, 0x10000, w.program);
	tiny_segment(&w.tiny, 0x20000, 0x1000, 0, PF_R);
	tiny_map(&w.tiny, 0x20000, 0x21000, 0, "/dev/tty");
	tiny_map(&w.tiny, 0x30000, 0x31000, 0, "/proc/self/exe");
	tiny_map(&w.tiny, 0x40000, 0x41000, 0, "relative");
	tiny_map(&w.tiny, 0x50000, 0x51000, 0, "");
	CHECK(build(&w));
	CHECK(w.space.files.all.n == 0 && source_at(&w, 0x30000) == SOURCE_NOWHERE);
}

static void
mapping_without_segment_comes_from_its_file(void)
{
	scoped(world_fini) struct world w;

	world_init(&w);
	save(w.program, w.bytes, sizeof w.bytes);
	tiny_page(&w.tiny, 0x10000, w.bytes, 4096, PF_R);
	tiny_map(&w.tiny, 0x10000, 0x11000, 0, w.program);
	tiny_map(&w.tiny, 0x11000, 0x12000, 1, w.program);
	tiny_map(&w.tiny, 0x12000, 0x18000, 2, w.program);
	CHECK(build(&w));
	CHECK(source_at(&w, 0x11000) == SOURCE_FILE);
	CHECK(space_at(&w.space, 0x11000)->flags == (PF_R | PF_X));
	CHECK(source_at(&w, 0x12fff) == SOURCE_FILE
	    && space_at(&w.space, 0x12fff)->flags == PF_R);
	CHECK(source_at(&w, 0x13000) == SOURCE_NOWHERE && space_at(&w.space, 0x13000));
}

/* The core has RELRO because it was written to: the file tells nothing of it.
 */
static void
relro_that_was_cut_off_is_a_hole(void)
{
	scoped(world_fini) struct world w;

	world_init(&w);
	save(w.program, w.bytes, sizeof w.bytes);
	tiny_page(&w.tiny, 0x10000, w.bytes, 4096, PF_R);
	tiny_segment(&w.tiny, 0x11000, 0x1000, 0x1000, PF_R | PF_X);
	tiny_segment(&w.tiny, 0x12000, 0x1000, 0x1000, PF_R);
	for (unsigned i = 0; i < 3; i++)
		tiny_map(&w.tiny, 0x10000 + i * 0x1000, 0x11000 + i * 0x1000, i,
		    w.program);
	tiny_make(&w.tiny);
	tiny_put(&w.tiny, w.tiny.image.at, w.tiny.image.n - 0x1c00);
	CHECK(core_open(&w.core, w.tiny.path, &(struct progress) { .arg = NULL },
	    &w.err));
	CHECK(space_build(&w.space, &w.core, &w.how, &w.err));
	CHECK(source_at(&w, 0x113ff) == SOURCE_CORE
	    && source_at(&w, 0x11400) == SOURCE_FILE);
	CHECK(source_at(&w, 0x12000) == SOURCE_NOWHERE && hole_at(&w, 0x12000));
	CHECK(w.space.holes.n == 1);
}

static void
segment_over_several_files_is_split(void)
{
	scoped(world_fini) struct world w;

	world_init(&w);
	tiny_segment(&w.tiny, 0x1000, 0x5000, 0x5000, PF_R | PF_W);
	tiny_map(&w.tiny, 0x2000, 0x3000, 0, "/a");
	tiny_map(&w.tiny, 0x3000, 0x4000, 0, "/b");
	CHECK(build(&w));
	CHECK(w.space.pieces.n == 4);
	CHECK(!w.space.pieces.at[0].file && !w.space.pieces.at[3].file);
	CHECK(strcmp(w.space.pieces.at[2].file->path, "/b") == 0);
}

static void
program_given_by_the_user_is_used(void)
{
	scoped(world_fini) struct world w;

	world_init(&w);
	save(w.program, w.bytes, sizeof w.bytes);
	map_program(&w, 0x10000, "/elsewhere/program");
	w.how.exe = w.program;
	CHECK(build(&w));
	CHECK(source_at(&w, 0x11000) == SOURCE_FILE
	    && w.space.files.all.at[0]->verified);
	CHECK(strcmp(w.space.files.all.at[0]->recorded, "/elsewhere/program") == 0);
}

static void
program_of_another_build_is_refused(void)
{
	scoped(world_fini) struct world w;
	unsigned char other[TINY_PROGRAM];

	world_init(&w);
	tiny_program(other, 0x22);
	save(w.program, other, sizeof other);
	map_program(&w, 0x10000, "/elsewhere/program");
	w.how.exe = w.program;
	CHECK(!build(&w) && w.err.status == HS_FAILED);
	CHECK(strstr(w.err.text, "was not made by"));
	CHECK(strstr(w.err.text,
	    "1111111111111111 in the core, 2222222222222222 in the file"));
}

/* ld.so is what the kernel started; the program is just one more mapping. */
static void
program_started_through_the_loader_is_recognised(void)
{
	scoped(world_fini) struct world w;
	unsigned char program[TINY_PROGRAM];

	world_init(&w);
	tiny_program(program, 0x22);
	save(w.program, program, sizeof program);
	tiny_page(&w.tiny, 0x8000, program, 4096, PF_R);
	tiny_map(&w.tiny, 0x8000, 0x9000, 0, "/elsewhere/program");
	map_program(&w, 0x10000, "/lib/ld.so");
	w.how.exe = w.program;
	CHECK(build(&w));
	CHECK(w.space.files.all.at[0]->verified);
	CHECK(strcmp(w.space.files.all.at[0]->recorded, "/elsewhere/program") == 0);
}

static void
program_without_build_id_is_judged_by_its_headers(void)
{
	for (int fits = 0; fits < 2; fits++) {
		scoped(world_fini) struct world w;

		world_init(&w);
		tiny_program(w.bytes, 0);
		map_program(&w, 0x10000, "/elsewhere/program");
		if (!fits)
			w.bytes[24]++; /* e_entry */
		save(w.program, w.bytes, sizeof w.bytes);
		w.how.exe = w.program;
		CHECK(build(&w) == fits);
		CHECK(fits ? says(&w, "could not be checked")
			   : !!strstr(w.err.text, "was not made by"));
		if (fits)
			CHECK(source_at(&w, 0x11000) == SOURCE_FILE);
	}
}

static void
program_that_is_none_is_refused(void)
{
	static const char *const wrong[] = { "/", "/no/such", "/dev/null",
		"/etc/passwd" };

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		scoped(world_fini) struct world w;

		world_init(&w);
		map_program(&w, 0x10000, "/elsewhere/program");
		w.how.exe = wrong[i];
		CHECK(!build(&w) && strstr(w.err.text, wrong[i]));
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

TESTS(read_crosses_pieces, missing_byte_leaves_the_target_alone,
    bytes_in_place_are_of_one_piece, string_ends_within_its_bounds,
    only_writable_private_memory_leaves_a_hole, what_a_cut_took_is_a_hole,
    code_is_read_from_the_file_with_the_build_id, file_of_another_build_is_not_used,
    file_that_is_gone_is_told_with_its_build_id, deleted_file_is_found_by_its_name,
    sysroot_comes_before_the_recorded_path, build_id_leads_to_files_elsewhere,
    debuginfod_cache_is_read, pipes_and_devices_are_left_alone,
    mapping_without_segment_comes_from_its_file, relro_that_was_cut_off_is_a_hole,
    segment_over_several_files_is_split, program_given_by_the_user_is_used,
    program_of_another_build_is_refused,
    program_started_through_the_loader_is_recognised,
    program_without_build_id_is_judged_by_its_headers,
    program_that_is_none_is_refused, build_id_is_written_in_hexadecimal)
