/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cores that are sound, odd, cut, compressed, or none. */
#include "config.h"
#include "core/core.h"
#include "unit/check.h"
#include "unit/tiny.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#ifdef HAVE_BZIP2
#include <bzlib.h>
#endif
#ifdef HAVE_LZ4
#include <lz4frame.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

static const struct progress silent;

/* Two segments, two threads, two files: nothing odd. */
static void
make_sound(struct tiny *t)
{
	uint64_t auxv[] = { AT_PAGESZ, 4096, AT_ENTRY, 0x1040, AT_NULL, 0 };
	char info[136] = { 0 };
	int32_t pid = 41;

	memcpy(info + 24, &pid, sizeof pid);
	strcpy(info + 40, "tiny");
	strcpy(info + 56, "tiny --leak   ");
	tiny_segment(t, 0x7000, 0x300, 0x300, PF_R | PF_W);
	tiny_segment(t, 0x1000, 0x200, 0x100, PF_R);
	tiny_thread(t, 42, 0x7100);
	tiny_note(t, "CORE", NT_PRPSINFO, info, sizeof info);
	tiny_auxv(t, auxv, 3);
	tiny_map(t, 0x1000, 0x2000, 3, "/bin/tiny (deleted)");
	tiny_map(t, 0x4000, 0x5000, 0, "/lib/libtiny.so");
	tiny_thread(t, 43, 0x7200);
}

/* Do the segments hold what tiny_byte() says? */
static bool
contents_are_right(const struct core *c)
{
	for (size_t i = 0; i < c->segments.n; i++)
		for (uint64_t j = 0; j < c->segments.at[i].have; j++)
			if (c->segments.at[i].bytes[j]
			    != tiny_byte(c->segments.at[i].range.start + j))
				return false;
	return true;
}

static bool
says(const struct core *c, const char *what)
{
	for (size_t i = 0; i < c->notes.n; i++)
		if (strstr(c->notes.at[i], what))
			return true;
	return false;
}

static void
sound_core_is_read_whole(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;

	make_sound(&t);
	CHECK(tiny_open(&t, &c, &err));
	CHECK(!c.cut && c.missing == 0 && c.notes.n == 0);
	CHECK(strcmp(c.machine->name, "x86-64") == 0);
	CHECK(c.segments.n == 2 && contents_are_right(&c));
	CHECK(c.segments.at[0].range.start == 0x1000 && c.segments.at[0].have == 0x100);
	CHECK(c.segments.at[0].promised == 0x100 && c.segments.at[0].flags == PF_R);
	CHECK(core_segment_at(&c, 0x72ff) == &c.segments.at[1]);
	CHECK(!core_segment_at(&c, 0x7300) && !core_segment_at(&c, 0xfff));
	CHECK(c.pid == 41 && c.signal == 11);
	CHECK(strcmp(c.program, "tiny") == 0 && strcmp(c.command, "tiny --leak") == 0);
}

static void
threads_have_their_registers(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;

	make_sound(&t);
	CHECK(tiny_open(&t, &c, &err));
	CHECK(c.threads.n == 2);
	CHECK(c.threads.at[0].tid == 42 && c.threads.at[0].sp == 0x7100);
	CHECK(c.threads.at[0].pc == 42016 && c.threads.at[0].tp == 42021);
	CHECK(c.threads.at[1].tid == 43 && c.threads.at[1].reg[26] == 43026);
	CHECK(c.threads.at[1].vector && c.threads.at[1].vector_size == 512);
}

static void
files_and_auxv_are_found(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;
	uint64_t value;

	make_sound(&t);
	CHECK(tiny_open(&t, &c, &err));
	CHECK(c.has_files && c.files.n == 2);
	CHECK(core_file_at(&c, 0x1fff) && core_file_at(&c, 0x1fff)->offset == 3 * 4096);
	CHECK(strcmp(core_file_at(&c, 0x4000)->path, "/lib/libtiny.so") == 0);
	CHECK(!core_file_at(&c, 0x2000) && !core_file_at(&c, 0));
	CHECK(core_auxv(&c, AT_ENTRY, &value) && value == 0x1040);
	CHECK(!core_auxv(&c, AT_PHDR, &value));
}

