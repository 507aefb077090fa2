/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stopped process in place of a core.
 *
 * All that is wanted of it is copied once, to a temporary file without a name,
 * and that is mapped: from then on it is a core like any other, whose bytes
 * nobody changes, and the process may go on.  No ELF file is made of it: the
 * lists that a core's headers and notes are read into are filled as they are.
 *
 * The file begins with what must live as long as the core, paths and vector
 * registers; memory follows in the order of addresses.
 *
 * What is worth copying.  What the kernel puts into a core is what the other
 * stages expect (Linux 6.1, vma_dump_size()), and where it leaves something
 * out its reasons are ours:
 *
 *	not readable           nothing: guards, and memory that is set aside
 *	shared, of a file      nothing, as long as the file has a name: it may be
 *	                       a device, whose memory is not to be read lightly
 *	shared, otherwise      all: the processes have nothing else of it
 *	code                   the first page of the file, which has its build-id;
 *	                       the rest is on disk, and a debugger has put
 *	                       breakpoints into what is in memory
 *	all else               all
 *
 * The kernel knows which private pages of a file were written to, and leaves
 * out the others.  We are not told, and what is read-only now was written to
 * before, where there were relocations: so all of those are copied.
 *
 * The list of mappings comes from a debugger's other end as a core comes from
 * a disk: nothing in it is believed.
 */
#include "core/core.h"

#include <inttypes.h>

#include "core/copy.h"
#include "core/input.h"
#include "core/parts.h"

enum { PAGE_LEAST = 1 << 12, PAGE_MOST = 1 << 16 };

/* ---- What to copy */

static bool
is_sane(const struct hs_mapping *m)
{
	return m->start < m->end && m->end <= MEMORY_END;
}

/* "[heap]" and its like name memory that is of no file. */
static bool
is_file(const struct hs_mapping *m)
{
	return m->path && *m->path && *m->path != '[';
}

/* Has the file still a name?  The kernel says so in the path that it had. */
static bool
is_deleted(const struct hs_mapping *m)
{
	static const char gone[] = " (deleted)";
	size_t n = strlen(m->path), end = sizeof gone - 1;

	return n >= end && strcmp(m->path + n - end, gone) == 0;
}

/* How many bytes of m, from its first on, are worth copying. */
static uint64_t
wanted(const struct hs_mapping *m, uint64_t page)
{
	uint64_t size = m->end - m->start;

	if (!m->readable || (m->shared && is_file(m) && !is_deleted(m)))
		return 0;
	if (!m->shared && is_file(m) && m->executable && !m->writable)
		return m->offset > 0 ? 0 : size < page ? size : page;
	return size;
}

/*
 * What is of no file and read-only may be the kernel's own: "[vdso]" is there
 * although nobody touched it; "[vvar]" says that it is readable, and is not.
 */
static unsigned
how_to_copy(const struct hs_mapping *m)
{
	if (is_file(m))
		return 0;
	if (!m->writable)
		return COPY_COURTESY;
	return m->shared ? 0 : COPY_TOUCHED;
}

/* The mappings as segments that promise what is to be copied. */
static bool
plan(struct copying *c, struct hs_error *err)
{
	const struct hs_target *from = c->from;

	for (size_t i = 0; i < from->nmappings; i++) {
		const struct hs_mapping *m = &from->mappings[i];
		struct segment s = { .range = { m->start, m->end } };

		if (!is_sane(m)) {
			lines_add(&c->core->notes,
			    "the mapping from 0x%" PRIx64 " to 0x%" PRIx64
			    " makes no sense: left out",
			    m->start, m->end);
			continue;
		}
		s.promised = wanted(m, c->page);
		s.flags = (m->readable ? PF_R : 0) | (m->writable ? PF_W : 0)
		    | (m->executable ? PF_X : 0) | how_to_copy(m);
		vec_push(&c->core->segments, s);
	}
	if (c->core->segments.broke)
		return fail_nomem(err);
	if (c->core->segments.n == 0)
		return fail(err, "no memory is mapped: has it ended?");
	segments_settle(c->core);
	return true;
}

/* ---- The machine */

/* The ELF_HEAD first bytes of m, if those of an ELF file are there. */
static bool
read_head(struct copying *c, const struct hs_mapping *m, unsigned char *head)
{
	size_t done = 0, got;

	if (!is_sane(m) || wanted(m, c->page) < ELF_HEAD
	    || (is_file(m) && m->offset > 0))
		return false;
	do {
		got = target_read(c->from, m->start + done, head + done,
		    ELF_HEAD - done);
		done += got;
	} while (got > 0 && done < ELF_HEAD);
	c->alive |= done > 0;
	return done == ELF_HEAD && memcmp(head, ELFMAG, SELFMAG) == 0;
}

/* Of what the kernel started; NULL when that is not known. */
static const char *
path_of_program(const struct copying *c)
{
	static const uint64_t types[] = { AT_ENTRY, AT_PHDR };
	uint64_t a;

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (!core_auxv(c->core, types[i], &a))
			continue;
		for (size_t k = 0; k < c->from->nmappings; k++) {
			const struct hs_mapping *m = &c->from->mappings[k];

			if (a >= m->start && a < m->end)
				return m->path;
		}
	}
	return NULL;
}

/* Who is asked first for the machine: 0 the program, then other files, then the rest. */
static unsigned
turn(const struct hs_mapping *m, const char *program)
{
	if (!is_file(m))
		return 2; /* the kernel's "[vdso]" is an ELF file, too */
	return program && strcmp(m->path, program) == 0 ? 0 : 1;
}

