/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiny cores and programs. */
#include "unit/tiny.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define APPEND(v, bytes, n)                 \
	for (size_t i_ = 0; i_ < (n); i_++) \
	vec_push(v, ((const unsigned char *)(bytes))[i_])

void
tiny_fini(struct tiny *t)
{
	vec_free(&t->segments);
	vec_free(&t->notes);
	vec_free(&t->list);
	vec_free(&t->paths);
	vec_free(&t->image);
	if (t->fd >= 0)
		close(t->fd);
	*t = TINY_EMPTY;
}

void
tiny_segment(struct tiny *t, uint64_t start, uint64_t memory, uint64_t contents,
    unsigned flags)
{
	vec_push(&t->segments,
	    (struct tiny_segment) { .start = start,
		.memory = memory,
		.contents = contents,
		.flags = flags });
}

void
tiny_page(struct tiny *t, uint64_t start, const void *bytes, size_t n, unsigned flags)
{
	vec_push(&t->segments,
	    (struct tiny_segment) { .start = start,
		.memory = 4096,
		.contents = 4096,
		.flags = flags,
		.bytes = bytes,
		.known = n < 4096 ? n : 4096 });
}

void
tiny_note(struct tiny *t, const char *owner, uint32_t type, const void *bytes,
    uint32_t n)
{
	Elf64_Nhdr head = { .n_namesz = (uint32_t)strlen(owner) + 1,
		.n_descsz = n,
		.n_type = type };
	static const unsigned char zeros[4];

	APPEND(&t->notes, &head, sizeof head);
	APPEND(&t->notes, owner, head.n_namesz);
	APPEND(&t->notes, zeros, -head.n_namesz & 3);
	APPEND(&t->notes, bytes, n);
	APPEND(&t->notes, zeros, -n & 3);
}

/* Register i holds tid * 1000 + i, but for SP. */
void
tiny_thread(struct tiny *t, int32_t tid, uint64_t sp)
{
	unsigned char status[336] = { 0 }, vectors[512] = { 0 };

	memcpy(status + 32, &tid, sizeof tid);
	status[12] = 11;
	for (uint64_t i = 0; i < 27; i++) {
		uint64_t value = i == 19 ? sp : (uint64_t)tid * 1000 + i;

		memcpy(status + 112 + i * 8, &value, sizeof value);
	}
	tiny_note(t, "CORE", NT_PRSTATUS, status, sizeof status);
	tiny_note(t, "CORE", NT_FPREGSET, vectors, sizeof vectors);
}

void
tiny_auxv(struct tiny *t, const uint64_t *pairs, size_t n)
{
	tiny_note(t, "CORE", NT_AUXV, pairs, (uint32_t)(n * 16));
}

void
tiny_map(struct tiny *t, uint64_t start, uint64_t end, uint64_t offset, const char *path)
{
	uint64_t words[] = { start, end, offset };

	APPEND(&t->list, words, sizeof words);
	APPEND(&t->paths, path, strlen(path) + 1);
	t->mapped++;
}

static void
add_nt_file(struct tiny *t)
{
	uint64_t head[] = { t->mapped, 4096 };
	struct VEC(unsigned char) note = { .n = 0 };

	if (t->mapped == 0)
		return;
	APPEND(&note, head, sizeof head);
	APPEND(&note, t->list.at, t->list.n);
	APPEND(&note, t->paths.at, t->paths.n);
	tiny_note(t, "CORE", NT_FILE, note.at, (uint32_t)note.n);
	vec_free(&note);
	t->mapped = 0;
}

static void
add_contents(struct tiny *t, const struct tiny_segment *s)
{
	for (uint64_t i = 0; i < s->contents; i++) {
		unsigned char c = s->bytes ? 0 : tiny_byte(s->start + i);

		if (s->bytes && i < s->known)
			c = ((const unsigned char *)s->bytes)[i];
		vec_push(&t->image, c);
	}
}

