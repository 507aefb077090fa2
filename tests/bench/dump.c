/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A process that writes its own core.
 *
 * A core of many gigabytes should cost no more than writing it, and be possible
 * where nobody lets the kernel write one.  So the process does it: every thread but
 * one saves its registers and waits, and the last one writes headers, notes and all
 * memory from where it lies.
 *
 * Writing must not change what is written.  From the moment the registers are saved
 * nothing is allocated or mapped, and what the writer has to remember lies in a shared
 * mapping of its own that the core leaves out, as the kernel does with one that is
 * marked MADV_DONTDUMP: it is full of addresses that must not pass for pointers.  What
 * the writer has on its stack lies below the saved stack pointer, where nobody looks.
 *
 * What of memory a core has is in maps.c.  Pages of zeros are holes in the file.
 */
#include "bench/dump.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <ucontext.h>
#include <unistd.h>

#include "bench/maps.h"

#ifndef __x86_64__
#error "the registers of this machine are not known here: see fill_registers()"
#endif

enum {
	MAPPINGS_MOST = 65535 - 2, /* with the notes' segment: e_phnum ends there */
	TEXT_MOST = 16 << 20,      /* of /proc/self/maps */
	AT_ONCE = 512,             /* pages looked at and written */
};

/* What the writer remembers.  Pages of it that are not used cost nothing. */
struct notebook {
	unsigned nthreads;
	_Atomic unsigned arrived, parked; /* of them */
	size_t nmappings;
	struct mapping mapping[MAPPINGS_MOST];
	Elf64_Ehdr head;
	Elf64_Phdr segment[MAPPINGS_MOST + 1];
	char text[TEXT_MOST]; /* their paths */
	ucontext_t here;      /* of the thread that writes */
	int pagemap;          /* which pages were ever touched; or -1 */
	size_t notes_size;
	unsigned char *notes;         /* behind thread[] */
	struct elf_prstatus thread[]; /* nthreads; the first is the one that writes */
};

static struct notebook *book;

bool
dump_prepare(unsigned threads)
{
	uint64_t each = 2 * sizeof(struct elf_prstatus) + sizeof(Elf64_Nhdr) + 8;
	uint64_t size = sizeof *book + threads * each + TEXT_MOST;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return false;
	book = p;
	book->nthreads = threads;
	book->notes = (unsigned char *)&book->thread[threads];
	return true;
}

/* ---- Threads */

static void
fill_registers(struct elf_prstatus *to, const greg_t *from)
{
	struct user_regs_struct r = {
		.r8 = (uint64_t)from[REG_R8],
		.r9 = (uint64_t)from[REG_R9],
		.r12 = (uint64_t)from[REG_R12],
		.r13 = (uint64_t)from[REG_R13],
		.r14 = (uint64_t)from[REG_R14],
		.r15 = (uint64_t)from[REG_R15],
		.rdi = (uint64_t)from[REG_RDI],
		.rsi = (uint64_t)from[REG_RSI],
		.rbp = (uint64_t)from[REG_RBP],
		.rbx = (uint64_t)from[REG_RBX],
		.rdx = (uint64_t)from[REG_RDX],
		.rcx = (uint64_t)from[REG_RCX],
		.rsp = (uint64_t)from[REG_RSP],
		.rip = (uint64_t)from[REG_RIP],
		.fs_base = pthread_self(), /* the descriptor, which is the thread pointer */
	};

	memcpy(to->pr_reg, &r, sizeof r);
	to->pr_pid = gettid();
	to->pr_ppid = getppid();
}

_Noreturn void
dump_park(void)
{
	unsigned number = ++book->arrived;
	ucontext_t here;

	if (number < book->nthreads && getcontext(&here) == 0) {
		fill_registers(&book->thread[number], here.uc_mcontext.gregs);
		book->parked++;
	}
	for (;;)
		pause();
}

/* ---- Notes */

static void *
note(unsigned type, size_t size)
{
	Elf64_Nhdr head = { .n_namesz = sizeof "CORE",
		.n_descsz = (Elf64_Word)size,
		.n_type = type };
	unsigned char *at = book->notes + book->notes_size;

	memcpy(at, &head, sizeof head);
	memcpy(at + sizeof head, "CORE\0\0\0", 8);
	book->notes_size += sizeof head + 8 + ((size + 3) & ~(size_t)3);
	return at + sizeof head + 8;
}

static void
note_process(void)
{
	struct elf_prpsinfo p = { .pr_sname = 'R',
		.pr_pid = getpid(),
		.pr_ppid = getppid(),
		.pr_pgrp = getpgrp(),
		.pr_fname = "make",
		.pr_psargs = "make" };

	memcpy(note(NT_PRPSINFO, sizeof p), &p, sizeof p);
}

static void
note_auxv(void)
{
	char auxv[PAGE];
	size_t size = read_own("/proc/self/auxv", auxv, sizeof auxv - 1);

	memcpy(note(NT_AUXV, size), auxv, size);
}

static unsigned char *
put(unsigned char *at, uint64_t word)
{
	memcpy(at, &word, sizeof word);
	return at + sizeof word;
}

