/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stopped process in place of a core.
 *
 * The process is made up: a list of mappings whose bytes are tiny_byte(), but
 * for a program's, and a call-back that reads them, as a debugger would.  What
 * a test hands over is freed as soon as the process is copied, so that the
 * sanitizers see what is used too late.
 */
#include "unit/check.h"
#include "unit/tiny.h"
#include "unit/world.h"

#include <signal.h>
#include <sys/resource.h>

enum {
	PAGE = 4096,
	KIB = 1 << 10,
	MIB = 1 << 20,
	FOREIGN = 0x200000, /* a program for another machine */
	PROGRAM = 0x400000,
	HEAP = 0x10000000,
	FAR = 0x20000000,
	R = PF_R,
	RW = PF_R | PF_W,
	RX = PF_R | PF_X,
	SHARED = 1 << 8, /* besides R and W, for fake_map() */
};

struct fake {
	struct VEC(struct hs_mapping) mappings; /* paths are owned */
	struct VEC(struct hs_thread) threads;   /* all that they name is owned */
	struct VEC(struct hs_auxv) auxv;
	struct VEC(struct range) bad; /* cannot be read */
	struct range touched;         /* what was touched, if that can be asked */
	bool knows_touched;
	int32_t pid;
	const struct core *model; /* whose memory it has, or NULL */
	bool all_or_nothing;      /* a call fails when any byte is bad */
	uint64_t ends_after;      /* bytes; then nothing can be read any more */
	size_t at_once;           /* bytes that a call gives at most */
	unsigned char program[TINY_PROGRAM], foreign[TINY_PROGRAM];
	uint64_t calls, bytes, asked; /* so far; asked: about what was touched */
	hs_addr last;                 /* what was asked for last */
	size_t largest;               /* bytes that a call asked for */
	uint64_t progress, interrupt_at;
	struct hs_progress heard; /* last */
	struct core core;
};

static struct fake
fake_new(void)
{
	struct fake f = { .pid = 42,
		.ends_after = UINT64_MAX,
		.at_once = SIZE_MAX,
		.interrupt_at = UINT64_MAX };

	tiny_program(f.program, 1);
	tiny_program(f.foreign, 2);
	f.foreign[EI_NIDENT + 2] = EM_RISCV;
	return f;
}

static void
fake_forget(struct fake *f)
{
	for (size_t i = 0; i < f->mappings.n; i++)
		free((char *)(uintptr_t)f->mappings.at[i].path);
	for (size_t i = 0; i < f->threads.n; i++) {
		free((void *)(uintptr_t)f->threads.at[i].registers);
		free((void *)(uintptr_t)f->threads.at[i].vector);
	}
	vec_free(&f->mappings);
	vec_free(&f->threads);
	vec_free(&f->auxv);
	vec_free(&f->bad);
}

static void
fake_fini(struct fake *f)
{
	fake_forget(f);
	core_fini(&f->core);
}

static void
fake_map(struct fake *f, hs_addr start, uint64_t size, unsigned flags,
    const char *path, uint64_t offset)
{
	vec_push(&f->mappings,
	    (struct hs_mapping) { .start = start,
		.end = start + size,
		.offset = offset,
		.path = path ? strdup(path) : NULL,
		.readable = flags & PF_R,
		.writable = flags & PF_W,
		.executable = flags & PF_X,
		.shared = flags & SHARED });
}

/* Without it no machine is known. */
static void
fake_program(struct fake *f)
{
	fake_map(f, PROGRAM, PAGE, R, "/bin/fake", 0);
	fake_map(f, PROGRAM + PAGE, PAGE, RX, "/bin/fake", PAGE);
	fake_map(f, PROGRAM + 2 * PAGE, PAGE, RW, "/bin/fake", 2 * PAGE);
	vec_push(&f->auxv, (struct hs_auxv) { AT_ENTRY, PROGRAM + 0x1010 });
}

static void
fake_bad(struct fake *f, hs_addr start, uint64_t size)
{
	vec_push(&f->bad, (struct range) { start, start + size });
}

static void *
copy_of(const void *bytes, size_t n)
{
	void *copy = malloc(n + 1);

	if (!copy)
		abort();
	return memcpy(copy, bytes, n);
}

/* Registers come as names and values, up to a NULL name. */
static void
fake_thread(struct fake *f, unsigned number, const struct hs_register *registers,
    const void *vector, size_t size)
{
	size_t n = 0;

	while (registers[n].name)
		n++;
	vec_push(&f->threads,
	    (struct hs_thread) { .number = number,
		.tid = 100 + (int32_t)number,
		.registers = copy_of(registers, n * sizeof *registers),
		.nregisters = n,
		.vector = vector ? copy_of(vector, size) : NULL,
		.vector_size = size });
}

static unsigned char
byte_of(const struct fake *f, hs_addr a)
{
	if (f->model) {
		const struct segment *s = core_segment_at(f->model, a);

		return s->bytes[a - s->range.start];
	}
	if (a - FOREIGN < sizeof f->foreign)
		return f->foreign[a - FOREIGN];
	return a - PROGRAM < sizeof f->program ? f->program[a - PROGRAM]
					       : tiny_byte(a);
}

