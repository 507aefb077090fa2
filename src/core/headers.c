/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ELF headers and notes, read by hand.
 *
 * libelf could read them, but it refuses a file whose tables run past its
 * end, and cut cores are our daily bread.  So every structure is copied out
 * after a look at how many bytes there are, and tables count as far as they
 * go.  Hosts and targets are little-endian; headers_init() asks no more than
 * that of the target.
 *
 * How many program headers there are.  Beyond 65,534 e_phnum says PN_XNUM
 * and the number is in section header 0.  The kernel writes that one at the
 * very end of a core, so it is the first thing that a cut core loses.  Then
 * the table itself tells: it ends where the first contents begin, and what
 * pads it up to there has type PT_NULL.
 */
#include "core/headers.h"

#include <string.h>

/* Bytes of an entry of the table. */
static uint64_t
entry_size(const struct headers *h)
{
	return h->narrow ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
}

/* How many entries of the table lie in our bytes. */
static uint64_t
entries_there(const struct headers *h)
{
	return h->elf.e_phoff > h->size ? 0
					: (h->size - h->elf.e_phoff) / entry_size(h);
}

static uint64_t
count_up_to_contents(const struct headers *h)
{
	uint64_t n = entries_there(h), contents = UINT64_MAX;

	for (uint64_t i = 0; i < n; i++) {
		Elf64_Phdr p = headers_at(h, i);

		if (p.p_filesz > 0 && p.p_offset > h->elf.e_phoff
		    && p.p_offset < contents)
			contents = p.p_offset;
		if (contents - h->elf.e_phoff < (i + 2) * entry_size(h))
			return i + 1;
	}
	return n;
}

static uint64_t
count(struct headers *h)
{
	Elf64_Shdr first;
	uint64_t n = h->elf.e_phnum;

	if (n == PN_XNUM) {
		if (h->elf.e_shoff == 0 || !headers_section(h, 0, &first)) {
			h->cut = true;
			return count_up_to_contents(h);
		}
		n = first.sh_info;
	}
	if (n > entries_there(h)) {
		h->cut = true;
		n = entries_there(h);
	}
	return n;
}

static Elf64_Ehdr
widen(const Elf32_Ehdr *e)
{
	Elf64_Ehdr wide = {
		.e_type = e->e_type,
		.e_machine = e->e_machine,
		.e_version = e->e_version,
		.e_entry = e->e_entry,
		.e_phoff = e->e_phoff,
		.e_shoff = e->e_shoff,
		.e_flags = e->e_flags,
		.e_ehsize = e->e_ehsize,
		.e_phentsize = e->e_phentsize,
		.e_phnum = e->e_phnum,
		.e_shentsize = e->e_shentsize,
		.e_shnum = e->e_shnum,
		.e_shstrndx = e->e_shstrndx,
	};

	memcpy(wide.e_ident, e->e_ident, sizeof wide.e_ident);
	return wide;
}

bool
headers_init(struct headers *h, const void *bytes, uint64_t size)
{
	const unsigned char *ident = bytes;
	Elf32_Ehdr narrow;

	if (size < sizeof narrow || memcmp(ident, ELFMAG, SELFMAG) != 0
	    || (ident[EI_CLASS] != ELFCLASS64 && ident[EI_CLASS] != ELFCLASS32)
	    || ident[EI_DATA] != ELFDATA2LSB)
		return false;
	*h = (struct headers) {
		.bytes = bytes,
		.size = size,
		.narrow = ident[EI_CLASS] == ELFCLASS32,
	};
	if (h->narrow) {
		memcpy(&narrow, bytes, sizeof narrow);
		h->elf = widen(&narrow);
	} else if (size >= sizeof h->elf) {
		memcpy(&h->elf, bytes, sizeof h->elf);
	} else {
		return false;
	}
	if (h->elf.e_phnum > 0 && h->elf.e_phentsize != entry_size(h))
		return false;
	h->count = count(h);
	return true;
}

Elf64_Phdr
headers_at(const struct headers *h, uint64_t i)
{
	const unsigned char *at = h->bytes + h->elf.e_phoff + i * entry_size(h);
	Elf32_Phdr narrow;
	Elf64_Phdr p;

	if (!h->narrow) {
		memcpy(&p, at, sizeof p);
		return p;
	}
	memcpy(&narrow, at, sizeof narrow);
	return (Elf64_Phdr) {
		.p_type = narrow.p_type,
		.p_flags = narrow.p_flags,
		.p_offset = narrow.p_offset,
		.p_vaddr = narrow.p_vaddr,
		.p_paddr = narrow.p_paddr,
		.p_filesz = narrow.p_filesz,
		.p_memsz = narrow.p_memsz,
		.p_align = narrow.p_align,
	};
}

bool
headers_section(const struct headers *h, uint64_t i, Elf64_Shdr *to)
{
	uint64_t n = h->narrow ? sizeof(Elf32_Shdr) : sizeof *to, have;
	const unsigned char *at = headers_bytes(h, h->elf.e_shoff + i * n, n, &have);
	Elf32_Shdr narrow;

	if (!at || have < n)
		return false;
	if (!h->narrow) {
		memcpy(to, at, sizeof *to);
		return true;
	}
	memcpy(&narrow, at, sizeof narrow);
	*to = (Elf64_Shdr) {
		.sh_name = narrow.sh_name,
		.sh_type = narrow.sh_type,
		.sh_flags = narrow.sh_flags,
		.sh_addr = narrow.sh_addr,
		.sh_offset = narrow.sh_offset,
		.sh_size = narrow.sh_size,
		.sh_link = narrow.sh_link,
		.sh_info = narrow.sh_info,
		.sh_addralign = narrow.sh_addralign,
		.sh_entsize = narrow.sh_entsize,
	};
	return true;
}

const unsigned char *
headers_bytes(const struct headers *h, uint64_t offset, uint64_t n, uint64_t *have)
{
	*have = 0;
	if (offset >= h->size || n == 0)
		return NULL;
	*have = n < h->size - offset ? n : h->size - offset;
	return h->bytes + offset;
}

bool
notes_next(struct notes *it, struct note *note)
{
	Elf64_Nhdr head;
	uint64_t left = it->size - it->at, mask = it->align == 8 ? 7 : 3;

	if (it->broken || left < sizeof head)
		return false; /* a few bytes may pad the last one */
	memcpy(&head, it->bytes + it->at, sizeof head);
	uint64_t bytes = (sizeof head + head.n_namesz + mask) & ~mask;
	uint64_t next = (bytes + head.n_descsz + mask) & ~mask;
	if (bytes > left || head.n_descsz > left - bytes) {
		it->broken = true;
		return false;
	}
	*note = (struct note) { .type = head.n_type,
		.owner = (const char *)it->bytes + it->at + sizeof head,
		.owner_size = head.n_namesz,
		.bytes = it->bytes + it->at + bytes,
		.size = head.n_descsz };
	if (note->owner_size > 0 && note->owner[note->owner_size - 1] == '\0')
		note->owner_size--;
	it->at += next < left ? next : left;
	return true;
}

bool
note_is(const struct note *note, const char *owner, uint32_t type)
{
	return note->type == type && note->owner_size == strlen(owner)
	    && memcmp(note->owner, owner, note->owner_size) == 0;
}