static void
add_headers(struct tiny *t)
{
	size_t n = t->segments.n + 1;
	uint64_t at = sizeof(Elf64_Ehdr) + n * sizeof(Elf64_Phdr), notes = at;

	if (t->notes_last)
		for (size_t i = 0; i < t->segments.n; i++)
			notes += t->segments.at[i].contents;
	else
		at += t->notes.n;
	Elf64_Phdr note = { .p_type = PT_NOTE,
		.p_offset = notes,
		.p_filesz = t->notes.n };
	APPEND(&t->image, &note, sizeof note);
	for (size_t i = 0; i < t->segments.n; i++) {
		const struct tiny_segment *s = &t->segments.at[i];
		Elf64_Phdr p = { .p_type = PT_LOAD,
			.p_offset = at,
			.p_vaddr = s->start,
			.p_filesz = s->contents,
			.p_memsz = s->memory,
			.p_flags = s->flags };

		APPEND(&t->image, &p, sizeof p);
		at += s->contents;
	}
}

void
tiny_make(struct tiny *t)
{
	Elf64_Ehdr head = { .e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_phoff = sizeof head,
		.e_ehsize = sizeof head,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)(t->segments.n + 1) };
	Elf64_Shdr count = { .sh_info = (Elf64_Word)t->segments.n + 1 };

	memcpy(head.e_ident, ELFMAG, SELFMAG);
	head.e_ident[EI_CLASS] = ELFCLASS64;
	head.e_ident[EI_DATA] = ELFDATA2LSB;
	head.e_ident[EI_VERSION] = EV_CURRENT;
	add_nt_file(t);
	t->image.n = 0;
	APPEND(&t->image, &head, sizeof head);
	add_headers(t);
	if (!t->notes_last)
		APPEND(&t->image, t->notes.at, t->notes.n);
	for (size_t i = 0; i < t->segments.n; i++)
		add_contents(t, &t->segments.at[i]);
	if (t->notes_last)
		APPEND(&t->image, t->notes.at, t->notes.n);
	if (!t->many)
		return;
	head.e_phnum = PN_XNUM;
	head.e_shoff = t->image.n;
	head.e_shnum = 1;
	head.e_shentsize = sizeof count;
	APPEND(&t->image, &count, sizeof count);
	memcpy(t->image.at, &head, sizeof head);
}

void
tiny_put(struct tiny *t, const void *bytes, size_t n)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = memfd_create("tiny", MFD_CLOEXEC);
	for (size_t done = 0; done < n;) {
		ssize_t some = write(t->fd, (const char *)bytes + done, n - done);

		if (some <= 0)
			break;
		done += (size_t)some;
	}
	snprintf(t->path, sizeof t->path, "/proc/self/fd/%d", t->fd);
}

bool
tiny_open(struct tiny *t, struct core *core, struct hs_error *err)
{
	struct progress silent = { .call = NULL };

	tiny_make(t);
	tiny_put(t, t->image.at, t->image.n);
	return core_open(core, t->path, &silent, err);
}

void
tiny_program(unsigned char bytes[TINY_PROGRAM], unsigned char id)
{
	Elf64_Ehdr head = { .e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_entry = 0x1010,
		.e_phoff = sizeof head,
		.e_ehsize = sizeof head,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 4 };
	Elf64_Nhdr note = { .n_namesz = 4, .n_descsz = 8, .n_type = NT_GNU_BUILD_ID };
	Elf64_Phdr p[4];
	unsigned flags[] = { PF_R, PF_R | PF_X, PF_R | PF_W };

	for (unsigned i = 0; i < TINY_PROGRAM; i++)
		bytes[i] = (unsigned char)(i * 3 + (i >> 8));
	memcpy(head.e_ident, ELFMAG, SELFMAG);
	head.e_ident[EI_CLASS] = ELFCLASS64;
	head.e_ident[EI_DATA] = ELFDATA2LSB;
	for (unsigned i = 0; i < 3; i++)
		p[i] = (Elf64_Phdr) { .p_type = PT_LOAD,
			.p_offset = i * 0x1000,
			.p_vaddr = i * 0x1000,
			.p_filesz = 0x1000,
			.p_memsz = 0x1000,
			.p_flags = flags[i] };
	p[3] = (Elf64_Phdr) { .p_type = id ? PT_NOTE : PT_NULL,
		.p_offset = 0x200,
		.p_vaddr = 0x200,
		.p_filesz = sizeof note + 4 + 8,
		.p_align = 4 };
	memcpy(bytes, &head, sizeof head);
	memcpy(bytes + sizeof head, p, sizeof p);
	memcpy(bytes + 0x200, &note, sizeof note);
	memcpy(bytes + 0x200 + sizeof note, "GNU", 4);
	memset(bytes + 0x200 + sizeof note + 4, id, 8);
}
