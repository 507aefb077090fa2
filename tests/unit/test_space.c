/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The address space: what lies where, and what is missing. */
#include "unit/check.h"
#include "unit/scene.h"

/* Three segments side by side, of which the middle one lies last in the file.
 */
static void
make_row(struct scene *s)
{
	tiny_segment(&s->tiny, 0x1000, 0x100, 0x100, PF_R);
	tiny_segment(&s->tiny, 0x1200, 0x100, 0x80, PF_R);
	tiny_segment(&s->tiny, 0x1100, 0x100, 0x100, PF_R | PF_W);
	CHECK(scene_build(s));
}

static void
read_crosses_pieces(void)
{
	scoped(scene_fini) struct scene s;
	unsigned char bytes[0x280];
	uint64_t word = 0;

	scene_init(&s);
	make_row(&s);
	CHECK(space_read(&s.space, 0x1000, bytes, sizeof bytes));
	for (unsigned i = 0; i < sizeof bytes; i++)
		CHECK(bytes[i] == tiny_byte(0x1000 + i));
	CHECK(space_word(&s.space, 0x10fc, &word));
	CHECK(memcmp(&word, bytes + 0xfc, 8) == 0);
}

static void
missing_byte_leaves_the_target_alone(void)
{
	scoped(scene_fini) struct scene s;
	uint64_t word = 5;

	scene_init(&s);
	make_row(&s);
	CHECK(!space_word(&s.space, 0x1279, &word) && word == 5);
	CHECK(!space_word(&s.space, 0xffc, &word) && word == 5);
	CHECK(!space_word(&s.space, UINT64_MAX - 3, &word) && word == 5);
	CHECK(!space_read(&s.space, 0x1000, &word, UINT64_MAX) && word == 5);
}

static void
bytes_in_place_are_of_one_piece(void)
{
	scoped(scene_fini) struct scene s;
	const unsigned char *bytes;

	scene_init(&s);
	make_row(&s);
	CHECK(space_bytes(&s.space, 0x1000, 0x100));
	CHECK(!space_bytes(&s.space, 0x1000, 0x101));
	CHECK(space_run(&s.space, 0x1180, &bytes) == 0x80
	    && *bytes == tiny_byte(0x1180));
	CHECK(space_run(&s.space, 0x1280, &bytes) == 0);
	CHECK(space_from(&s.space, 0x10ff)->range.start == 0x1000);
	CHECK(space_from(&s.space, 0)->range.start == 0x1000);
	CHECK(!space_from(&s.space, 0x1300) && !space_at(&s.space, 0x1300));
}

static void
string_ends_within_its_bounds(void)
{
	static const char text[] = "0123456789";
	scoped(scene_fini) struct scene s;
	char to[16] = "unchanged";

	scene_init(&s);
	tiny_page(&s.tiny, 0x1000, text, sizeof text, PF_R);
	tiny_segment(&s.tiny, 0x2000, 8, 8, PF_R);
	CHECK(scene_build(&s));
	CHECK(!space_string(&s.space, 0x1000, to, 10) && strcmp(to, "unchanged") == 0);
	CHECK(space_string(&s.space, 0x1000, to, 11) && strcmp(to, text) == 0);
	CHECK(!space_string(&s.space, 0x2000, to, 8) && strcmp(to, text) == 0);
	CHECK(!space_string(&s.space, 0x9000, to, 8));
}

static void
only_writable_private_memory_leaves_a_hole(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	tiny_segment(&s.tiny, 0x1000, 0x1000, 0, PF_R | PF_W);
	tiny_segment(&s.tiny, 0x2000, 0x1000, 0x800, PF_R | PF_W);
	tiny_segment(&s.tiny, 0x3000, 0x1000, 0, PF_R);
	tiny_segment(&s.tiny, 0x4000, 0x1000, 0, 0);
	tiny_segment(&s.tiny, 0x5000, 0x1000, 0, PF_R | PF_W);
	tiny_map(&s.tiny, 0x5000, 0x6000, 0, "/dev/zero (deleted)");
	CHECK(scene_build(&s));
	CHECK(scene_hole(&s, 0x1000) && scene_hole(&s, 0x1fff));
	CHECK(!scene_hole(&s, 0x27ff) && scene_hole(&s, 0x2800));
	CHECK(!scene_hole(&s, 0x3000) && !scene_hole(&s, 0x4000)
	    && !scene_hole(&s, 0x5000));
	CHECK(s.space.holes.n == 2
	    && strcmp(s.space.holes.at[0].why, "not dumped") == 0);
	CHECK(space_at(&s.space, 0x4000)->flags == 0);
	CHECK(scene_source(&s, 0x1000) == SOURCE_NOWHERE);
}

static void
missing_memory_may_be_a_files_when_none_is_named(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	tiny_segment(&s.tiny, 0x1000, 0x1000, 0, PF_R | PF_W);
	CHECK(scene_build(&s) && scene_hole(&s, 0x1000));
	CHECK(s.space.holes.n == 1
	    && strstr(s.space.holes.at[0].why, "names no files"));
}

