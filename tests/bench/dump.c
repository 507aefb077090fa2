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
 * As in a core of the kernel's, memory that the process may write to is there, and so
 * are the first page of a file and data that is read-only by now; code is not.  Pages
 * of zeros are holes in the file.
 */
#include "bench/dump.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the registers of this machine are not known here: see fill_registers()"
#endif

enum {
	PAGE = 4096,
	MAPPINGS_MOST = 65535 - 2, /* with the notes' segment: e_phnum ends there */
	TEXT_MOST = 16 << 20,      /* of /proc/self/maps */
	AT_ONCE = 256,             /* pages in a call of write */
};

struct mapping {
	uint64_t start, end, offset; /* offset: of a file */
	uint64_t bytes;              /* of it, from its start on, are in the core */
	uint32_t flags;              /* PF_R and its kin */
	const char *path;            /* of the file; NULL: none */
};

/* What the writer remembers.  Pages of it that are not used cost nothing. */
static struct notebook {
	_Atomic unsigned nthreads;
	unsigned threads_most;
	uint64_t size; /* of this, with what stands behind it */
	size_t nmappings;
	struct mapping mapping[MAPPINGS_MOST];
	Elf64_Ehdr head;
	Elf64_Phdr segment[MAPPINGS_MOST + 1];
	char text[TEXT_MOST];
	ucontext_t here; /* of the thread that writes */
	size_t notes_size;
	unsigned char *notes;           /* behind thread[] */
	struct elf_prstatus thread[]; /* threads_most; the first is the one that writes */
} *book;

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
	book->size = size;
	book->threads_most = threads;
	book->nthreads = 1;
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
	unsigned number = book->nthreads++;
	ucontext_t here;

	if (number < book->threads_most && getcontext(&here) == 0)
		fill_registers(&book->thread[number], here.uc_mcontext.gregs);
	for (;;)
		pause();
}

/* ---- Mappings */

static uint64_t
number(const char **at, unsigned base)
{
	uint64_t n = 0;

	for (;; (*at)++) {
		unsigned char c = (unsigned char)**at;
		unsigned digit = c >= 'a' ? c - 'a' + 10u : c - (unsigned)'0';

		if (c < '0' || digit >= base)
			return n;
		n = n * base + digit;
	}
}

static uint64_t
bytes_in_core(const struct mapping *m)
{
	bool kernels = m->path && !strncmp(m->path, "[v", 2) && strcmp(m->path, "[vdso]");

	if (!(m->flags & PF_R) || kernels)
		return 0;
	if ((m->flags & PF_W) || !m->path || m->path[0] == '[')
		return m->end - m->start;
	if (m->offset == 0)
		return PAGE;
	return m->flags & PF_X ? 0 : m->end - m->start;
}

/* A line of /proc/self/maps; what remains of the text begins at the result. */
static const char *
read_mapping(struct mapping *m, const char *at)
{
	char *end = strchr(at, '\n');

	*end = '\0';
	m->start = number(&at, 16);
	at++;
	m->end = number(&at, 16);
	m->flags = (at[1] == 'r' ? PF_R : 0u) | (at[2] == 'w' ? PF_W : 0u)
	    | (at[3] == 'x' ? PF_X : 0u);
	at += strlen(" rwxp ");
	m->offset = number(&at, 16);
	at = strpbrk(at, "/[");
	m->path = at;
	m->bytes = bytes_in_core(m);
	return end + 1;
}

/* A whole file below /proc/self into a buffer with room for most bytes and a NUL. */
static size_t
read_own(const char *path, char *to, size_t most)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return 0;
	while (n < most && (got = read(fd, to + n, most - n)) > 0)
		n += (size_t)got;
	close(fd);
	to[n] = '\0';
	return n;
}

static bool
read_mappings(void)
{
	size_t n = read_own("/proc/self/maps", book->text, TEXT_MOST - 1);
	const char *at = book->text, *end = at + n;

	if (n == 0 || end[-1] != '\n')
		return false;
	while (at < end) {
		struct mapping m;

		at = read_mapping(&m, at);
		if (m.start <= (uintptr_t)book && (uintptr_t)book < m.end)
			continue;
		if (book->nmappings == MAPPINGS_MOST)
			return false;
		book->mapping[book->nmappings++] = m;
	}
	return true;
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

/* Two words, three for each mapping of a file, and then the names. */
static void
note_files(void)
{
	uint64_t count = 0, *word;
	size_t size = 0;
	char *name;

	for (size_t i = 0; i < book->nmappings; i++) {
		const char *path = book->mapping[i].path;

		if (path && path[0] == '/') {
			count++;
			size += 3 * sizeof *word + strlen(path) + 1;
		}
	}
	word = note(NT_FILE, 2 * sizeof *word + size);
	name = (char *)(word + 2 + 3 * count);
	*word++ = count;
	*word++ = PAGE;
	for (size_t i = 0; i < book->nmappings; i++) {
		const struct mapping *m = &book->mapping[i];

		if (!m->path || m->path[0] != '/')
			continue;
		*word++ = m->start;
		*word++ = m->end;
		*word++ = m->offset / PAGE;
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

static bool
write_memory(int fd, const struct mapping *m, uint64_t to)
{
	for (uint64_t at = 0; at < m->bytes;) {
		const char *from = (const char *)(uintptr_t)(m->start + at);
		uint64_t n = 0;

		while (at + n < m->bytes && n < AT_ONCE * PAGE
		    && !is_zero((const uint64_t *)(const void *)(from + n)))
			n += PAGE;
		if (!write_at(fd, from, n, to + at))
			return false;
		at += n > 0 ? n : PAGE;
	}
	return true;
}

/* Program headers; returns the size of the file. */
static uint64_t
lay_out(void)
{
	Elf64_Phdr *p = book->segment;
	uint64_t at = sizeof book->head + (book->nmappings + 1) * sizeof *p;

	*p++ = (Elf64_Phdr) {
		.p_type = PT_NOTE, .p_offset = at, .p_filesz = book->notes_size, .p_align = 4
	};
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
	if (!read_mappings()) {
		errno = E2BIG;
		return false;
	}
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
	if (getcontext(&book->here) != 0)
		return false;
	fill_registers(&book->thread[0], book->here.uc_mcontext.gregs);
	return write_core(fd);
}