static bool
is_mapped(const struct fake *f, hs_addr a)
{
	for (size_t i = 0; i < f->mappings.n; i++)
		if (a >= f->mappings.at[i].start && a < f->mappings.at[i].end)
			return true;
	return false;
}

static bool
can_read(const struct fake *f, hs_addr a)
{
	for (size_t i = 0; i < f->bad.n; i++)
		if (range_has(f->bad.at[i], a))
			return false;
	return f->bytes < f->ends_after && is_mapped(f, a);
}

static size_t
fake_read(void *arg, hs_addr a, void *to, size_t n)
{
	struct fake *f = arg;
	unsigned char *out = to;
	size_t i = 0;

	f->calls++;
	f->last = a;
	f->largest = n > f->largest ? n : f->largest;
	if (n > f->at_once)
		n = f->at_once;
	while (i < n && ((a + i) % PAGE && i > 0 ? true : can_read(f, a + i))) {
		out[i] = byte_of(f, a + i);
		i++;
	}
	if (i < n && f->all_or_nothing)
		return 0;
	f->bytes += i;
	return i;
}

static hs_addr
fake_touched(void *arg, hs_addr a, hs_addr end)
{
	struct fake *f = arg;

	f->asked++;
	if (a >= f->touched.end || end <= f->touched.start)
		return end;
	return a > f->touched.start ? a : f->touched.start;
}

static bool
fake_progress(void *arg, const struct hs_progress *p)
{
	struct fake *f = arg;

	CHECK(strcmp(p->stage, "reading memory") == 0 && p->percent >= 0
	    && p->percent <= 100 && p->done <= p->all);
	f->heard = *p;
	return f->progress++ != f->interrupt_at;
}

static struct hs_target
fake_target(struct fake *f)
{
	return (struct hs_target) { .name = "process 42",
		.pid = f->pid,
		.mappings = f->mappings.at,
		.nmappings = f->mappings.n,
		.threads = f->threads.at,
		.nthreads = f->threads.n,
		.auxv = f->auxv.at,
		.nauxv = f->auxv.n,
		.read = fake_read,
		.touched = f->knows_touched ? fake_touched : NULL,
		.arg = f };
}

/* To f->core, after which all but the core is gone. */
static bool
fake_open(struct fake *f, struct hs_error *err)
{
	struct hs_target t = fake_target(f);
	struct progress progress = { fake_progress, f };
	bool ok = core_of_target(&f->core, &t, &progress, err);

	memset(&t, 0xa5, sizeof t);
	fake_forget(f);
	return ok;
}

/* The same, of what must work. */
static struct core *
opened(struct fake *f)
{
	struct hs_error err = { .text = "" };
	bool ok = fake_open(f, &err);

	CHECK(ok);
	if (!ok)
		printf("# %s\n", err.text);
	return &f->core;
}

/* Why it cannot be opened: one line, with the name in front. */
static const char *
refused(struct fake *f)
{
	static struct hs_error err;

	err = (struct hs_error) { .text = "" };
	CHECK(!fake_open(f, &err));
	CHECK(strncmp(err.text, "process 42: ", 12) == 0);
	CHECK(!f->core.map && f->core.segments.n == 0);
	return err.text;
}

/* Is all of [a, a + n) there, in one segment, and as it was? */
static bool
has(const struct fake *f, hs_addr a, uint64_t n)
{
	const struct segment *s = core_segment_at(&f->core, a);

	if (!s || s->have < a - s->range.start + n)
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (s->bytes[a - s->range.start + i] != byte_of(f, a + i))
			return false;
	return true;
}

static bool
has_zeros(const struct fake *f, hs_addr a, uint64_t n)
{
	const struct segment *s = core_segment_at(&f->core, a);

	if (!s || s->have < a - s->range.start + n)
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (s->bytes[a - s->range.start + i])
			return false;
	return true;
}

/* Bytes that the segment at a has; UINT64_MAX when it promises another number. */
static uint64_t
have(const struct fake *f, hs_addr a)
{
	const struct segment *s = core_segment_at(&f->core, a);

	return s && s->have == s->promised ? s->have : UINT64_MAX;
}

static bool
says(const struct core *c, const char *what)
{
	for (size_t i = 0; i < c->notes.n; i++)
		if (strstr(c->notes.at[i], what))
			return true;
	return false;
}

/* ---- Memory */

static void
memory_is_copied(void)
{
	scoped(fake_fini) struct fake f = fake_new();

	fake_map(&f, FAR, 3 * MIB, RW, NULL, 0);
	fake_map(&f, HEAP, 5 * PAGE, RW, "[heap]", 0);
	fake_program(&f);
	const struct core *c = opened(&f);
	CHECK(strcmp(c->path, "process 42") == 0 && c->machine == machines[0]);
	CHECK(c->segments.n == 5 && c->notes.n == 0 && !c->cut && c->missing == 0);
	for (size_t i = 1; i < c->segments.n; i++)
		CHECK(c->segments.at[i - 1].range.end <= c->segments.at[i].range.start);
	for (size_t i = 0; i < c->segments.n; i++)
		CHECK(((uintptr_t)c->segments.at[i].bytes & (PAGE - 1)) == 0);
	CHECK(has(&f, PROGRAM, PAGE) && has(&f, PROGRAM + 2 * PAGE, PAGE));
	CHECK(has(&f, HEAP, 5 * PAGE) && has(&f, FAR, 3 * MIB));
	CHECK(have(&f, FAR) == 3 * MIB);
	CHECK(core_segment_at(c, HEAP)->flags == RW);
	CHECK(core_segment_at(c, PROGRAM)->flags == R);
	CHECK(core_segment_at(c, PROGRAM + PAGE)->flags == RX);
}