/* Before all is copied: that may take long, and be in vain. */
static bool
find_machine(struct copying *c, struct hs_error *err)
{
	const char *program = path_of_program(c);
	unsigned char head[ELF_HEAD];

	for (unsigned at = 0; at <= 2; at++)
		for (size_t i = 0; i < c->from->nmappings; i++) {
			const struct hs_mapping *m = &c->from->mappings[i];

			if (turn(m, program) != at)
				continue;
			if (!progress_on(c->progress, COPY_STAGE, 0, 1, err))
				return false;
			c->proof = m->start;
			if (read_head(c, m, head))
				return machine_tell(c->core, head, err);
		}
	if (!c->alive)
		return fail(err, "its memory cannot be read: has it ended?");
	return fail(err,
	    "its machine cannot be told: the start of its program is not mapped, "
	    "or cannot be read");
}

/* ---- The temporary file */

/* What must live as long as the core; take_files() and take_threads() find it again. */
static bool
put_front(struct copying *c, struct hs_error *err)
{
	const struct hs_target *from = c->from;

	for (size_t i = 0; i < from->nmappings; i++) {
		const struct hs_mapping *m = &from->mappings[i];

		if (is_file(m) && !spool_put(&c->to, m->path, strlen(m->path) + 1, err))
			return false;
	}
	for (size_t i = 0; i < from->nthreads; i++) {
		const struct hs_thread *t = &from->threads[i];

		if (t->vector && !spool_put(&c->to, t->vector, t->vector_size, err))
			return false;
	}
	return true;
}

static bool
copy_all(struct copying *c, struct hs_error *err)
{
	return plan(c, err) && find_machine(c, err) && spool_open(&c->to, err)
	    && put_front(c, err) && memory_copy(c, err)
	    && input_map(c->core, c->to.fd, spool_size(&c->to), err);
}

/* ---- From the file to the core */

static void
take_memory(struct core *core, const struct copying *c)
{
	for (size_t i = 0; i < core->segments.n; i++)
		if (core->segments.at[i].have > 0)
			core->segments.at[i].bytes = core->map + c->places.at[i];
}

/* Returns what follows the paths. */
static const unsigned char *
take_files(struct core *core, const struct hs_target *from)
{
	const char *path = (const char *)core->map;

	for (size_t i = 0; i < from->nmappings; i++) {
		const struct hs_mapping *m = &from->mappings[i];
		struct file_mapping f = { { m->start, m->end }, m->offset, path };

		if (!is_file(m))
			continue;
		if (!is_sane(m) || !mapping_add(core, f))
			lines_add(&core->notes,
			    "the mapping of a file at 0x%" PRIx64
			    " makes no sense: left out",
			    m->start);
		path += strlen(path) + 1;
	}
	core->has_files = true;
	mappings_settle(core);
	return (const unsigned char *)path;
}

static unsigned
register_named(const struct machine *m, const char *name)
{
	unsigned i = 0;

	while (i < m->nregs && strcmp(m->reg_names[i], name) != 0)
		i++;
	return i;
}

/* Without the stack pointer its stack is not known, without the other its memory is not. */
static struct core_thread
thread_of(const struct machine *m, const struct hs_thread *from)
{
	struct core_thread t = { .number = from->number, .tid = from->tid };
	bool given[CORE_MAX_REGS] = { false };

	for (size_t i = 0; i < from->nregisters; i++) {
		unsigned r = register_named(m, from->registers[i].name);

		if (r >= m->nregs)
			continue;
		t.reg[r] = from->registers[i].value;
		given[r] = true;
	}
	t.lost = !given[m->sp] || (!given[m->tp] && !m->find_pointers);
	thread_name_registers(&t, m);
	return t;
}

static void
take_threads(struct core *core, const struct hs_target *from, const unsigned char *vector)
{
	for (size_t i = 0; i < from->nthreads; i++) {
		struct core_thread t = thread_of(core->machine, &from->threads[i]);

		if (from->threads[i].vector) {
			t.vector = vector;
			t.vector_size = from->threads[i].vector_size;
			vector += t.vector_size;
		}
		vec_push(&core->threads, t);
	}
	core->pid = from->pid;
	if (core->pid == 0 && from->nthreads > 0)
		core->pid = from->threads[0].tid;
}

static void
take_auxv(struct core *core, const struct hs_target *from)
{
	for (size_t i = 0; i < from->nauxv && from->auxv[i].type != AT_NULL; i++)
		vec_push(&core->auxv,
		    (struct auxv) { from->auxv[i].type, from->auxv[i].value });
}

static uint64_t
page_of(const struct core *core)
{
	uint64_t page;

	return core_auxv(core, AT_PAGESZ, &page) && page > PAGE_LEAST
		&& page <= PAGE_MOST && (page & (page - 1)) == 0
	    ? page
	    : PAGE_LEAST;
}

bool
core_of_target(struct core *core, const struct hs_target *target,
    const struct progress *progress, struct hs_error *err)
{
	scoped(core_fini) struct core made = CORE_EMPTY;
	scoped(copying_fini) struct copying c = { .from = target,
		.core = &made,
		.progress = progress,
		.to = SPOOL_EMPTY };

	made.path = target->name;
	take_auxv(&made, target);
	c.page = page_of(&made);
	if (!copy_all(&c, err))
		return fail_in(err, made.path);
	take_memory(&made, &c);
	take_threads(&made, target, take_files(&made, target));
	if (made.machine->find_pointers)
		made.machine->find_pointers(&made);
	if (core_broke(&made))
		return fail_nomem(err);
	*core = made;
	made = CORE_EMPTY;
	return true;
}
