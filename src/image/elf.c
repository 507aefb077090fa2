/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ELF headers and dynamic sections in the memory of the process. */
#include "image/elf.h"

enum {
	PHDRS_MOST = 256,       /* linkers write some fifteen */
	DYNAMIC_MOST = 1 << 12, /* entries; real ones have some thirty */
};

bool
elf_read(struct headers *h, const struct space *s, hs_addr a)
{
	const unsigned char *bytes;
	uint64_t n = space_run(s, a, &bytes);

	if (n == 0 || !headers_init(h, bytes, n)
	    || (h->elf.e_type != ET_EXEC && h->elf.e_type != ET_DYN))
		return false;
	if (h->count > PHDRS_MOST)
		h->count = PHDRS_MOST;
	return h->count > 0;
}

bool
elf_find(const struct headers *h, uint32_t type, Elf64_Phdr *to)
{
	for (uint64_t i = 0; i < h->count; i++) {
		*to = headers_at(h, i);
		if (to->p_type == type)
			return true;
	}
	return false;
}

bool
elf_dynamic(const struct space *s, hs_addr dynamic, uint64_t tag, uint64_t *value)
{
	unsigned word = s->core->machine->word;

	for (unsigned i = 0; dynamic && i < DYNAMIC_MOST; i++) {
		hs_addr found, at = dynamic + (uint64_t)i * 2 * word;

		if (!space_word(s, at, &found) || found == DT_NULL)
			return false;
		if (found == tag)
			return space_word(s, at + word, value);
	}
	return false;
}