/* Either form of core, cut at every byte: never a crash, never in silence. */
static void
cut_core_is_an_error_or_says_so(void)
{
	for (int last = 0; last < 2; last++) {
		scoped(tiny_fini) struct tiny t = TINY_EMPTY;
		size_t opened = 0, bad = 0;

		t.notes_last = last;
		make_sound(&t);
		tiny_make(&t);
		for (size_t n = 0; n < t.image.n; n++) {
			scoped(core_fini) struct core c = CORE_EMPTY;
			struct hs_error err = { .status = 0 };

			tiny_put(&t, t.image.at, n);
			if (core_open(&c, t.path, &silent, &err)) {
				opened++;
				bad += !c.cut || c.notes.n == 0
				    || !contents_are_right(&c);
			} else {
				bad += err.status != HS_FAILED
				    || !strstr(err.text, t.path);
			}
		}
		CHECK(bad == 0);
		CHECK(opened > t.image.n / 2);
	}
}

static void
cut_core_of_gdb_has_lost_its_threads(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;

	t.notes_last = true;
	make_sound(&t);
	tiny_make(&t);
	tiny_put(&t, t.image.at, 64 + 3 * 56 + 0x250);
	CHECK(core_open(&c, t.path, &silent, &err));
	CHECK(c.cut && c.missing > 0x300 + 0x100 - 0x250);
	CHECK(c.threads.n == 0 && !c.has_files && says(&c, "no threads"));
}

static void
overlapping_segments_are_cut_down(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;

	tiny_segment(&t, 0x1000, 0x200, 0x200, PF_R);
	tiny_segment(&t, 0x1100, 0x300, 0x280, PF_R | PF_W);
	tiny_segment(&t, 0x1180, 0x10, 0x10, PF_R);
	tiny_segment(&t, 0x1000, 0x80, 0x80, PF_R);
	CHECK(tiny_open(&t, &c, &err));
	CHECK(c.segments.n == 2 && contents_are_right(&c) && says(&c, "overlaps"));
	CHECK(c.segments.at[1].range.start == 0x1200
	    && c.segments.at[1].range.end == 0x1400);
	CHECK(c.segments.at[1].have == 0x180 && c.segments.at[1].promised == 0x180);
	CHECK(!c.cut);
}

static void
segment_that_wraps_is_left_out(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;

	tiny_segment(&t, 0x1000, 0x200, 0x200, PF_R);
	tiny_segment(&t, UINT64_MAX - 0xfff, 0x2000, 0x20, PF_R);
	tiny_segment(&t, 0x8000, UINT64_MAX - 0x7ffe, 0x20, PF_R);
	CHECK(tiny_open(&t, &c, &err));
	CHECK(c.segments.n == 1 && says(&c, "past the end of memory"));
}

static void
contents_beyond_memory_are_left_out(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;

	tiny_segment(&t, 0x1000, 0x80, 0x200, PF_R);
	CHECK(tiny_open(&t, &c, &err));
	CHECK(c.segments.at[0].have == 0x80 && c.segments.at[0].promised == 0x80);
	CHECK(says(&c, "more contents than memory") && !c.cut);
}

static void
offset_past_the_file_is_a_cut(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	uint64_t far = UINT64_MAX - 8;
	struct hs_error err;

	tiny_segment(&t, 0x1000, 0x80, 0x80, PF_R);
	tiny_make(&t);
	memcpy(t.image.at + 64 + 56 + 8, &far, sizeof far);
	tiny_put(&t, t.image.at, t.image.n);
	CHECK(core_open(&c, t.path, &silent, &err));
	CHECK(c.cut && c.missing == 0x80 && !c.segments.at[0].bytes);
}

static void
note_past_the_end_ends_the_notes(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	uint32_t absurd = UINT32_MAX;
	struct hs_error err;

	tiny_segment(&t, 0x1000, 0x80, 0x80, PF_R);
	tiny_thread(&t, 1, 0x1000);
	size_t second = t.notes.n;
	tiny_thread(&t, 2, 0x1000);
	memcpy(t.notes.at + second + 4, &absurd, sizeof absurd);
	CHECK(tiny_open(&t, &c, &err));
	CHECK(c.threads.n == 1 && says(&c, "runs past the end of the notes"));
}