/* Large chunks where it goes well: a call is a packet to far away. */
static void
calls_are_few(void)
{
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	fake_map(&f, HEAP, 8 * MIB, RW, "[heap]", 0);
	fake_bad(&f, HEAP + MIB, PAGE);
	opened(&f);
	CHECK(has(&f, HEAP + MIB + PAGE, 7 * MIB - PAGE));
	CHECK(f.calls < 70 && f.largest == 256 * KIB);
}

static void
few_bytes_at_once_are_enough(void)
{
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	fake_map(&f, HEAP, 20 * PAGE, RW, "[heap]", 0);
	fake_bad(&f, HEAP + 7 * PAGE, PAGE);
	f.at_once = 1000;
	opened(&f);
	CHECK(has(&f, HEAP, 7 * PAGE) && has(&f, HEAP + 8 * PAGE, 12 * PAGE));
	CHECK(has_zeros(&f, HEAP + 7 * PAGE, PAGE) && has(&f, PROGRAM, PAGE));
}

/* As a guard in a stack of glibc 2.42 and later. */
static void
page_that_cannot_be_read_is_zeros(void)
{
	for (int all_or_nothing = 0; all_or_nothing < 2; all_or_nothing++) {
		scoped(fake_fini) struct fake f = fake_new();

		fake_program(&f);
		fake_map(&f, HEAP, 2 * MIB, RW, NULL, 0);
		fake_bad(&f, HEAP, PAGE);
		fake_bad(&f, HEAP + 100 * PAGE, 3 * PAGE);
		fake_bad(&f, HEAP + 2 * MIB - PAGE, PAGE);
		f.all_or_nothing = all_or_nothing;
		const struct core *c = opened(&f);
		CHECK(have(&f, HEAP) == 2 * MIB && c->notes.n == 0);
		CHECK(has_zeros(&f, HEAP, PAGE));
		CHECK(has(&f, HEAP + PAGE, 99 * PAGE));
		CHECK(has_zeros(&f, HEAP + 100 * PAGE, 3 * PAGE));
		CHECK(has(&f, HEAP + 103 * PAGE, 2 * MIB - 104 * PAGE));
		CHECK(has_zeros(&f, HEAP + 2 * MIB - PAGE, PAGE));
	}
}

static void
pages_here_and_there_are_zeros_however_many(void)
{
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	fake_map(&f, HEAP, 4 * MIB, RW, NULL, 0);
	for (uint64_t at = PAGE; at < 4 * MIB; at += 2 * PAGE)
		fake_bad(&f, HEAP + at, PAGE);
	opened(&f);
	CHECK(have(&f, HEAP) == 4 * MIB && f.core.notes.n == 0);
	CHECK(has(&f, HEAP + 4 * MIB - 2 * PAGE, PAGE));
}

/* What a mapping should not have: pieces of pages. */
static void
odd_ends_are_read(void)
{
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	fake_map(&f, HEAP + 100, 3 * PAGE, RW, NULL, 0);
	fake_bad(&f, HEAP, PAGE);
	fake_bad(&f, HEAP + 3 * PAGE, PAGE);
	fake_map(&f, FAR + 17, 1000, RX, "/lib/code", 0);
	opened(&f);
	CHECK(have(&f, HEAP + 100) == 3 * PAGE);
	CHECK(has_zeros(&f, HEAP + 100, PAGE - 100) && has(&f, HEAP + PAGE, 2 * PAGE));
	CHECK(has_zeros(&f, HEAP + 3 * PAGE, 100));
	CHECK(have(&f, FAR + 17) == 1000 && has(&f, FAR + 17, 1000));
}

static void
page_is_what_the_process_says_if_that_makes_sense(void)
{
	static const uint64_t odd[] = { 0, 1, 512, 5000, 3 * PAGE, 1 << 17,
		(uint64_t)1 << 63 };

	for (size_t i = 0; i <= sizeof odd / sizeof *odd; i++) {
		scoped(fake_fini) struct fake f = fake_new();
		uint64_t page = i ? PAGE : 4 * PAGE;

		fake_program(&f);
		fake_map(&f, HEAP, 8 * PAGE, RW, NULL, 0);
		fake_bad(&f, HEAP + 4 * PAGE, PAGE);
		vec_push(&f.auxv,
		    (struct hs_auxv) { AT_PAGESZ, i ? odd[i - 1] : page });
		opened(&f);
		CHECK(has(&f, HEAP, 4 * PAGE) && has_zeros(&f, HEAP + 4 * PAGE, page));
		CHECK(has(&f, HEAP + 4 * PAGE + page, 4 * PAGE - page) || !i);
	}
}

