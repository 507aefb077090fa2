/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is different where words have 4 bytes: a core of ELFCLASS32, its notes,
 * thread pointers, sizes of chunks, small chunks in the heap map.
 */
#include "core/core.h"
#include "heap/glibc/layouts.h"
#include "heap/map.h"

#include "unit/check.h"
#include "unit/tiny.h"

#include <string.h>

enum {
	ROOM = 0x1000,      /* bytes of the one segment */
	DESCRIPTOR = 0x840, /* in it: of the first thread; each has so many bytes: */
	SPACING = 0x400,
	ENTRY = 12, /* of the segment that %gs selects */
	NOTES = 0x100,
	CONTENTS = 0x400, /* where they are in the file */
};

static const uint32_t memory = 0xff001000;

/* A core of two threads, 71 and 72; their thread pointers in notes, in memory, or nowhere. */
struct small_core {
	struct tiny file;
	unsigned char bytes[CONTENTS + ROOM];
	size_t notes; /* so far */
};

static void
put(unsigned char *at, uint32_t word)
{
	memcpy(at, &word, sizeof word);
}

static void
add_note(struct small_core *c, const char *owner, uint32_t type, const void *bytes,
    uint32_t n)
{
	unsigned char *at = c->bytes + NOTES + c->notes;
	uint32_t name = (uint32_t)strlen(owner) + 1, padded = (name + 3) & ~3u;

	put(at, name);
	put(at + 4, n);
	put(at + 8, type);
	memcpy(at + 12, owner, name);
	memcpy(at + 12 + padded, bytes, n);
	c->notes += 12 + padded + n;
}

static void
add_thread(struct small_core *c, uint32_t tid, bool noted, uint32_t tp)
{
	unsigned char status[144] = { 0 };
	uint32_t areas[3][4] = { { ENTRY, tp, 0xfffff, 0x51 },
		{ ENTRY + 1, 0x11, 0, 0x28 }, { ENTRY + 2, 0x22, 0, 0x28 } };

	put(status + 24, tid);
	for (uint32_t i = 0; i < 17; i++)
		put(status + 72 + 4 * i, 100 * tid + i);
	put(status + 72 + 4 * 10, ENTRY << 3 | 3); /* gs */
	put(status + 140, 1);                      /* pr_fpvalid: no register */
	add_note(c, "CORE", NT_PRSTATUS, status, sizeof status);
	if (noted)
		add_note(c, "LINUX", NT_386_TLS, areas, sizeof areas);
}

static void
add_descriptor(struct small_core *c, uint32_t tid, unsigned at)
{
	unsigned char *d = c->bytes + CONTENTS + at;

	put(d, memory + at);
	put(d + 8, memory + at);
	put(d + 104, tid);
}

static bool
open_small(struct small_core *c, struct core *core)
{
	Elf32_Ehdr e = { .e_type = ET_CORE,
		.e_machine = EM_386,
		.e_version = 1,
		.e_phoff = sizeof e,
		.e_ehsize = sizeof e,
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 2 };
	Elf32_Phdr p[2] = { { .p_type = PT_NOTE,
				.p_offset = NOTES,
				.p_filesz = (uint32_t)c->notes },
		{ .p_type = PT_LOAD,
		    .p_offset = CONTENTS,
		    .p_vaddr = memory,
		    .p_filesz = ROOM,
		    .p_memsz = ROOM,
		    .p_flags = PF_R | PF_W } };
	struct hs_error err;

	memcpy(e.e_ident, "\177ELF\1\1\1", 7);
	memcpy(c->bytes, &e, sizeof e);
	memcpy(c->bytes + sizeof e, p, sizeof p);
	tiny_put(&c->file, c->bytes, sizeof c->bytes);
	return core_open(core, c->file.path, &(struct progress) { .call = NULL }, &err);
}

static void
small_core_fini(struct small_core *c)
{
	tiny_fini(&c->file);
}

#define SMALL_CORE ((struct small_core) { .file = TINY_EMPTY })

static void
core_of_32_bits_is_read(void)
{
	scoped(small_core_fini) struct small_core c = SMALL_CORE;
	scoped(core_fini) struct core core = CORE_EMPTY;
	static const char path[] = "/lib/libc.so.6";
	unsigned char files[20 + sizeof path];
	const uint32_t words[] = { 1, 4096, 0xf7000000, 0xf7002000, 5 };
	const uint32_t auxv[] = { AT_PAGESZ, 4096, AT_NULL, 0 };

	memcpy(files, words, sizeof words);
	memcpy(files + sizeof words, path, sizeof path);
	add_thread(&c, 71, true, 0xf6000b40);
	add_note(&c, "CORE", NT_AUXV, auxv, sizeof auxv);
	add_note(&c, "CORE", NT_FILE, files, sizeof files);
	CHECK(open_small(&c, &core));
	CHECK(strcmp(core.machine->name, "i386") == 0 && core.machine->word == 4);
	CHECK(core.segments.n == 1 && core.segments.at[0].range.start == memory
	    && core.segments.at[0].have == ROOM);
	CHECK(core.threads.n == 1 && core.threads.at[0].tid == 71);
	CHECK(core.threads.at[0].sp == 7115 && core.threads.at[0].pc == 7112);
	CHECK(core.threads.at[0].tp == 0xf6000b40 && !core.threads.at[0].lost);
	CHECK(core.auxv.n == 1 && core.auxv.at[0].value == 4096);
	CHECK(core.files.n == 1 && core.files.at[0].range.end == 0xf7002000
	    && core.files.at[0].offset == 5 * 4096
	    && strcmp(core.files.at[0].path, path) == 0);
}