static void
absurd_count_of_files_is_bounded(void)
{
	uint64_t note[5 + 1] = { UINT64_MAX / 24 + 2, 4096, 0x1000, 0x2000, 0 };
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;

	tiny_segment(&t, 0x1000, 0x80, 0x80, PF_R);
	tiny_note(&t, "CORE", NT_FILE, note, sizeof note);
	CHECK(tiny_open(&t, &c, &err));
	CHECK(c.has_files && c.files.n == 0 && says(&c, "list of mapped files"));
}

static void
name_without_end_is_left_out(void)
{
	uint64_t note[2 + 6] = { 2, 4096, 0x1000, 0x2000, 0, 0x3000, 0x4000, 0 };
	unsigned char bytes[sizeof note + 8];
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;

	memcpy(bytes, note, sizeof note);
	memcpy(bytes + sizeof note, "/a\0/bcde", 8);
	tiny_segment(&t, 0x1000, 0x80, 0x80, PF_R);
	tiny_note(&t, "CORE", NT_FILE, bytes, sizeof bytes);
	CHECK(tiny_open(&t, &c, &err));
	CHECK(c.files.n == 1 && strcmp(c.files.at[0].path, "/a") == 0);
	CHECK(says(&c, "list of mapped files"));
}

static void
registers_of_odd_size_are_left_out(void)
{
	unsigned char status[64] = { 0 };
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;

	tiny_segment(&t, 0x1000, 0x80, 0x80, PF_R);
	tiny_note(&t, "CORE", NT_PRSTATUS, status, sizeof status);
	CHECK(tiny_open(&t, &c, &err));
	CHECK(c.threads.n == 0 && says(&c, "left out"));
}

static void
more_than_65535_segments_are_counted(void)
{
	enum { MANY = 70000 };
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	struct hs_error err;

	t.many = true;
	for (uint64_t i = 0; i < MANY; i++)
		tiny_segment(&t, 0x10000 + i * 64, 32, 1, PF_R | PF_W);
	tiny_thread(&t, 1, 0x10000);
	scoped(core_fini) struct core c = CORE_EMPTY;
	CHECK(tiny_open(&t, &c, &err));
	CHECK(c.segments.n == MANY && !c.cut && contents_are_right(&c));

	/* The section header at the end has the number: without it too. */
	scoped(core_fini) struct core cut = CORE_EMPTY;
	tiny_put(&t, t.image.at, t.image.n - 100);
	CHECK(core_open(&cut, t.path, &silent, &err));
	CHECK(cut.segments.n == MANY && cut.cut && cut.missing == 100 - 64);
	CHECK(cut.threads.n == 1 && contents_are_right(&cut));
}

static void
remarks_do_not_pile_up(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;

	for (unsigned i = 0; i < 1000; i++)
		tiny_segment(&t, 0x1000, 0x80, 0, PF_R);
	CHECK(tiny_open(&t, &c, &err));
	CHECK(c.segments.n == 1 && c.notes.n < 100);
}

static void
flags_and_selectors_hold_no_pointers(void)
{
	const struct machine *m = machines[0];
	unsigned holding = 0;

	CHECK(m->elf_machine == EM_X86_64 && m->nregs == 27);
	CHECK(strcmp(m->reg_names[m->sp], "rsp") == 0);
	CHECK(strcmp(m->reg_names[m->pc], "rip") == 0);
	CHECK(strcmp(m->reg_names[m->tp], "fs_base") == 0);
	for (unsigned i = 0; i < m->nregs; i++)
		holding += m->holds_pointer(i);
	CHECK(holding == 17 && m->holds_pointer(m->sp) && !m->holds_pointer(m->tp));
}

/* Packed bytes, whole and cut in the middle. */
static void
check_packed(struct tiny *t, const unsigned char *packed, size_t n)
{
	struct hs_error err = { .status = 0 };
	scoped(core_fini) struct core whole = CORE_EMPTY, cut = CORE_EMPTY;

	tiny_put(t, packed, n);
	CHECK(core_is_core(t->path));
	CHECK(core_open(&whole, t->path, &silent, &err));
	CHECK(!whole.cut && whole.size == t->image.n && contents_are_right(&whole));
	CHECK(whole.size == t->image.n
	    && memcmp(whole.map, t->image.at, whole.size) == 0);
	tiny_put(t, packed, n - n / 4);
	CHECK(core_open(&cut, t->path, &silent, &err));
	CHECK(cut.cut && cut.segments.n == 2 && says(&cut, "ended early"));
	tiny_put(t, packed, 8);
	CHECK(!core_open(&cut, t->path, &silent, &err));
	CHECK(err.status == HS_FAILED);
}

