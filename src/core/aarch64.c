/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * aarch64 Linux: struct elf_prstatus and struct user_pt_regs of <asm/ptrace.h>.
 *
 * The thread pointer, tpidr_el0, is in a note of its own, NT_ARM_TLS (Linux 3.13,
 * arch/arm64/kernel/ptrace.c); gdb writes that note, too, but qemu-user does not.
 *
 * The processor ignores the top byte of a data address, in all programs (Linux,
 * Documentation/arch/arm64/tagged-pointers.rst): allocators and sanitizers keep
 * tags there, those of MTE in bits 56 to 59.  So the byte is always cut off, and
 * NT_ARM_TAGGED_ADDR_CTRL, which says whether system calls take such pointers, is
 * not asked.  Nor is NT_ARM_PAC_MASK: signatures are in return addresses, which lead
 * to no block.
 */
#include "core/core.h"

#include <elf.h>
#include <string.h>

/* clang-format off */
enum { SP = 31, PC, CPSR, TPIDR, NREGS };

static const char *const names[NREGS] = {
	"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
	"x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24",
	"x25", "x26", "x27", "x28", "x29", "x30", "sp", "pc", "cpsr", "tpidr",
};
/* clang-format on */

static bool
holds_pointer(unsigned reg)
{
	return reg < CPSR;
}

static void
read_note(struct core_thread *t, uint32_t type, const unsigned char *bytes, uint32_t size)
{
	if (type != NT_ARM_TLS || size < sizeof t->tp)
		return;
	memcpy(&t->tp, bytes, sizeof t->tp); /* with SME a second register follows */
	t->reg[TPIDR] = t->tp;
}

extern const struct machine machine_aarch64;

const struct machine machine_aarch64 = {
	.name = "aarch64",
	.elf_machine = EM_AARCH64,
	.elf_class = ELFCLASS64,
	.word = 8,
	.tag_bits = 8,
	.tls_above = true,
	.nregs = NREGS,
	.reg_names = names,
	.prstatus_size = 392,
	.prstatus_tid = 32,
	.prstatus_regs = 112,
	.sp = SP,
	.pc = PC,
	.tp = TPIDR,
	.holds_pointer = holds_pointer,
	.read_note = read_note,
};
