/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Symbols of one module: which variable or function covers an address.
 *
 * The fullest table that can be found is read, when it is first asked for:
 * .symtab of the file, else of its separate debug file, else .dynsym, else
 * what the core holds of .dynsym.  Of several names for one address the most
 * public and then the plainest is kept, so that the answer is always the same.
 *
 * Symbols may lie in each other, or have no size (hand-written assembly); one
 * of those reaches up to the next.  So a look-up takes the last symbol that
 * begins at or before the value, and walks back a few when that one ends too
 * early: nesting is never deep.
 */
#include "image/parts.h"

#include <gelf.h>

enum { WALK_BACK = 16 };

struct symbol {
	uint64_t value, size;
	const char *name;   /* in a file's mapping, or in table->memory */
	unsigned char rank; /* 0: global, 1: weak, 2: local */
	unsigned char kind; /* enum symbol_kind */
};

struct symbol_table {
	struct VEC(struct symbol) all; /* sorted by kind, then value, each pair once */
	Elf *elf;                      /* names are in its data; NULL: in memory */
	struct dynsym memory;
};

static void
add(struct symbol_table *t, const Elf64_Sym *y, const char *name)
{
	static const unsigned char
	    ranks[] = { [STB_LOCAL] = 2, [STB_GLOBAL] = 0, [STB_WEAK] = 1 };
	unsigned type = ELF64_ST_TYPE(y->st_info), bind = ELF64_ST_BIND(y->st_info);
	bool tls = type == STT_TLS;

	if (!name || !*name || y->st_shndx == SHN_UNDEF || y->st_shndx == SHN_ABS
	    || !(tls || type == STT_OBJECT || type == STT_FUNC || type == STT_GNU_IFUNC))
		return;
	vec_push(&t->all,
	    (struct symbol) { y->st_value, y->st_size, name,
		bind < sizeof ranks ? ranks[bind] : 0,
		tls ? SYMBOL_TLS : SYMBOL_PLACE });
}

static Elf_Scn *
find_section(Elf *elf, uint32_t type, GElf_Shdr *head)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, head) && head->sh_type == type && head->sh_entsize)
			return scn;
	return NULL;
}

/* Reads the symbols of one section type.  False when the file has none of it. */
static bool
read_section(struct symbol_table *t, Elf *elf, uint32_t type)
{
	GElf_Shdr head;
	Elf_Scn *scn = find_section(elf, type, &head);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	GElf_Sym y;

	if (!data || data->d_size / head.sh_entsize > INT32_MAX)
		return false;
	int n = (int)(data->d_size / head.sh_entsize);
	for (int i = 0; i < n && gelf_getsym(data, i, &y); i++)
		add(t, &y, elf_strptr(elf, head.sh_link, y.st_name));
	return t->all.n > 0;
}

/* Opens the file's ELF structure in place.  NULL when it has none. */
static Elf *
open_elf(const struct host_file *file)
{
	if (!file || elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	return elf_memory((char *)(uintptr_t)file->map, file->size);
}

/* Takes the symbols of one section type of a file; keeps the ELF open for their names. */
static bool
take_file(struct symbol_table *t, const struct host_file *file, uint32_t type)
{
	Elf *elf = open_elf(file);

	if (elf && read_section(t, elf, type)) {
		t->elf = elf;
		return true;
	}
	elf_end(elf);
	return false;
}

static bool
take_memory(struct symbol_table *t, const struct space *s, const struct module *m)
{
	if (!dynsym_read(&t->memory, s, m))
		return false;
	for (size_t i = 0; i < t->memory.n; i++)
		if (t->memory.symbols[i].st_name < t->memory.size)
			add(t, &t->memory.symbols[i],
			    t->memory.names + t->memory.symbols[i].st_name);
	return true;
}

static int
by_value(const void *one, const void *other)
{
	const struct symbol *a = one, *b = other;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	if (!a->size != !b->size)
		return a->size ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	size_t plain_a = strspn(a->name, "_"), plain_b = strspn(b->name, "_");
	if (plain_a != plain_b)
		return plain_a < plain_b ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Sorts, and keeps the best name of each value. */
static void
settle(struct symbol_table *t)
{
	size_t n = 0;

	vec_sort(&t->all, by_value);
	for (size_t i = 0; i < t->all.n; i++) {
		const struct symbol *y = &t->all.at[i];

		if (n == 0 || t->all.at[n - 1].value != y->value
		    || t->all.at[n - 1].kind != y->kind)
			t->all.at[n++] = *y;
	}
	t->all.n = n;
}

/* The table of m, read now if it was not yet.  NULL: out of memory. */
static struct symbol_table *
table_of(struct image *image, struct module *m)
{
	if (m->symbols)
		return m->symbols;
	struct symbol_table *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	if (!take_file(t, m->file, SHT_SYMTAB) && !take_file(t, m->debug, SHT_SYMTAB)
	    && !take_file(t, m->file, SHT_DYNSYM))
		(void)take_memory(t, image->space, m);
	settle(t);
	return m->symbols = t;
}

/* How many symbols begin before (kind, value), or at it. */
static size_t
count_to(const struct symbol_table *t, enum symbol_kind kind, uint64_t value)
{
	size_t low = 0, high = t->all.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct symbol *y = &t->all.at[mid];

		if (y->kind < kind || (y->kind == kind && y->value <= value))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const char *
symbol_at(struct image *image, const struct module *m, enum symbol_kind kind,
    uint64_t value, uint64_t *offset)
{
	size_t index = (size_t)(m - image->modules.at);
	const struct symbol_table *t = table_of(image, &image->modules.at[index]);
	size_t n = t ? count_to(t, kind, value) : 0;

	for (size_t i = n; i > 0 && n - i < WALK_BACK; i--) {
		const struct symbol *y = &t->all.at[i - 1];
		bool open_ended = y->size == 0 && i == n;

		if (y->kind != kind)
			break;
		if (value - y->value < y->size || open_ended) {
			*offset = value - y->value;
			return y->name;
		}
	}
	return NULL;
}

void
symbols_free(struct symbol_table *t)
{
	if (!t)
		return;
	vec_free(&t->all);
	elf_end(t->elf);
	dynsym_fini(&t->memory);
	free(t);
}