static void
more_than_a_mebibyte_in_a_row_is_missing(void)
{
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	fake_map(&f, HEAP, 4 * MIB, RW, NULL, 0);
	fake_bad(&f, HEAP + MIB, MIB);
	fake_map(&f, FAR, 4 * MIB, RW, NULL, 0);
	fake_bad(&f, FAR + MIB, MIB + PAGE);
	const struct core *c = opened(&f);
	CHECK(have(&f, HEAP) == 4 * MIB && has_zeros(&f, HEAP + MIB, MIB));
	CHECK(has(&f, HEAP + 2 * MIB, 2 * MIB));
	const struct segment *s = core_segment_at(c, FAR);
	CHECK(s->have == MIB && s->promised == 4 * MIB && has(&f, FAR, MIB));
	CHECK(c->notes.n == 1 && says(c, "3145728 bytes of memory at 0x20100000"));
	CHECK(f.last < FAR + 3 * MIB); /* no more was tried */
}

/* Holes of the space that the core is laid out to. */
static void
holes_of(struct fake *f, struct space *space)
{
	struct lookup how = { .exe = NULL };
	struct hs_error err;

	opened(f);
	CHECK(space_build(space, &f->core, &how, &err));
}

static void
data_that_cannot_be_read_is_no_zeros(void)
{
	scoped(fake_fini) struct fake f = fake_new();
	scoped(space_fini) struct space space = SPACE_EMPTY;

	fake_program(&f);
	fake_bad(&f, PROGRAM + 2 * PAGE, PAGE);
	fake_map(&f, HEAP, 2 * PAGE, RW, NULL, 0);
	fake_bad(&f, HEAP, 2 * PAGE);
	holes_of(&f, &space);
	CHECK(space.holes.n == 2);
	CHECK(space.holes.at[0].range.start == PROGRAM + 2 * PAGE);
	CHECK(space.holes.at[1].range.start == HEAP
	    && range_size(space.holes.at[1].range) == 2 * PAGE);
	CHECK(f.core.segments.at[3].promised == 2 * PAGE); /* it is not called blank */
}

static void
kernel_memory_that_cannot_be_read_is_no_loss(void)
{
	scoped(fake_fini) struct fake f = fake_new();
	scoped(space_fini) struct space space = SPACE_EMPTY;

	fake_program(&f);
	fake_map(&f, HEAP, 4 * PAGE, R, "[vvar]", 0);
	fake_bad(&f, HEAP, 4 * PAGE);
	fake_map(&f, 0xffffffffff600000, PAGE, PF_X, "[vsyscall]", 0);
	holes_of(&f, &space);
	CHECK(have(&f, HEAP) == 0 && space.holes.n == 0 && f.core.notes.n == 0);
	CHECK(core_segment_at(&f.core, 0xffffffffff600000)->flags == PF_X);
}

static void
untouched_memory_is_zeros_and_not_read(void)
{
	scoped(fake_fini) struct fake f = fake_new();
	uint64_t large = (uint64_t)8 << 30;
	hs_addr used = FAR + large - 3 * PAGE;

	fake_program(&f);
	fake_map(&f, HEAP, MIB, RW, "[heap]", 0);
	fake_map(&f, FAR, large, RW, NULL, 0);
	f.knows_touched = true;
	f.touched = (struct range) { used + 8, UINT64_MAX };
	opened(&f);
	CHECK(have(&f, HEAP) == MIB && has_zeros(&f, HEAP, MIB));
	CHECK(have(&f, FAR) == large && has_zeros(&f, FAR + large - MIB, MIB / 2));
	CHECK(has(&f, used, 3 * PAGE));
	/* Besides: to tell its machine, and at the end whether it is there still. */
	CHECK(f.bytes == 5 * PAGE + 20 + 1 && f.calls == 4 + 1 && f.asked == 3);
}

/* What others may have touched, what a file has, and what is the kernel's. */
static void
only_private_memory_is_skipped(void)
{
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	fake_map(&f, HEAP, PAGE, RX, "[vdso]", 0);
	fake_map(&f, HEAP + PAGE, PAGE, RW | SHARED, NULL, 0);
	fake_map(&f, HEAP + 2 * PAGE, PAGE, RW, "/lib/data", 0);
	f.knows_touched = true;
	opened(&f);
	CHECK(has(&f, HEAP, PAGE) && has(&f, HEAP + PAGE, PAGE));
	CHECK(has(&f, HEAP + 2 * PAGE, PAGE) && f.asked == 0);
}

static void
only_the_first_page_of_code_is_copied(void)
{
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	fake_map(&f, HEAP, 8 * PAGE, RX, "/lib/old", 0);
	fake_map(&f, FAR, 8 * PAGE, RX | PF_W, "/lib/patched", 0);
	fake_map(&f, FAR + MIB, 8 * PAGE, RX, NULL, 0);
	opened(&f);
	CHECK(have(&f, PROGRAM + PAGE) == 0); /* not the first page of the file */
	CHECK(have(&f, HEAP) == PAGE && has(&f, HEAP, PAGE));
	CHECK(core_segment_at(&f.core, HEAP)->range.end == HEAP + 8 * PAGE);
	CHECK(have(&f, FAR) == 8 * PAGE && have(&f, FAR + MIB) == 8 * PAGE);
}