/* Of some size, part of it zeros, part not to be compressed. */
static void
make_large(struct tiny *t)
{
	static unsigned char noise[4096];

	for (uint32_t i = 0, x = 1; i < sizeof noise; i++) {
		x = x * 1103515245 + 12345;
		noise[i] = (unsigned char)(x >> 16);
	}
	tiny_segment(t, 0x1000, 0x40000, 0x40000, PF_R | PF_W);
	tiny_segment(t, 0x100000, 0x180000, 0x180000, PF_R | PF_W);
	tiny_thread(t, 1, 0x1000);
	tiny_make(t);
	for (size_t i = 0; i < t->image.n; i++) /* its own pattern repeats */
		if (i >= 0x8000 && i < 0x20000)
			t->image.at[i] = noise[i % sizeof noise];
}

#if defined HAVE_ZLIB || defined HAVE_LZMA || defined HAVE_ZSTD \
    || defined HAVE_LZ4 || defined HAVE_BZIP2
enum { ROOM = 1 << 22 };
#endif

static void
gzip_core_is_unpacked(void)
{
#ifdef HAVE_ZLIB
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	autofree unsigned char *packed = malloc(ROOM);
	z_stream z = { .next_in = NULL };

	make_sound(&t);
	tiny_make(&t);
	CHECK(deflateInit2(&z, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY)
	    == Z_OK);
	z.next_in = t.image.at;
	z.avail_in = (unsigned)t.image.n;
	z.next_out = packed;
	z.avail_out = ROOM;
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	check_packed(&t, packed, z.total_out);
	deflateEnd(&z);
#else
	SKIP("built without zlib");
#endif
}

static void
xz_core_is_unpacked(void)
{
#ifdef HAVE_LZMA
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	autofree unsigned char *packed = malloc(ROOM);
	size_t n = 0;

	make_sound(&t);
	tiny_make(&t);
	CHECK(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, t.image.at,
		  t.image.n, packed, &n, ROOM)
	    == LZMA_OK);
	check_packed(&t, packed, n);
#else
	SKIP("built without liblzma");
#endif
}

static void
zstd_core_is_unpacked(void)
{
#ifdef HAVE_ZSTD
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	autofree unsigned char *packed = malloc(ROOM);

	make_sound(&t);
	tiny_make(&t);
	size_t half = ZSTD_compress(packed, ROOM, t.image.at, t.image.n - 500, 1);
	CHECK(!ZSTD_isError(half)); /* two frames, one behind the other */
	size_t rest = ZSTD_compress(packed + half, ROOM - half,
	    t.image.at + t.image.n - 500, 500, 1);
	CHECK(!ZSTD_isError(rest));
	check_packed(&t, packed, half + rest);
#else
	SKIP("built without libzstd");
#endif
}

static void
lz4_core_is_unpacked(void)
{
#ifdef HAVE_LZ4
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	autofree unsigned char *packed = malloc(ROOM);

	make_sound(&t);
	tiny_make(&t);
	size_t half =
	    LZ4F_compressFrame(packed, ROOM, t.image.at, t.image.n - 500, NULL);
	CHECK(!LZ4F_isError(half)); /* two frames, one behind the other */
	size_t rest = LZ4F_compressFrame(packed + half, ROOM - half,
	    t.image.at + t.image.n - 500, 500, NULL);
	CHECK(!LZ4F_isError(rest));
	check_packed(&t, packed, half + rest);
#else
	SKIP("built without liblz4");
#endif
}

#ifdef HAVE_BZIP2
static unsigned
bzip2_some(unsigned char *to, unsigned char *from, unsigned n)
{
	unsigned packed = ROOM / 2;

	CHECK(BZ2_bzBuffToBuffCompress((char *)to, &packed, (char *)from, n, 1, 0, 0)
	    == BZ_OK);
	return packed;
}
#endif

