/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines, and what to call those that we cannot read. */
#ifndef CORE_MACHINES_H
#define CORE_MACHINES_H

#include "core/core.h"

/* NULL when cores of it cannot be read yet. */
const struct machine *machine_find(unsigned elf_machine, unsigned elf_class);

/* Of any EM_* that a core may come from: "aarch64"; "machine" if nobody knows. */
const char *machine_name(unsigned elf_machine, unsigned elf_class);

#endif