static void
shared_memory_is_copied_unless_a_file_has_it(void)
{
	static const struct {
		const char *path;
		bool copied;
	} cases[] = {
		{ "/dev/dri/card0", false },
		{ "/var/cache/fonts", false },
		{ "anon_inode:[io_uring]", false },
		{ "/dev/zero (deleted)", true },
		{ " (deleted)", true },
		{ "(deleted)", false },
		{ "[anon_shmem:pool]", true },
		{ "", true },
		{ NULL, true },
	};
	enum { CASES = sizeof cases / sizeof *cases };
	scoped(fake_fini) struct fake f = fake_new();
	scoped(space_fini) struct space space = SPACE_EMPTY;

	fake_program(&f);
	for (size_t i = 0; i < CASES; i++) {
		fake_map(&f, HEAP + i * MIB, PAGE, RW | SHARED, cases[i].path, 0);
		fake_map(&f, FAR + i * MIB, 2 * PAGE, RX | SHARED, cases[i].path, 0);
	}
	holes_of(&f, &space);
	for (size_t i = 0; i < CASES; i++) {
		CHECK(have(&f, HEAP + i * MIB) == (cases[i].copied ? PAGE : 0));
		CHECK(have(&f, FAR + i * MIB) == (cases[i].copied ? 2 * PAGE : 0));
	}
	CHECK(space.holes.n == 0 && f.core.notes.n == 0);
}

static void
memory_that_is_not_readable_is_not_read(void)
{
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	fake_map(&f, HEAP, (uint64_t)1 << 40, 0, NULL, 0);
	opened(&f);
	CHECK(have(&f, HEAP) == 0 && core_segment_at(&f.core, HEAP)->flags == 0);
	CHECK(f.last < HEAP);
}

/* ---- Files and machine */

static void
files_are_those_with_a_name(void)
{
	scoped(fake_fini) struct fake f = fake_new();

	fake_map(&f, FAR, PAGE, 0, "/lib/b.so (deleted)", 0x7000);
	fake_map(&f, FAR + PAGE, PAGE, RW, "[anon:x]", 0);
	fake_map(&f, FAR + 2 * PAGE, PAGE, RW, "", 0);
	fake_program(&f);
	vec_push(&f.auxv, (struct hs_auxv) { AT_NULL, 0 });
	vec_push(&f.auxv, (struct hs_auxv) { AT_PHDR, 0 });
	const struct core *c = opened(&f);
	CHECK(c->has_files && c->files.n == 4);
	CHECK(core_file_at(c, PROGRAM + PAGE)->offset == PAGE);
	CHECK(strcmp(c->files.at[0].path, "/bin/fake") == 0);
	CHECK(strcmp(core_file_at(c, FAR)->path, "/lib/b.so (deleted)") == 0);
	CHECK(core_file_at(c, FAR)->offset == 0x7000);
	CHECK(c->auxv.n == 1);
	CHECK(!core_file_at(c, FAR + PAGE) && !core_file_at(c, FAR + 2 * PAGE));
}

/* Not that of the first ELF file: an emulator has those of others in its memory. */
static void
machine_is_that_of_the_program(void)
{
	static const uint64_t types[] = { AT_ENTRY, AT_PHDR };

	for (size_t i = 0; i < 2; i++) {
		scoped(fake_fini) struct fake f = fake_new();

		fake_map(&f, FOREIGN, PAGE, R, "/img/foreign", 0);
		fake_program(&f);
		f.auxv.at[0].type = types[i];
		CHECK(opened(&f)->machine == machines[0]);
	}
	scoped(fake_fini) struct fake f = fake_new();
	fake_program(&f);
	fake_map(&f, FOREIGN, PAGE, R, "/img/foreign", 0);
	f.auxv.at[0].value = FOREIGN;
	const char *why = refused(&f);
	CHECK(strstr(why, "not supported yet") && strstr(why, "riscv64"));
}

static void
machine_is_that_of_any_file_if_need_be(void)
{
	scoped(fake_fini) struct fake file = fake_new(), nameless = fake_new();

	fake_map(&file, FOREIGN, PAGE, RW, NULL, 0); /* read from somewhere */
	fake_program(&file);
	file.auxv.n = 0;
	CHECK(opened(&file)->machine == machines[0]);
	fake_map(&nameless, PROGRAM, PAGE, RX, "[vdso]", PAGE);
	nameless.at_once = 7;
	CHECK(opened(&nameless)->machine == machines[0]);
}

static void
machine_that_cannot_be_told_is_an_error(void)
{
	for (int i = 0; i < 5; i++) {
		scoped(fake_fini) struct fake f = fake_new();

		fake_map(&f, HEAP, PAGE, RW, "[heap]", 0);
		if (i == 1) /* not the start of the file */
			fake_map(&f, PROGRAM, PAGE, R, "/bin/fake", PAGE);
		if (i == 2) /* too little of it */
			fake_map(&f, PROGRAM, EI_NIDENT + 3, R, "/bin/fake", 0);
		if (i >= 3)
			fake_map(&f, PROGRAM, PAGE, R, "/bin/fake", 0);
		if (i == 3)
			fake_bad(&f, PROGRAM, PAGE);
		if (i == 4) /* it ends after two calls */
			f.at_once = 7, f.ends_after = 8;
		CHECK(strstr(refused(&f), "machine cannot be told"));
	}
}

/* ---- Threads */