/* In many streams, since one that is cut in its first block gives nothing. */
static void
bzip2_core_is_unpacked(void)
{
#ifdef HAVE_BZIP2
	enum { PART = 256 };
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	autofree unsigned char *packed = malloc(ROOM);
	size_t n = 0;

	make_sound(&t);
	tiny_make(&t);
	for (size_t at = 0; at < t.image.n; at += PART)
		n += bzip2_some(packed + n, t.image.at + at,
		    t.image.n - at < PART ? (unsigned)(t.image.n - at) : PART);
	check_packed(&t, packed, n);
	memset(packed + n, 0, 512); /* what a tape or a disk pads with */
	tiny_put(&t, packed, n + 512);
	scoped(core_fini) struct core padded = CORE_EMPTY;
	struct hs_error err;
	CHECK(core_open(&padded, t.path, &silent, &err) && !padded.cut);
#else
	SKIP("built without libbz2");
#endif
}

/* core_open("-") with standard input from fd. */
static bool
open_stdin(int fd, struct core *c, const struct progress *progress, struct hs_error *err)
{
	int was = dup(STDIN_FILENO);

	dup2(fd, STDIN_FILENO);
	bool ok = core_open(c, "-", progress, err);
	if (was >= 0) {
		dup2(was, STDIN_FILENO);
		close(was);
	}
	return ok;
}

static void
standard_input_is_read_from_a_file(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;

	make_sound(&t);
	tiny_make(&t);
	tiny_put(&t, t.image.at, t.image.n);
	CHECK(open_stdin(t.fd, &c, &silent, &err));
	CHECK(c.threads.n == 2 && strcmp(c.path, "standard input") == 0);
}

/* The last of what it hears. */
static bool
hear(void *arg, const struct hs_progress *p)
{
	*(struct hs_progress *)arg = *p;
	return true;
}

static void
standard_input_is_read_from_a_pipe(void)
{
	struct hs_progress heard = { .all = 1 };
	const struct progress progress = { hear, &heard };
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;
	struct hs_error err;
	int ends[2];

	make_large(&t);
	CHECK(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		for (size_t done = 0; done < t.image.n;) {
			ssize_t n =
			    write(ends[1], t.image.at + done, t.image.n - done);

			if (n <= 0)
				_exit(1);
			done += (size_t)n;
		}
		_exit(0);
	}
	close(ends[1]);
	CHECK(open_stdin(ends[0], &c, &progress, &err));
	CHECK(heard.done == t.image.n && heard.all == 0); /* of a pipe nobody knows */
	CHECK(c.size == t.image.n && memcmp(c.map, t.image.at, c.size) == 0);
	close(ends[0]);
	waitpid(child, NULL, 0);
}

static bool
stop_at_once(void *arg UNUSED, const struct hs_progress *p)
{
	CHECK(p->done == 0 && p->all == 10);
	return false;
}

static void
reading_can_be_interrupted(void)
{
	const struct progress stop = { .call = stop_at_once };
	scoped(core_fini) struct core c = CORE_EMPTY;
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	struct hs_error err = { .status = 0 };

	tiny_put(&t, "\x1f\x8b........", 10);
	CHECK(!core_open(&c, t.path, &stop, &err) && err.status == HS_INTERRUPTED);
}

/* The error for a sound core of which byte `at` was changed. */
static const char *
error_after(size_t at, unsigned char byte)
{
	static struct hs_error err;
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core c = CORE_EMPTY;

	make_sound(&t);
	tiny_make(&t);
	t.image.at[at] = byte;
	tiny_put(&t, t.image.at, t.image.n);
	return core_open(&c, t.path, &silent, &err) ? "" : err.text;
}

static void
what_is_no_core_is_told(void)
{
	CHECK(strstr(error_after(0, 'x'), "not a core"));
	CHECK(strstr(error_after(EI_DATA, ELFDATA2MSB), "big-endian"));
	CHECK(strstr(error_after(EI_NIDENT, ET_EXEC), "the core comes first"));
	CHECK(strstr(error_after(EI_NIDENT, ET_DYN), "the core comes first"));
	CHECK(strstr(error_after(EI_NIDENT, ET_REL), "not a core"));
	CHECK(strstr(error_after(EI_NIDENT + 2, EM_RISCV), "not supported yet"));
	CHECK(strstr(error_after(EI_NIDENT + 2, EM_RISCV), "riscv64"));
	CHECK(strstr(error_after(EI_CLASS, ELFCLASS32), "x32"));
	CHECK(strstr(error_after(54, 1), "makes no sense")); /* e_phentsize */
	CHECK(strstr(error_after(56, 1), "no memory"));      /* e_phnum */
}