/* Two words, three for each mapping of a file, and then the names. */
static void
note_files(void)
{
	uint64_t count = 0;
	size_t size = 2 * sizeof count;
	unsigned char *word;
	char *name;

	for (size_t i = 0; i < book->nmappings; i++) {
		const char *path = book->mapping[i].path;

		if (path && path[0] == '/') {
			count++;
			size += 3 * sizeof count + strlen(path) + 1;
		}
	}
	word = note(NT_FILE, size);
	name = (char *)word + (2 + 3 * count) * sizeof count;
	word = put(put(word, count), PAGE);
	for (size_t i = 0; i < book->nmappings; i++) {
		const struct mapping *m = &book->mapping[i];

		if (!m->path || m->path[0] != '/')
			continue;
		word = put(put(put(word, m->start), m->end), m->offset / PAGE);
		name = stpcpy(name, m->path) + 1;
	}
}

static void
make_notes(void)
{
	for (unsigned i = 0; i < book->nthreads; i++) {
		const struct elf_prstatus *t = &book->thread[i];

		memcpy(note(NT_PRSTATUS, sizeof *t), t, sizeof *t);
		if (i == 0) {
			note_process();
			note_auxv();
			note_files();
		}
	}
}

/* ---- The file */

static bool
write_at(int fd, const void *from, uint64_t n, uint64_t at)
{
	for (const char *p = from; n > 0;) {
		ssize_t wrote = pwrite(fd, p, n, (off_t)at);

		if (wrote < 0)
			return false;
		p += wrote;
		at += (uint64_t)wrote;
		n -= (uint64_t)wrote;
	}
	return true;
}

static bool
is_zero(const uint64_t *page)
{
	for (size_t i = 0; i < PAGE / sizeof *page; i++)
		if (page[i])
			return false;
	return true;
}

/*
 * Of n pages of anonymous memory from a on, was each ever touched?  In most of a vast
 * block none was, and to look whether they are zero would take longer than all else.
 */
static void
ask_touched(bool *touched, uint64_t a, size_t n)
{
	enum { HERE = 1, SWAPPED = 2 };
	uint64_t entry[AT_ONCE];
	ssize_t got = pread(book->pagemap, entry, n * sizeof *entry,
	    (off_t)(a / PAGE * sizeof *entry));

	for (size_t i = 0; i < n; i++)
		touched[i] = got != (ssize_t)(n * sizeof *entry)
		    || entry[i] >> 62 & (HERE | SWAPPED);
}

/* At most AT_ONCE pages, to an offset of the file. */
static bool
write_pages(int fd, const struct mapping *m, uint64_t a, size_t n, uint64_t to)
{
	const char *from = (const char *)(uintptr_t)a;
	bool touched[AT_ONCE];
	size_t run;

	memset(touched, true, sizeof touched);
	if (!m->path)
		ask_touched(touched, a, n);
	for (size_t i = 0; i < n; i += run + 1) {
		for (run = 0; i + run < n && touched[i + run]
		     && !is_zero((const void *)(from + (i + run) * PAGE));
		     run++)
			continue;
		if (!write_at(fd, from + i * PAGE, run * PAGE, to + i * PAGE))
			return false;
	}
	return true;
}

static bool
write_memory(int fd, const struct mapping *m, uint64_t to)
{
	for (uint64_t at = 0; at < m->bytes; at += AT_ONCE * PAGE) {
		uint64_t pages = (m->bytes - at) / PAGE;

		if (!write_pages(fd, m, m->start + at,
			pages < AT_ONCE ? pages : AT_ONCE, to + at))
			return false;
	}
	return true;
}

/* Program headers; returns the size of the file. */
static uint64_t
lay_out(void)
{
	Elf64_Phdr *p = book->segment;
	uint64_t at = sizeof book->head + (book->nmappings + 1) * sizeof *p;

	*p++ = (Elf64_Phdr) { .p_type = PT_NOTE,
		.p_offset = at,
		.p_filesz = book->notes_size,
		.p_align = 4 };
	at = (at + book->notes_size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	for (size_t i = 0; i < book->nmappings; i++) {
		const struct mapping *m = &book->mapping[i];

		*p++ = (Elf64_Phdr) { .p_type = PT_LOAD,
			.p_flags = m->flags,
			.p_offset = at,
			.p_vaddr = m->start,
			.p_filesz = m->bytes,
			.p_memsz = m->end - m->start,
			.p_align = PAGE };
		at += m->bytes;
	}
	return at;
}

static bool
write_headers(int fd)
{
	uint64_t size = (book->nmappings + 1) * sizeof *book->segment;

	book->head = (Elf64_Ehdr) {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
		    ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof book->head,
		.e_ehsize = sizeof book->head,
		.e_phentsize = sizeof *book->segment,
		.e_phnum = (Elf64_Half)(book->nmappings + 1),
	};
	return write_at(fd, &book->head, sizeof book->head, 0)
	    && write_at(fd, book->segment, size, sizeof book->head)
	    && write_at(fd, book->notes, book->notes_size, sizeof book->head + size);
}

static __attribute__((noinline)) bool
write_core(int fd)
{
	book->nmappings =
	    maps_read(book->mapping, MAPPINGS_MOST, book->text, TEXT_MOST, book);
	if (book->nmappings == 0) {
		errno = E2BIG;
		return false;
	}
	book->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	make_notes();
	uint64_t size = lay_out();
	if (!write_headers(fd) || ftruncate(fd, (off_t)size) != 0)
		return false;
	for (size_t i = 0; i < book->nmappings; i++)
		if (!write_memory(fd, &book->mapping[i], book->segment[i + 1].p_offset))
			return false;
	return true;
}

bool
dump_core(int fd)
{
	while (book->parked < book->nthreads - 1)
		sched_yield();
	if (getcontext(&book->here) != 0)
		return false;
	fill_registers(&book->thread[0], book->here.uc_mcontext.gregs);
	return write_core(fd);
}