static void
what_a_cut_took_is_a_hole(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	tiny_segment(&s.tiny, 0x1000, 0x1000, 0x1000, PF_R | PF_W);
	tiny_segment(&s.tiny, 0x2000, 0x1000, 0x1000, PF_R);
	tiny_segment(&s.tiny, 0x3000, 0x1000, 0x1000, 0);
	tiny_make(&s.tiny);
	tiny_put(&s.tiny, s.tiny.image.at, s.tiny.image.n - 0x2800);
	CHECK(core_open(&s.core, s.tiny.path, &(struct progress) { .arg = NULL },
	    &s.err));
	CHECK(space_build(&s.space, &s.core, &s.how, &s.err));
	CHECK(!scene_hole(&s, 0x17ff) && scene_hole(&s, 0x1800));
	CHECK(scene_hole(&s, 0x2000) && !scene_hole(&s, 0x3000));
	CHECK(strcmp(s.space.holes.at[0].why, "cut off") == 0);
	CHECK(scene_source(&s, 0x1700) == SOURCE_CORE
	    && scene_source(&s, 0x1800) == SOURCE_NOWHERE);
}

/* Of a file, too: the process wrote to its copy of it, or it would not be there. */
static void
what_a_cut_took_of_a_writable_file_is_a_hole(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	tiny_segment(&s.tiny, 0x1000, 0x1000, 0x1000, PF_R | PF_W);
	tiny_map(&s.tiny, 0x1000, 0x2000, 0, "/no/such/file");
	tiny_make(&s.tiny);
	tiny_put(&s.tiny, s.tiny.image.at, s.tiny.image.n - 0x800);
	CHECK(core_open(&s.core, s.tiny.path, &(struct progress) { .arg = NULL },
	    &s.err));
	CHECK(space_build(&s.space, &s.core, &s.how, &s.err));
	CHECK(!scene_hole(&s, 0x17ff) && scene_hole(&s, 0x1800));
}

/* A stopped process promises all that it has, and no file was cut. */
static void
what_could_not_be_read_is_a_hole(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	tiny_segment(&s.tiny, 0x1000, 0x1000, 0, PF_R | PF_W);
	CHECK(tiny_open(&s.tiny, &s.core, &s.err));
	s.core.segments.at[0].promised = 0x1000;
	CHECK(space_build(&s.space, &s.core, &s.how, &s.err));
	CHECK(s.space.holes.n == 1
	    && strcmp(s.space.holes.at[0].why, "unreadable") == 0);
}

static void
mapping_without_segment_comes_from_its_file(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	tiny_page(&s.tiny, 0x10000, s.bytes, 4096, PF_R);
	tiny_map(&s.tiny, 0x10000, 0x11000, 0, s.program);
	tiny_map(&s.tiny, 0x11000, 0x12000, 1, s.program);
	tiny_map(&s.tiny, 0x12000, 0x18000, 2, s.program);
	CHECK(scene_build(&s));
	CHECK(scene_source(&s, 0x11000) == SOURCE_FILE);
	CHECK(space_at(&s.space, 0x11000)->flags == (PF_R | PF_X));
	CHECK(scene_source(&s, 0x12fff) == SOURCE_FILE
	    && space_at(&s.space, 0x12fff)->flags == PF_R);
	CHECK(scene_source(&s, 0x13000) == SOURCE_NOWHERE
	    && space_at(&s.space, 0x13000));
}

/* The core has RELRO because it was written to: the file tells nothing of it.
 */
static void
relro_that_was_cut_off_is_a_hole(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	scene_save(s.program, s.bytes, sizeof s.bytes);
	tiny_page(&s.tiny, 0x10000, s.bytes, 4096, PF_R);
	tiny_segment(&s.tiny, 0x11000, 0x1000, 0x1000, PF_R | PF_X);
	tiny_segment(&s.tiny, 0x12000, 0x1000, 0x1000, PF_R);
	for (unsigned i = 0; i < 3; i++)
		tiny_map(&s.tiny, 0x10000 + i * 0x1000, 0x11000 + i * 0x1000, i,
		    s.program);
	tiny_make(&s.tiny);
	tiny_put(&s.tiny, s.tiny.image.at, s.tiny.image.n - 0x1c00);
	CHECK(core_open(&s.core, s.tiny.path, &(struct progress) { .arg = NULL },
	    &s.err));
	CHECK(space_build(&s.space, &s.core, &s.how, &s.err));
	CHECK(scene_source(&s, 0x113ff) == SOURCE_CORE
	    && scene_source(&s, 0x11400) == SOURCE_FILE);
	CHECK(scene_source(&s, 0x12000) == SOURCE_NOWHERE && scene_hole(&s, 0x12000));
	CHECK(s.space.holes.n == 1);
}

static void
segment_over_several_files_is_split(void)
{
	scoped(scene_fini) struct scene s;

	scene_init(&s);
	tiny_segment(&s.tiny, 0x1000, 0x5000, 0x5000, PF_R | PF_W);
	tiny_map(&s.tiny, 0x2000, 0x3000, 0, "/a");
	tiny_map(&s.tiny, 0x3000, 0x4000, 0, "/b");
	CHECK(scene_build(&s));
	CHECK(s.space.pieces.n == 4);
	CHECK(!s.space.pieces.at[0].file && !s.space.pieces.at[3].file);
	CHECK(strcmp(s.space.pieces.at[2].file->path, "/b") == 0);
}

TESTS(read_crosses_pieces, missing_byte_leaves_the_target_alone,
    bytes_in_place_are_of_one_piece, string_ends_within_its_bounds,
    only_writable_private_memory_leaves_a_hole,
    missing_memory_may_be_a_files_when_none_is_named, what_a_cut_took_is_a_hole,
    what_a_cut_took_of_a_writable_file_is_a_hole, what_could_not_be_read_is_a_hole,
    mapping_without_segment_comes_from_its_file, relro_that_was_cut_off_is_a_hole,
    segment_over_several_files_is_split)