static void
what_cannot_be_read_is_told(void)
{
	scoped(core_fini) struct core c = CORE_EMPTY;
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	struct hs_error err;

	CHECK(!core_open(&c, "/", &silent, &err) && strstr(err.text, "directory"));
	CHECK(!core_open(&c, "/dev/zero", &silent, &err)
	    && strstr(err.text, "neither"));
	CHECK(!core_open(&c, "/no/such", &silent, &err)
	    && strstr(err.text, strerror(ENOENT)));
	tiny_put(&t, "", 0);
	CHECK(!core_open(&c, t.path, &silent, &err) && strstr(err.text, "is empty"));
	tiny_put(&t, "BZh9", 4);
#ifdef HAVE_BZIP2
	const char *says = "nothing comes out of this bzip2 file";
#else
	const char *says = "bzip2 -d";
#endif
	CHECK(!core_open(&c, t.path, &silent, &err) && strstr(err.text, says));
}

static void
core_is_told_from_program(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	unsigned char program[TINY_PROGRAM];

	make_sound(&t);
	tiny_make(&t);
	tiny_put(&t, t.image.at, t.image.n);
	CHECK(core_is_core(t.path));
	tiny_program(program, 1);
	tiny_put(&t, program, sizeof program);
	CHECK(!core_is_core(t.path));
	CHECK(!core_is_core("/") && !core_is_core("/no/such"));
}

static void
hole_of_the_file_is_told_from_what_is_to_be_read(void)
{
	static const unsigned char map[4096], other[1];
	struct range hole[] = { { 1000, 2000 }, { 3000, 4096 } };
	struct core core = { .map = map,
		.size = sizeof map,
		.holes = { .at = hole, .n = 2 } };
	bool is;

	CHECK(core_stretch(&core, map, 4096, &is) == 1000 && !is);
	CHECK(core_stretch(&core, map, 500, &is) == 500 && !is);
	CHECK(core_stretch(&core, map + 1000, 4096, &is) == 1000 && is);
	CHECK(core_stretch(&core, map + 1999, 10, &is) == 1 && is);
	CHECK(core_stretch(&core, map + 2000, 1000, &is) == 1000 && !is);
	CHECK(core_stretch(&core, map + 3500, 100, &is) == 100 && is);
	CHECK(core_stretch(&core, other, 1, &is) == 1 && !is);
}

static void
large_hole_is_known(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core core = CORE_EMPTY;
	enum { SIZE = 8 << 20, FROM = 2 << 20, LENGTH = 4 << 20 };
	struct hs_error err;
	bool hole;

	tiny_segment(&t, 0x10000, SIZE, SIZE, PF_R | PF_W);
	tiny_make(&t);
	tiny_put(&t, t.image.at, t.image.n);
	CHECK(fallocate(t.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FROM, LENGTH)
	    == 0);
	CHECK(core_open(&core, t.path, &(struct progress) { 0 }, &err));
	CHECK(core_stretch(&core, core.map, core.size, &hole) == FROM && !hole);
	CHECK(core_stretch(&core, core.map + FROM, SIZE / 2, &hole) == LENGTH && hole);
}

TESTS(sound_core_is_read_whole, threads_have_their_registers,
    files_and_auxv_are_found, cut_core_is_an_error_or_says_so,
    cut_core_of_gdb_has_lost_its_threads, overlapping_segments_are_cut_down,
    segment_that_wraps_is_left_out, contents_beyond_memory_are_left_out,
    offset_past_the_file_is_a_cut, note_past_the_end_ends_the_notes,
    absurd_count_of_files_is_bounded, name_without_end_is_left_out,
    registers_of_odd_size_are_left_out, more_than_65535_segments_are_counted,
    remarks_do_not_pile_up, flags_and_selectors_hold_no_pointers,
    gzip_core_is_unpacked, xz_core_is_unpacked, zstd_core_is_unpacked,
    lz4_core_is_unpacked, bzip2_core_is_unpacked, standard_input_is_read_from_a_file,
    standard_input_is_read_from_a_pipe, reading_can_be_interrupted,
    what_is_no_core_is_told, what_cannot_be_read_is_told, core_is_told_from_program,
    hole_of_the_file_is_told_from_what_is_to_be_read, large_hole_is_known)
