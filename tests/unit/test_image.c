/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modules, their names and symbols: on small ELF files in memory, and on ourselves. */
#include "unit/check.h"
#include "unit/process.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>

enum { RW = PF_R | PF_W, RX = PF_R | PF_X, BASE = 0x700000, PAGE = 0x1000 };

enum { DYNAMIC = 2 * PAGE, TLS_AT = 2 * PAGE + 0x800, TLS_SIZE = 0x30 };

/*
 * Maps a library of three pages at base: headers and code, then data, which
 * begins with the dynamic section.  It has a TLS block of TLS_SIZE bytes.
 */
static unsigned char *
map_library(struct process *p, hs_addr base, unsigned code_flags, const char *path)
{
	Elf64_Ehdr elf = { .e_ident = ELFMAG,
		.e_type = ET_DYN,
		.e_phoff = sizeof elf,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 4 };
	const Elf64_Phdr table[] = {
		{ .p_type = PT_LOAD, .p_flags = RX, .p_filesz = 2 * PAGE, .p_memsz = 2 * PAGE },
		{ .p_type = PT_LOAD,
		    .p_flags = RW,
		    .p_offset = 2 * PAGE,
		    .p_vaddr = 2 * PAGE,
		    .p_filesz = PAGE,
		    .p_memsz = PAGE + 0x10 },
		{ .p_type = PT_DYNAMIC, .p_vaddr = DYNAMIC, .p_memsz = 0x100 },
		{ .p_type = PT_TLS,
		    .p_vaddr = TLS_AT,
		    .p_filesz = 8,
		    .p_memsz = TLS_SIZE,
		    .p_align = 16 },
	};

	elf.e_ident[EI_CLASS] = ELFCLASS64;
	elf.e_ident[EI_DATA] = ELFDATA2LSB;
	unsigned char *head = process_map_file(p, base, 2 * PAGE, code_flags, path, 0);
	process_map_file(p, base + 2 * PAGE, PAGE, RW, path, 2 * PAGE);
	memcpy(head, &elf, sizeof elf);
	memcpy(head + sizeof elf, table, sizeof table);
	return head;
}

static void
put_words(struct process *p, hs_addr at, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		process_put(p, at + i * sizeof *words, words[i]);
}

static void
loaded_file_is_a_module(void)
{
	scoped(process_fini) struct process p = process_new();

	map_library(&p, BASE, RX, "/lib/libone.so");
	CHECK(process_load(&p));
	CHECK(p.image.modules.n == 1);
	const struct module *m = image_module_at(&p.image, BASE + 5);
	CHECK(m && strcmp(m->name, "libone.so") == 0 && m->bias == BASE);
	CHECK(m && m->range.end == BASE + 4 * PAGE); /* .bss included */
	CHECK(m && module_segment_at(m, BASE + 2 * PAGE)->flags == RW);
	CHECK(!image_module_at(&p.image, BASE + 4 * PAGE));
	CHECK(image_is_code(&p.image, BASE)
	    && !image_is_code(&p.image, BASE + 2 * PAGE));
}

static void
file_that_was_only_read_is_no_module(void)
{
	scoped(process_fini) struct process p = process_new();

	map_library(&p, BASE, PF_R, "/lib/libone.so");
	CHECK(process_load(&p));
	CHECK(p.image.modules.n == 0);
}

enum { EXE = 0x10000, LINKS = 0x20000 };

/*
 * A program at EXE and a library at BASE, both in the linker's list; the last
 * link_map's l_next is `next`.
 */
static struct process
linked(hs_addr next)
{
	struct process p = process_new();
	hs_addr first = LINKS + 0x100, second = LINKS + 0x800;

	map_library(&p, EXE, RX, "/bin/prog");
	map_library(&p, BASE, PF_R, "/lib/libone.so"); /* the list says it was loaded */
	process_map(&p, LINKS, PAGE, RW);
	put_words(&p, EXE + DYNAMIC, (uint64_t[]) { DT_DEBUG, LINKS }, 2);
	put_words(&p, LINKS, (uint64_t[]) { 1, first }, 2);
	put_words(&p, first, (uint64_t[]) { EXE, 0, EXE + DYNAMIC, second, 0 }, 5);
	put_words(&p, second, (uint64_t[]) { BASE, 0, BASE + DYNAMIC, next, first }, 5);
	return p;
}