static void
threads_have_their_registers_by_name(void)
{
	static const struct hs_register some[] = { { "rsp", 0x7100 }, { "rax", 7 },
		{ "st0", 8 }, { "fs_base", 0x7200 }, { "rip", 0x7300 }, { "gs", 9 },
		{ NULL, 0 } };
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	fake_thread(&f, 3, some, "vectors of three", 16);
	fake_thread(&f, 1, some, NULL, 0);
	fake_thread(&f, 7, some, "more", 4);
	const struct core *c = opened(&f);
	CHECK(c->threads.n == 3 && c->pid == 42 && c->signal == 0);
	const struct core_thread *t = c->threads.at;
	CHECK(t[0].number == 3 && t[1].number == 1 && t[2].number == 7);
	CHECK(t[0].tid == 103 && t[2].tid == 107 && !t[0].lost);
	CHECK(t[0].sp == 0x7100 && t[0].tp == 0x7200 && t[0].pc == 0x7300);
	CHECK(t[1].reg[10] == 7 && t[1].reg[26] == 9 && t[1].reg[0] == 0);
	CHECK(t[0].vector_size == 16
	    && memcmp(t[0].vector, "vectors of three", 16) == 0);
	CHECK(!t[1].vector && t[1].vector_size == 0);
	CHECK(t[2].vector_size == 4 && memcmp(t[2].vector, "more", 4) == 0);
}

static void
process_is_known_by_its_first_thread(void)
{
	static const struct hs_register none[] = { { NULL, 0 } };
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	fake_thread(&f, 5, none, NULL, 0);
	f.pid = 0;
	CHECK(opened(&f)->pid == 105);
}

static void
thread_without_registers_makes_it_incomplete(void)
{
	static const struct hs_register given[][3] = {
		{ { "rsp", HEAP + PAGE }, { "fs_base", HEAP + PAGE }, { NULL, 0 } },
		{ { "rsp", 0 }, { "fs_base", 0 }, { NULL, 0 } }, /* it never ran */
		{ { "rax", 1 }, { "fs_base", HEAP + PAGE }, { NULL, 0 } },
		{ { "rsp", HEAP + PAGE }, { "rax", 1 }, { NULL, 0 } },
		{ { NULL, 0 } },
	};

	for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
		scoped(fake_fini) struct fake f = fake_new();
		scoped(space_fini) struct space space = SPACE_EMPTY;
		scoped(image_fini) struct image image = IMAGE_EMPTY;
		scoped(verdict_fini) struct verdict v = { .missing = false };
		struct lookup how = { .exe = NULL };
		struct hs_error err;

		fake_program(&f);
		fake_map(&f, HEAP, 4 * PAGE, RW, "[stack]", 0);
		fake_thread(&f, 9, given[i], NULL, 0);
		holes_of(&f, &space);
		CHECK(f.core.threads.at[0].lost == (i > 1));
		CHECK(image_load(&image, &space, &how, &err));
		CHECK(image.threads.at[0].number == 9);
		CHECK(verdict_on_image(&v, &image, &err));
		CHECK(v.missing == (i > 1) && v.reasons.n == (i > 1));
		CHECK(i < 2
		    || strcmp(v.reasons.at[0],
			   "thread 9: its registers are not in the core")
			== 0);
	}
}

/* ---- What cannot be */

static void
nothing_mapped_is_an_error(void)
{
	scoped(fake_fini) struct fake none = fake_new(), nonsense = fake_new();

	CHECK(strstr(refused(&none), "no memory is mapped"));
	fake_map(&nonsense, HEAP, 0, RW, NULL, 0);
	CHECK(strstr(refused(&nonsense), "no memory is mapped"));
}

static void
nothing_to_be_read_is_an_error(void)
{
	scoped(fake_fini) struct fake f = fake_new(), set_aside = fake_new();

	fake_program(&f);
	fake_map(&f, HEAP, MIB, RW, "[heap]", 0);
	f.ends_after = 0;
	CHECK(strstr(refused(&f), "cannot be read: has it ended?"));
	fake_map(&set_aside, HEAP, MIB, 0, NULL, 0);
	CHECK(strstr(refused(&set_aside), "cannot be read: has it ended?"));
}

static void
process_that_ends_meanwhile_is_an_error(void)
{
	for (uint64_t n = 1; n < 4 * PAGE; n += PAGE) {
		scoped(fake_fini) struct fake f = fake_new();

		fake_program(&f);
		fake_map(&f, HEAP, 4 * PAGE, RW, "[heap]", 0);
		f.ends_after = n;
		CHECK(strstr(refused(&f), "cannot be read any more: has it ended?"));
	}
}

static void
interruption_is_asked_for_all_the_time(void)
{
	for (uint64_t i = 0, all = 1; i < all; i++) {
		scoped(fake_fini) struct fake f = fake_new();
		struct hs_error err = { .status = 0 };

		fake_program(&f);
		fake_map(&f, HEAP, MIB, RW, "[heap]", 0);
		fake_bad(&f, HEAP, MIB - PAGE);
		f.interrupt_at = i;
		bool ok = fake_open(&f, &err);
		CHECK(ok == (i + 1 == all && i > 0) || !ok);
		CHECK(ok || (err.status == HS_INTERRUPTED && !f.core.map));
		CHECK(f.calls <= f.progress + ok); /* whether it is there still */
		CHECK(!ok || (f.heard.all > MIB && f.heard.done > 0));
		all = ok ? 0 : all + 1;
	}
}

