/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of machines. */
#include "core/machines.h"

#include <elf.h>

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258 /* glibc 2.34 and older do not know it */
#endif

extern const struct machine machine_aarch64, machine_i386, machine_x86_64;

const struct machine *const machines[] = { &machine_x86_64, &machine_i386,
	&machine_aarch64, NULL };

static const struct {
	unsigned elf_machine, elf_class;
	const char *name;
} names[] = {
	{ EM_X86_64, ELFCLASS64, "x86-64" },
	{ EM_X86_64, ELFCLASS32, "x32" },
	{ EM_386, ELFCLASS32, "i386" },
	{ EM_AARCH64, ELFCLASS64, "aarch64" },
	{ EM_ARM, ELFCLASS32, "arm" },
	{ EM_RISCV, ELFCLASS64, "riscv64" },
	{ EM_PPC64, ELFCLASS64, "ppc64" },
	{ EM_S390, ELFCLASS64, "s390x" },
	{ EM_LOONGARCH, ELFCLASS64, "loongarch64" },
	{ EM_MIPS, ELFCLASS64, "mips64" },
};

const struct machine *
machine_find(unsigned elf_machine, unsigned elf_class)
{
	for (size_t i = 0; machines[i]; i++)
		if ((unsigned)machines[i]->elf_machine == elf_machine
		    && (unsigned)machines[i]->elf_class == elf_class)
			return machines[i];
	return NULL;
}

const char *
machine_name(unsigned elf_machine, unsigned elf_class)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].elf_machine == elf_machine
		    && names[i].elf_class == elf_class)
			return names[i].name;
	return elf_class == ELFCLASS32 ? "another 32-bit machine" : "another machine";
}
