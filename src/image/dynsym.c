/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dynamic symbol table as it is in memory: for modules whose file is not
 * on this host, when the core has their read-only pages (gcore writes them).
 *
 * The dynamic section says where the table begins, not where it ends: the
 * hash table knows how many symbols there are.
 */
#include "image/parts.h"

enum { SYMBOLS_MOST = 1 << 22, NAMES_MOST = 1 << 28 };

/* Some of these are relocated in memory, some not, as the glibc at hand does it. */
static bool
table_at(const struct space *s, const struct module *m, uint64_t tag, hs_addr *at)
{
	if (!elf_dynamic(s, m->dynamic, tag, at))
		return false;
	if (!range_has(m->range, *at))
		*at += m->bias;
	return range_has(m->range, *at);
}

/* DT_GNU_HASH: the longest chain ends at the last symbol. */
static size_t
count_gnu(const struct space *s, hs_addr hash)
{
	struct {
		uint32_t buckets, first, bloom_words, shift;
	} head;
	uint32_t last = 0, value;

	if (!space_read(s, hash, &head, sizeof head) || head.buckets > SYMBOLS_MOST
	    || head.bloom_words > SYMBOLS_MOST)
		return 0;
	hs_addr bucket =
	    hash + sizeof head + (uint64_t)head.bloom_words * s->core->machine->word;
	hs_addr chain = bucket + (uint64_t)head.buckets * sizeof value;
	for (uint32_t i = 0; i < head.buckets; i++) {
		if (!space_read(s, bucket + (uint64_t)i * sizeof value, &value,
			sizeof value))
			return 0;
		if (value > last)
			last = value;
	}
	if (last < head.first)
		return head.first;
	while (last < SYMBOLS_MOST
	    && space_read(s, chain + (uint64_t)(last - head.first) * sizeof value,
		&value, sizeof value)) {
		last++;
		if (value & 1)
			return last;
	}
	return 0;
}

static size_t
count_symbols(const struct space *s, const struct module *m)
{
	struct {
		uint32_t buckets, chains;
	} head;
	hs_addr hash;

	if (table_at(s, m, DT_GNU_HASH, &hash))
		return count_gnu(s, hash);
	if (table_at(s, m, DT_HASH, &hash) && space_read(s, hash, &head, sizeof head))
		return head.chains < SYMBOLS_MOST ? head.chains : 0;
	return 0;
}

static Elf64_Sym
widen(const Elf32_Sym *y)
{
	return (Elf64_Sym) { .st_name = y->st_name,
		.st_info = y->st_info,
		.st_other = y->st_other,
		.st_shndx = y->st_shndx,
		.st_value = y->st_value,
		.st_size = y->st_size };
}

static bool
copy_symbols(struct dynsym *d, const struct space *s, hs_addr at)
{
	for (size_t i = 0; i < d->n; i++) {
		Elf32_Sym narrow;

		if (s->core->machine->word == 8) {
			if (!space_read(s, at + i * sizeof *d->symbols,
				&d->symbols[i], sizeof *d->symbols))
				return false;
		} else {
			if (!space_read(s, at + i * sizeof narrow, &narrow,
				sizeof narrow))
				return false;
			d->symbols[i] = widen(&narrow);
		}
	}
	return true;
}

bool
dynsym_read(struct dynsym *d, const struct space *s, const struct module *m)
{
	scoped(dynsym_fini) struct dynsym new = { .n = count_symbols(s, m) };
	hs_addr symbols, names;

	if (new.n == 0 || !table_at(s, m, DT_SYMTAB, &symbols)
	    || !table_at(s, m, DT_STRTAB, &names)
	    || !elf_dynamic(s, m->dynamic, DT_STRSZ, &new.size)
	    || new.size > NAMES_MOST || new.size > range_left(m->range, names)
	    || new.n > range_size(m->range) / sizeof(Elf32_Sym))
		return false;
	new.symbols = calloc(new.n, sizeof *new.symbols);
	new.names = calloc(1, new.size + 1);
	if (!new.symbols || !new.names || !copy_symbols(&new, s, symbols)
	    || !space_read(s, names, new.names, new.size))
		return false;
	*d = new;
	new = (struct dynsym) { .n = 0 };
	return true;
}

bool
module_exports(const struct image *image, const struct module *m, const char *name)
{
	scoped(dynsym_fini) struct dynsym d = { .n = 0 };

	if (!dynsym_read(&d, image->space, m))
		return false;
	for (size_t i = 0; i < d.n; i++)
		if (d.symbols[i].st_shndx != SHN_UNDEF && d.symbols[i].st_name < d.size
		    && strcmp(d.names + d.symbols[i].st_name, name) == 0)
			return true;
	return false;
}

void
dynsym_fini(struct dynsym *d)
{
	free(d->symbols);
	free(d->names);
	*d = (struct dynsym) { .n = 0 };
}
