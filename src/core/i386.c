/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * i386 Linux: struct elf_prstatus and struct user_regs_struct of <sys/user.h>,
 * as an i386 kernel writes them, and an x86-64 kernel for its 32-bit programs.
 *
 * The thread pointer is the base of the segment that %gs selects.  The kernel
 * notes it apart (NT_386_TLS); gdb's gcore and qemu-user do not.  Then we look
 * for what it leads to: glibc's struct pthread holds its own address twice, and
 * the thread's number, which is how we know whose it is.
 */
#include "core/core.h"

#include <elf.h>
#include <string.h>

/* clang-format off */
enum {
	EBX, ECX, EDX, ESI, EDI, EBP, EAX, DS, ES, FS, GS, ORIG_EAX, EIP, CS, EFLAGS, ESP, SS,
	GS_BASE, /* in no struct: NREGS counts it all the same */
	NREGS,
};

static const char *const names[NREGS] = {
	"ebx", "ecx", "edx", "esi", "edi", "ebp", "eax", "ds", "es", "fs", "gs", "orig_eax",
	"eip", "cs", "eflags", "esp", "ss", "gs_base",
};
/* clang-format on */

/* Of struct pthread, glibc 2.26 to 2.44: bytes. */
enum { SELF = 8, TID = 104, HEAD = 108, ALIGN = 16 };

/* struct user_desc: entry number, base, limit, flags */
enum { DESC_BASE = 4, DESC = 16 };

static bool
holds_pointer(unsigned reg)
{
	return reg <= EAX || reg == EIP || reg == ESP;
}

static uint32_t
word_at(const unsigned char *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof word);
	return word;
}

static void
read_note(struct core_thread *t, uint32_t type, const unsigned char *bytes, uint32_t size)
{
	for (uint32_t at = 0; type == NT_386_TLS && size - at >= DESC; at += DESC)
		if (word_at(bytes + at) == t->reg[GS] >> 3)
			t->tp = t->reg[GS_BASE] = word_at(bytes + at + DESC_BASE);
}

/* A descriptor is at a: its thread, if there is such, has its thread pointer now. */
static bool
give_pointer(struct core *core, hs_addr a, const unsigned char *descriptor)
{
	for (size_t i = 0; i < core->threads.n; i++) {
		struct core_thread *t = &core->threads.at[i];

		if (t->tp == 0 && t->tid == (int32_t)word_at(descriptor + TID)) {
			t->tp = t->reg[GS_BASE] = a;
			return true;
		}
	}
	return false;
}

/* Looks through memory for descriptors; *left: threads that still have none. */
static void
search(struct core *core, const struct segment *s, size_t *left)
{
	uint64_t n;

	for (uint64_t from = 0; s->bytes && *left > 0 && from < s->have; from += n) {
		bool hole;

		n = core_stretch(core, s->bytes + from, s->have - from, &hole);
		/* a hole may begin anywhere, as the file has its own offsets */
		for (uint64_t at = align_up(from, ALIGN);
		     !hole && *left > 0 && at < from + n && s->have - at >= HEAD;
		     at += ALIGN) {
			const unsigned char *b = s->bytes + at;
			hs_addr a = s->range.start + at;

			if (word_at(b) == a && word_at(b + SELF) == a)
				*left -= give_pointer(core, a, b);
		}
	}
}

static void
find_pointers(struct core *core)
{
	size_t left = 0;

	for (size_t i = 0; i < core->threads.n; i++)
		left += core->threads.at[i].tp == 0;
	/* from the top, where stacks and the dynamic linker's memory lie */
	for (size_t i = core->segments.n; left > 0 && i-- > 0;)
		if (core->segments.at[i].flags & PF_W)
			search(core, &core->segments.at[i], &left);
	for (size_t i = 0; left > 0 && i < core->threads.n; i++)
		core->threads.at[i].lost |= core->threads.at[i].tp == 0;
}

extern const struct machine machine_i386;

const struct machine machine_i386 = {
	.name = "i386",
	.elf_machine = EM_386,
	.elf_class = ELFCLASS32,
	.word = 4,
	.red_zone = 0,
	.nregs = NREGS,
	.reg_names = names,
	.prstatus_size = 144,
	.prstatus_tid = 24,
	.prstatus_regs = 72,
	.sp = ESP,
	.pc = EIP,
	.tp = GS_BASE,
	.holds_pointer = holds_pointer,
	.read_note = read_note,
	.find_pointers = find_pointers,
};
