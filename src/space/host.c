/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file of this host, and what kind of ELF file it is. */
#include "space/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/bits.h"
#include "base/fault.h"

enum {
	HEADERS_MOST = 512, /* real files have a dozen */
	/* Of a dynamic section: real ones have some thirty. */
	ENTRIES_MOST = 1 << 10,
	ENTRIES_LEAST = 8,
};

static bool
map_file(struct host_file *h, const char *path, struct hs_error *err)
{
	/* Not to wait for the other end of a pipe that took the file's place. */
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(err, "is not a regular file");
	if (st.st_size == 0)
		return fail(err, "is empty");
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return fail(err, "cannot be mapped: %s", strerror(errno));
	h->map = map;
	h->size = (uint64_t)st.st_size;
	return fault_watch(map, h->size) ? true : fail_nomem(err);
}

struct host_file *
host_open(const char *path, struct hs_error *err)
{
	scoped(host_autofree) struct host_file *h = NULL;
	struct stat st;

	if (stat(path, &st) < 0) {
		fail(err, "%s", strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) { /* opening a device may do something to it */
		fail(err, "is not a regular file");
		return NULL;
	}
	h = calloc(1, sizeof *h);
	if (!h || !(h->path = strdup(path))) {
		fail_nomem(err);
		return NULL;
	}
	if (!map_file(h, path, err))
		return NULL;
	h->id = build_id_read(h->map, h->size);
	return take(&h);
}

void
host_free(struct host_file *h)
{
	if (!h)
		return;
	if (h->map) {
		fault_unwatch(h->map);
		munmap((void *)h->map, h->size);
	}
	free(h->path);
	free(h->recorded);
	free(h);
}

/* Which of them occur: sections of code with contents, and without. */
static void
code_sections(const struct headers *h, bool *full, bool *empty)
{
	Elf64_Shdr s;

	*full = *empty = false;
	for (unsigned i = 0; i < h->elf.e_shnum && headers_section(h, i, &s); i++)
		if (s.sh_flags & SHF_EXECINSTR)
			*(s.sh_type == SHT_NOBITS ? empty : full) = true;
}

static bool
is_loadable(const struct host_file *file, struct headers *h)
{
	return headers_init(h, file->map, file->size)
	    && (h->elf.e_type == ET_EXEC || h->elf.e_type == ET_DYN);
}

bool
host_is_debug(const struct host_file *file)
{
	struct headers h;
	bool full, empty;

	if (!is_loadable(file, &h))
		return false;
	code_sections(&h, &full, &empty);
	return empty && !full;
}

bool
host_is_program(const struct host_file *file)
{
	struct headers h;

	return is_loadable(file, &h) && h.count > 0 && !host_is_debug(file);
}

bool
host_has_symbols(const struct host_file *file)
{
	struct headers h;
	Elf64_Shdr s;

	if (!is_loadable(file, &h))
		return false;
	for (unsigned i = 0; i < h.elf.e_shnum && headers_section(&h, i, &s); i++)
		if (s.sh_type == SHT_SYMTAB)
			return true;
	return false;
}

bool
host_bias(const struct host_file *file, const struct file_mapping *f, hs_addr *bias)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct headers h;

	if (!headers_init(&h, file->map, file->size))
		return false;
	for (uint64_t i = 0; i < h.count && i < HEADERS_MOST; i++) {
		Elf64_Phdr p = headers_at(&h, i);

		if (p.p_type != PT_LOAD || align_down(p.p_offset, page) != f->offset)
			continue;
		*bias = f->range.start - align_down(p.p_vaddr, page);
		return true;
	}
	return false;
}

unsigned
host_flags_at(const struct host_file *file, uint64_t vaddr)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct headers h;

	if (!headers_init(&h, file->map, file->size))
		return 0;
	for (uint64_t i = 0; i < h.count && i < HEADERS_MOST; i++) {
		Elf64_Phdr p = headers_at(&h, i);
		uint64_t start = align_down(p.p_vaddr, page);

		if (p.p_type == PT_LOAD && vaddr >= start
		    && vaddr - start < p.p_memsz + (p.p_vaddr - start))
			return p.p_flags;
	}
	return 0;
}

static bool
read_core(const struct core *core, hs_addr a, void *to, uint64_t n)
{
	const struct segment *s = core_segment_at(core, a);

	if (!s || a - s->range.start > s->have || s->have - (a - s->range.start) < n)
		return false;
	memcpy(to, s->bytes + (a - s->range.start), n);
	return true;
}

/*
 * The loader adds the bias to some addresses in place, and DT_DEBUG is its to
 * fill.  All else in the section is sizes, counts and offsets: of the symbols,
 * the strings, the relocations.  Two builds that agree in all of them may
 * still differ, but not in what we are going to read.
 */
bool
host_agrees(const struct host_file *file, const struct core *core, hs_addr bias)
{
	struct headers h;
	Elf64_Phdr dynamic = { .p_type = PT_NULL };
	uint64_t n, have;
	unsigned word;

	if (!headers_init(&h, file->map, file->size))
		return false;
	word = h.narrow ? 4 : 8;
	for (uint64_t i = 0; i < h.count && i < HEADERS_MOST; i++) {
		dynamic = headers_at(&h, i);
		if (dynamic.p_type == PT_DYNAMIC)
			break;
	}
	const unsigned char *at =
	    headers_bytes(&h, dynamic.p_offset, dynamic.p_filesz, &have);
	if (dynamic.p_type != PT_DYNAMIC || !at)
		return false;
	for (n = 0; n < have / (2 * word) && n < ENTRIES_MOST; n++) {
		unsigned char theirs[2 * sizeof(uint64_t)];
		const unsigned char *ours = at + n * 2 * word;
		uint64_t tag = word_from(ours, word), value, loaded;

		if (!read_core(core, bias + dynamic.p_vaddr + n * 2 * word, theirs,
			2 * word)
		    || tag != word_from(theirs, word))
			return false;
		if (tag == DT_NULL)
			return n >= ENTRIES_LEAST;
		value = word_from(ours + word, word);
		loaded = word_from(theirs + word, word);
		if (tag != DT_DEBUG && loaded != value && loaded != value + bias)
			return false;
	}
	return false;
}
