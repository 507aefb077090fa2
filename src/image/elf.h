/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ELF headers and dynamic sections, as they are in the memory of the process. */
#ifndef IMAGE_ELF_H
#define IMAGE_ELF_H

#include "core/headers.h"
#include "space/space.h"

/* The headers of a program or library that begin at a.  False when there are none. */
bool elf_read(struct headers *h, const struct space *s, hs_addr a) MUST_CHECK;

/* The first program header of this type; false when there is none. */
bool elf_find(const struct headers *h, uint32_t type, Elf64_Phdr *to) MUST_CHECK;

/* What the dynamic section at an address says of tag.  False: nothing. */
bool elf_dynamic(const struct space *s, hs_addr dynamic, uint64_t tag,
    uint64_t *value) MUST_CHECK;

#endif