static void
first_in_the_list_of_the_linker_is_the_program(void)
{
	scoped(process_fini) struct process p = linked(0);

	process_auxv(&p, AT_PHDR, BASE + 64); /* ld.so, started by hand */
	CHECK(process_load(&p));
	CHECK(p.image.modules.n == 2);
	CHECK(p.image.modules.at[0].is_exe && !p.image.modules.at[1].is_exe);
}

static void
list_of_the_linker_may_be_a_loop(void)
{
	scoped(process_fini) struct process p = linked(LINKS + 0x100);

	CHECK(process_load(&p));
	CHECK(p.image.modules.n == 2);
}

enum { TP = 0x31000, DTV = 0x30000 };

/* A thread whose dtv says that module 5's block is at this address. */
static void
add_thread(struct process *p, hs_addr block)
{
	process_map(p, DTV, 3 * PAGE, RW);
	process_descriptor(p, TP, 0, 0);
	process_put(p, TP + 8, DTV + 16);
	process_put(p, DTV, 9); /* its capacity */
	process_put(p, DTV + 16 + 5 * 16, block);
	process_thread(p, TP - 0x200, TP);
	/* in the private part of the library's link_map */
	put_words(p, LINKS + 0x800 + 0x120,
	    (uint64_t[]) { BASE + TLS_AT, 8, TLS_SIZE, 16, 0, 0x40, 5 }, 7);
}

static void
tls_is_found_in_the_link_map(void)
{
	scoped(process_fini) struct process p = linked(0);
	struct place place;

	add_thread(&p, TP - 0x40);
	CHECK(process_load(&p));
	const struct module *m = &p.image.modules.at[1];
	CHECK(m->tls_modid == 5 && m->tls_offset == 0x40);
	CHECK(image_tls_place(&p.image, TP, TP - 0x40 + 8, &place));
	CHECK(place.module == m && place.offset == 8);
	CHECK(!image_tls_place(&p.image, TP, TP - 0x40 + TLS_SIZE, &place));
	CHECK(!image_tls_place(&p.image, TP, TP - 0x41, &place));
}

static void
tls_is_unknown_when_a_thread_disagrees(void)
{
	scoped(process_fini) struct process p = linked(0);

	add_thread(&p, TP - 0x50);
	CHECK(process_load(&p));
	CHECK(p.image.modules.at[1].tls_offset == 0);
}

/* A dynamic symbol table: the hash, two symbols, their names. */
static void
put_symbols(struct process *p, unsigned char *code)
{
	const Elf64_Sym table[] = { { 0 },
		{ .st_name = 1,
		    .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
		    .st_shndx = 1,
		    .st_value = DYNAMIC + 0x400,
		    .st_size = 16 },
		{ .st_name = 7,
		    .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
		    .st_shndx = 1,
		    .st_value = DYNAMIC + 0x420 } };
	const char names[] = "\0sized\0open"; /* and its end */

	memcpy(code + 0x800, &(uint32_t[]) { 0, 3 }, 8);
	memcpy(code + 0x900, table, sizeof table);
	memcpy(code + 0xa00, names, sizeof names);
	put_words(p, BASE + DYNAMIC,
	    (uint64_t[]) { DT_HASH, 0x800, DT_SYMTAB, BASE + 0x900, DT_STRTAB,
		0xa00, DT_STRSZ, sizeof names },
	    8);
}

static const char *
name_at(struct process *p, hs_addr a)
{
	struct place place = { .symbol = NULL };

	return image_place(&p->image, a, &place) && place.symbol ? place.symbol : "";
}

