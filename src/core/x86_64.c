/* SPDX-License-Identifier: GPL-3.0-or-later */
/* x86-64 Linux: struct elf_prstatus and struct user_regs_struct of <sys/user.h>. */
#include "core/core.h"

#include <elf.h>

/* clang-format off */
enum {
	R15, R14, R13, R12, RBP, RBX, R11, R10, R9, R8, RAX, RCX, RDX, RSI, RDI,
	ORIG_RAX, RIP, CS, EFLAGS, RSP, SS, FS_BASE, GS_BASE, DS, ES, FS, GS,
	NREGS,
};

static const char *const names[NREGS] = {
	"r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx",
	"rdx", "rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base",
	"gs_base", "ds", "es", "fs", "gs",
};
/* clang-format on */

/* fs_base is the thread's descriptor, which is a root by itself. */
static bool
holds_pointer(unsigned reg)
{
	return reg < ORIG_RAX || reg == RIP || reg == RSP;
}

extern const struct machine machine_x86_64;

const struct machine machine_x86_64 = {
	.name = "x86-64",
	.elf_machine = EM_X86_64,
	.elf_class = ELFCLASS64,
	.word = 8,
	.red_zone = 128,
	.nregs = NREGS,
	.reg_names = names,
	.prstatus_size = 336,
	.prstatus_tid = 32,
	.prstatus_regs = 112,
	.sp = RSP,
	.pc = RIP,
	.tp = FS_BASE,
	.holds_pointer = holds_pointer,
};
