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

enum { ENTRY = sizeof(Elf64_Phdr) };

/* How many entries of the table lie in our bytes. */
static uint64_t
entries_there(const struct headers *h)
{
	return h->elf.e_phoff > h->size ? 0 : (h->size - h->elf.e_phoff) / ENTRY;
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
		if (contents - h->elf.e_phoff < (i + 2) * ENTRY)
			return i + 1;
	}
	return n;
}

static uint64_t
count(struct headers *h)
{
	Elf64_Shdr first;
	uint64_t n = h->elf.e_phnum, have;

	if (n == PN_XNUM) {
		const unsigned char *at =
		    headers_bytes(h, h->elf.e_shoff, sizeof first, &have);

		if (!at || h->elf.e_shoff == 0 || have < sizeof first) {
			h->cut = true;
			return count_up_to_contents(h);
		}
		memcpy(&first, at, sizeof first);
		n = first.sh_info;
	}
	if (n > entries_there(h)) {
		h->cut = true;
		n = entries_there(h);
	}
	return n;
}

bool
headers_init(struct headers *h, const void *bytes, uint64_t size)
{
	const unsigned char *ident = bytes;

	if (size < sizeof h->elf || memcmp(ident, ELFMAG, SELFMAG) != 0
	    || ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
		return false;
	*h = (struct headers) { .bytes = bytes, .size = size };
	memcpy(&h->elf, bytes, sizeof h->elf);
	if (h->elf.e_phnum > 0 && h->elf.e_phentsize != ENTRY)
		return false;
	h->count = count(h);
	return true;
}

Elf64_Phdr
headers_at(const struct headers *h, uint64_t i)
{
	Elf64_Phdr p;

	memcpy(&p, h->bytes + h->elf.e_phoff + i * ENTRY, sizeof p);
	return p;
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