static void
mappings_that_make_no_sense_do_no_harm(void)
{
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	fake_map(&f, HEAP, 2 * PAGE, RW, NULL, 0);
	fake_map(&f, HEAP + PAGE, 3 * PAGE, RW, NULL, 0);     /* overlaps */
	fake_map(&f, HEAP, 2 * PAGE, R, "/lib/again", 0);     /* twice */
	fake_map(&f, HEAP + 7 * PAGE, -2 * PAGE, RW, "/", 0); /* backwards */
	f.mappings.at[0].start = FOREIGN, f.mappings.at[0].end = 0;
	fake_map(&f, FOREIGN, PAGE, RW, NULL, 0);
	fake_map(&f, PROGRAM, PAGE, R, "/bin/fake", 0);
	fake_map(&f, UINT64_MAX - 100, 100, RW, "/lib/last", 0);
	fake_map(&f, FAR, 0, RW, "/lib/empty", 0);
	fake_map(&f, FAR + 17, 1000, RW, "/lib/odd", UINT64_MAX);
	const struct core *c = opened(&f);
	CHECK(c->segments.n == 7 && says(c, "makes no sense") && says(c, "overlaps"));
	CHECK(has(&f, HEAP, 2 * PAGE) && has(&f, HEAP + 2 * PAGE, 2 * PAGE));
	CHECK(has(&f, FAR + 17, 1000) && have(&f, FAR + 17) == 1000);
	CHECK(c->files.n == 4 && has(&f, PROGRAM, PAGE));
	for (size_t i = 1; i < c->segments.n; i++)
		CHECK(c->segments.at[i - 1].range.end <= c->segments.at[i].range.start);
}

static void
many_mappings_are_copied(void)
{
	enum { MANY = 50000 };
	scoped(fake_fini) struct fake f = fake_new();

	fake_program(&f);
	for (uint64_t i = 0; i < MANY; i++)
		fake_map(&f, FAR + i * 64, i % 2 ? 32 : UINT64_MAX, RW, "/x", i);
	const struct core *c = opened(&f);
	CHECK(c->segments.n == 3 + MANY / 2 && c->files.n == 3 + MANY / 2);
	CHECK(c->notes.n < 100 && has(&f, FAR + (MANY - 1) * 64, 32));
	CHECK(core_file_at(c, FAR + 64)->offset == 1);
}

/* Answers that no sound call-back gives. */
static size_t
read_too_much(void *arg, hs_addr a, void *to, size_t n)
{
	return fake_read(arg, a, to, n) ? SIZE_MAX : 0;
}

static hs_addr
touched_elsewhere(void *arg, hs_addr a, hs_addr end)
{
	struct fake *f = arg;

	return f->asked++ % 2 ? a - PAGE : end + PAGE;
}

static void
absurd_answers_do_no_harm(void)
{
	scoped(fake_fini) struct fake f = fake_new();
	struct progress silent = { .call = NULL };
	struct hs_error err;

	fake_program(&f);
	fake_map(&f, HEAP, MIB, RW, "[heap]", 0);
	fake_map(&f, HEAP + MIB, MIB, RW, NULL, 0);
	struct hs_target t = { .name = "absurd",
		.mappings = f.mappings.at,
		.nmappings = f.mappings.n,
		.read = read_too_much,
		.touched = touched_elsewhere,
		.arg = &f };
	CHECK(core_of_target(&f.core, &t, &silent, &err));
	CHECK(have(&f, HEAP) == MIB && has_zeros(&f, HEAP, MIB));
	CHECK(have(&f, HEAP + MIB) == MIB && has(&f, HEAP + MIB, MIB / 4));
}