static void
symbols_are_read_from_memory_when_there_is_no_file(void)
{
	scoped(process_fini) struct process p = process_new();
	hs_addr data = BASE + DYNAMIC;

	put_symbols(&p, map_library(&p, BASE, RX, "/nowhere/libone.so"));
	CHECK(process_load(&p));
	CHECK(strcmp(name_at(&p, data + 0x400), "sized") == 0);
	CHECK(strcmp(name_at(&p, data + 0x40f), "sized") == 0);
	CHECK(strcmp(name_at(&p, data + 0x410), "") == 0);
	CHECK(strcmp(name_at(&p, data + 0x500), "open") == 0); /* up to the next */
	CHECK(strcmp(name_at(&p, data), "") == 0);
}

/* ---- Ourselves */

int a_global_of_ours[3] = { 1, 2, 3 };
__thread int a_thread_local_of_ours = 7;

/* Copies a mapping of this process: its bytes may be poisoned to read directly. */
static void
copy_mapping(struct process *p, int mem, struct range r, unsigned flags)
{
	unsigned char *to = process_map(p, r.start, range_size(r), flags);

	if (pread(mem, to, range_size(r), (off_t)r.start) != (ssize_t)range_size(r))
		memset(to, 0, range_size(r));
}

static void
copy_ourselves(struct process *p, char (*paths)[256], size_t max)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	autoclose int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned long start, end, offset;
	char perms[8], line[512];

	while (maps && mem >= 0 && max > 0 && fgets(line, sizeof line, maps)) {
		struct range r;
		int at = 0;

		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %n", &start, &end, perms,
			&offset, &at)
			< 4
		    || end - start > 1 << 26)
			continue;
		r = (struct range) { start, end };
		unsigned flags = (perms[0] == 'r' ? PF_R : 0)
		    | (perms[1] == 'w' ? PF_W : 0) | (perms[2] == 'x' ? PF_X : 0);
		if (line[at] == '/') {
			snprintf(*paths, sizeof *paths, "%.*s",
			    (int)strcspn(line + at, "\n"), line + at);
			vec_push(&p->core.files,
			    (struct file_mapping) { r, offset, *paths++ });
			max--;
		}
		copy_mapping(p, mem, r, flags);
	}
	if (maps)
		fclose(maps);
}

static void
we_know_our_own_variables(void)
{
	scoped(process_fini) struct process p = process_new();
	static const uint64_t types[] = { AT_PHDR, AT_RANDOM, AT_PAGESZ, AT_BASE };
	static char paths[200][256];
	struct place place;

	copy_ourselves(&p, paths, sizeof paths / sizeof *paths);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		process_auxv(&p, types[i], getauxval(types[i]));
	process_thread(&p, (uintptr_t)__builtin_frame_address(0) - 0x400,
	    (uintptr_t)__builtin_thread_pointer());
	CHECK(process_load(&p));
	CHECK(image_place(&p.image, (uintptr_t)&a_global_of_ours[1], &place));
	CHECK(place.symbol && strcmp(place.symbol, "a_global_of_ours") == 0);
	CHECK(place.offset == sizeof(int) && place.module->is_exe);
	CHECK(image_tls_place(&p.image, p.core.threads.at[0].tp,
	    (uintptr_t)&a_thread_local_of_ours, &place));
	CHECK(place.symbol && strcmp(place.symbol, "a_thread_local_of_ours") == 0);
	const struct thread *t = &p.image.threads.at[0];
	CHECK(t->descriptor && !t->lost && !t->elsewhere);
	CHECK(range_has(t->live, (uintptr_t)__builtin_frame_address(0)));
}

TESTS(loaded_file_is_a_module, file_that_was_only_read_is_no_module,
    first_in_the_list_of_the_linker_is_the_program, list_of_the_linker_may_be_a_loop,
    tls_is_found_in_the_link_map, tls_is_unknown_when_a_thread_disagrees,
    symbols_are_read_from_memory_when_there_is_no_file, we_know_our_own_variables)