static void
thread_pointers_that_no_note_has_are_found_in_memory(void)
{
	scoped(small_core_fini) struct small_core c = SMALL_CORE;
	scoped(core_fini) struct core core = CORE_EMPTY;

	add_thread(&c, 71, false, 0);
	add_thread(&c, 72, false, 0);
	add_descriptor(&c, 72, DESCRIPTOR + SPACING);
	add_descriptor(&c, 71, DESCRIPTOR);
	add_descriptor(&c, 70, DESCRIPTOR + SPACING / 2); /* of a thread that is gone */
	CHECK(open_small(&c, &core));
	CHECK(core.threads.at[0].tp == memory + DESCRIPTOR);
	CHECK(core.threads.at[1].tp == memory + DESCRIPTOR + SPACING);
	CHECK(!core.threads.at[0].lost && !core.threads.at[1].lost);
}

static void
thread_without_a_thread_pointer_is_lost(void)
{
	scoped(small_core_fini) struct small_core c = SMALL_CORE;
	scoped(core_fini) struct core core = CORE_EMPTY;

	add_thread(&c, 71, false, 0);
	add_thread(&c, 72, false, 0);
	add_descriptor(&c, 72, DESCRIPTOR);
	CHECK(open_small(&c, &core));
	CHECK(core.threads.at[0].lost && core.threads.at[0].tp == 0);
	CHECK(!core.threads.at[1].lost && core.threads.at[1].tp == memory + DESCRIPTOR);
}

static void
core_cut_anywhere_is_read_or_refused(void)
{
	scoped(small_core_fini) struct small_core whole = SMALL_CORE;
	scoped(core_fini) struct core first = CORE_EMPTY;

	add_thread(&whole, 71, true, 0x10);
	CHECK(open_small(&whole, &first));
	for (size_t n = 0; n < sizeof whole.bytes; n += n < CONTENTS ? 1 : 64) {
		scoped(core_fini) struct core core = CORE_EMPTY;
		struct hs_error err;

		tiny_put(&whole.file, whole.bytes, n);
		if (core_open(&core, whole.file.path,
			&(struct progress) { .call = NULL }, &err))
			CHECK(core.cut);
	}
}

/* ---- malloc */

static void
bins_are_those_of_words_of_4_bytes(void)
{
	const struct malloc_abi *abi = &malloc_abi_32;
	uint64_t min, max;

	CHECK(bin_index(abi, 16) == 2 && bin_index(abi, 992) == 63);
	CHECK(bin_index(abi, 1008) == 64 && bin_index(abi, 2928) == 94);
	CHECK(bin_index(abi, 2944) == 96 && bin_index(abi, 1 << 20) == 126);
	bin_sizes(abi, 120, &min, &max); /* two runs meet there */
	CHECK(min == 40960 && max == 65520);
	bin_sizes(abi, 126, &min, &max);
	CHECK(min == 2 << 18 && max == UINT64_MAX);
	for (uint64_t size = 16; size < 1 << 20; size += 16) {
		bin_sizes(abi, bin_index(abi, size), &min, &max);
		CHECK(min <= size && size <= max);
	}
	tcache_bin_sizes(abi, 0, &min, &max);
	CHECK(min == 16 && max == 16);
	tcache_bin_sizes(abi, 63, &min, &max);
	CHECK(min == 1024 && max == 1024);
}

static void
chunks_start_8_bytes_before_a_multiple_of_16(void)
{
	CHECK(abi_chunk_from(&malloc_abi_32, 0x1000) == 0x1008);
	CHECK(abi_chunk_from(&malloc_abi_32, 0x1008) == 0x1008);
	CHECK(abi_chunk_from(&malloc_abi_32, 0x1009) == 0x1018);
	CHECK(abi_chunk_from(&malloc_abi_64, 0x1001) == 0x1010);
}

/* More than a cell has bits for that say which are in use. */
static void
a_kib_may_hold_64_blocks(void)
{
	scoped(heap_fini) struct heap h = HEAP_EMPTY;
	const hs_addr at = 0x10008;
	struct hs_error err;

	h.narrow = true;
	CHECK(map_begin(&h, (struct range) { at, at + CELL_BYTES }, 0, 8, 4));
	for (hs_addr i = 0; i < 64; i++)
		map_chunk(&h, at + 16 * i, i % 3 == 2 ? STATE_SMALL : STATE_USED);
	map_end(&h, at + CELL_BYTES);
	CHECK(map_seal(&h, &err));
	for (uint32_t i = 0; i < 64; i++) {
		bool used = i % 3 != 2;
		struct block b = heap_block(&h, i);
		struct heap_batch batch = { .n = 1, .a = { b.address } };
		uint64_t number;

		CHECK(b.address == at + 16 * i + 8 && b.size == 12);
		CHECK(heap_meet(&h, b.address, &number)
		    == (used ? MEET_START : MEET_NONE));
		CHECK(!used || number == i);
		CHECK(heap_meet(&h, b.address + 4, &number)
		    == (used ? MEET_INTERIOR : MEET_NONE));
		CHECK(i == 63
		    || heap_meet(&h, b.address + 8, &number)
			== (used ? MEET_END : MEET_NONE));
		heap_expect(&h, &batch);
		heap_meet_all(&h, &batch);
		CHECK(batch.meet[0] == (used ? MEET_START : MEET_NONE));
		if (used) {
			map_change(&h, &b, STATE_TCACHE);
			CHECK(heap_meet(&h, b.address, &number) == MEET_NONE);
		}
	}
}

TESTS(core_of_32_bits_is_read, thread_pointers_that_no_note_has_are_found_in_memory,
    thread_without_a_thread_pointer_is_lost, core_cut_anywhere_is_read_or_refused,
    bins_are_those_of_words_of_4_bytes,
    chunks_start_8_bytes_before_a_multiple_of_16, a_kib_may_hold_64_blocks)