static void
no_room_is_an_error(void)
{
	scoped(fake_fini) struct fake f = fake_new(), huge = fake_new();
	struct rlimit was, small;

	fake_program(&f);
	fake_map(&f, HEAP, 3 * MIB, RW, "[heap]", 0);
	getrlimit(RLIMIT_FSIZE, &was);
	small = (struct rlimit) { MIB, was.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	CHECK(strstr(refused(&f), "no room in"));
	setrlimit(RLIMIT_FSIZE, &was);
	fake_program(&huge);
	fake_map(&huge, FAR, UINT64_MAX / 4 * 3, RW, NULL, 0);
	huge.knows_touched = true;
	CHECK(strstr(refused(&huge), "no room in") && huge.calls == 3);
}

/* ---- The whole of it */

/* What a command wrote. */
struct text VEC(char);

static bool
write_text(void *arg, const char *text, size_t n)
{
	struct text *to = arg;

	for (size_t i = 0; i < n; i++)
		vec_push(to, text[i]);
	return true;
}

static void
text_fini(struct text *t)
{
	vec_free(t);
}

/* The process that a core is of. */
static void
fake_from_core(struct fake *f, const struct core *core)
{
	const struct machine *m = core->machine;

	f->model = core;
	for (size_t i = core->segments.n; i-- > 0;) {
		const struct segment *s = &core->segments.at[i];
		const struct file_mapping *file = core_file_at(core, s->range.start);

		fake_map(f, s->range.start, range_size(s->range), s->flags,
		    file ? file->path : NULL, file ? file->offset : 0);
	}
	for (size_t i = 0; i < core->threads.n; i++) {
		const struct core_thread *t = &core->threads.at[i];
		struct hs_register all[CORE_MAX_REGS + 1] = { { NULL, 0 } };

		for (unsigned r = 0; r < m->nregs; r++)
			all[r] = (struct hs_register) { m->reg_names[r], t->reg[r] };
		fake_thread(f, t->number, all, t->vector, t->vector_size);
	}
	for (size_t i = 0; i < core->auxv.n; i++)
		vec_push(&f->auxv,
		    (struct hs_auxv) { core->auxv.at[i].type, core->auxv.at[i].value });
}

/* `heapscan leaks --json` from the verdict on: what comes before says what the input was. */
static int
leaks_of(struct hs_scan *s, struct text *to, struct hs_error *err)
{
	char leaks[] = "leaks", json[] = "--json", *argv[] = { leaks, json, NULL };

	to->n = 0;
	int status = hs_run(s, 2, argv, err);
	vec_push(to, '\0');
	const char *from = strstr(to->at, "\"completeness\"");
	if (from)
		memmove(to->at, from, strlen(from) + 1);
	return status;
}

static const char some_heap[] = "block A 64; block B 32; A -> B; block C 24; rbx -> C\n"
				"block D 48; vector -> D; block E 200; stack -> E\n"
				"thread; arena; block F 40; r12 -> F; tcache G 64\n"
				"tls -> G; block H 100; block I 24; root -> I+8\n";

static void
process_is_reported_as_its_core_is(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	scoped(fake_fini) struct fake f = fake_new();
	scoped(text_fini) struct text of_core = { 0 }, of_process = { 0 };
	struct hs_error err = { .text = "" };

	world_make(&w, some_heap);
	w.scan->options.write = write_text;
	w.scan->options.write_arg = &of_core;
	fake_from_core(&f, &w.scan->core);
	struct hs_target t = fake_target(&f);
	struct hs_options o = { .target = &t,
		.write = write_text,
		.write_arg = &of_process };
	struct hs_scan *s = hs_open(&o, &err);
	CHECK(s != NULL);
	o.exe = "/no/such"; /* it is not taken for a core */
	CHECK(!hs_open(&o, &err) && strstr(err.text, "/no/such"));
	memset(&t, 0xa5, sizeof t);
	fake_forget(&f);
	f.model = NULL;
	CHECK(s && leaks_of(s, &of_process, &err) == HS_FOUND);
	CHECK(leaks_of(w.scan, &of_core, &err) == HS_FOUND);
	CHECK(strcmp(of_core.at, of_process.at) == 0);
	hs_close(s);
}

/* Counts down, unless it is at 0; says no when it gets there. */
static bool
stop_at_zero(void *arg, const struct hs_progress *p UNUSED)
{
	uint64_t *calls = arg;

	return *calls == 0 || --*calls > 0;
}

/* Every time it is asked whether to go on, once the answer is no. */
static void
interrupted_command_can_be_repeated(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	scoped(text_fini) struct text whole = { 0 }, again = { 0 };
	struct hs_error err;

	world_make(&w, some_heap);
	w.scan->options.write = write_text;
	w.scan->options.write_arg = &whole;
	CHECK(leaks_of(w.scan, &whole, &err) == HS_FOUND);
	for (uint64_t i = 0, status = HS_INTERRUPTED; status != HS_FOUND; i++) {
		uint64_t calls = 0;
		struct hs_options o = { .core = w.core.path,
			.write = write_text,
			.write_arg = &again,
			.progress = stop_at_zero,
			.progress_arg = &calls };
		struct hs_scan *s = hs_open(&o, &err);

		calls = i + 1;
		status = (uint64_t)leaks_of(s, &again, &err);
		CHECK(status == HS_FOUND || status == HS_INTERRUPTED);
		calls = 0;
		CHECK(leaks_of(s, &again, &err) == HS_FOUND);
		CHECK(strcmp(again.at, whole.at) == 0);
		hs_close(s);
		CHECK(i < 1000);
	}
}

TESTS(memory_is_copied, calls_are_few, few_bytes_at_once_are_enough,
    page_that_cannot_be_read_is_zeros, pages_here_and_there_are_zeros_however_many,
    odd_ends_are_read, page_is_what_the_process_says_if_that_makes_sense,
    more_than_a_mebibyte_in_a_row_is_missing, data_that_cannot_be_read_is_no_zeros,
    kernel_memory_that_cannot_be_read_is_no_loss,
    untouched_memory_is_zeros_and_not_read, only_private_memory_is_skipped,
    only_the_first_page_of_code_is_copied, shared_memory_is_copied_unless_a_file_has_it,
    memory_that_is_not_readable_is_not_read, files_are_those_with_a_name,
    machine_is_that_of_the_program, machine_is_that_of_any_file_if_need_be,
    machine_that_cannot_be_told_is_an_error, threads_have_their_registers_by_name,
    process_is_known_by_its_first_thread,
    thread_without_registers_makes_it_incomplete, nothing_mapped_is_an_error,
    nothing_to_be_read_is_an_error, process_that_ends_meanwhile_is_an_error,
    interruption_is_asked_for_all_the_time, mappings_that_make_no_sense_do_no_harm,
    many_mappings_are_copied, absurd_answers_do_no_harm, no_room_is_an_error,
    process_is_reported_as_its_core_is, interrupted_command_can_be_repeated)
