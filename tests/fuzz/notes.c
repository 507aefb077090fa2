/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the notes of a core that is sound otherwise. */
#include "fuzz/fuzz.h"

#include "core/core.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct head {
		Elf64_Ehdr elf;
		Elf64_Phdr notes;
	} head = {
		.elf = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_CORE,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof head.elf,
			.e_ehsize = sizeof head.elf,
			.e_phentsize = sizeof head.notes,
			.e_phnum = 1,
		},
		.notes = { .p_type = PT_NOTE, .p_offset = sizeof head, .p_filesz = n },
	};
	autofree unsigned char *all = malloc(sizeof head + n);
	scoped(core_fini) struct core core = CORE_EMPTY;
	const struct progress silent = { NULL, NULL };
	struct hs_error err;

	MUST(all);
	memcpy(all, &head, sizeof head);
	memcpy(all + sizeof head, bytes, n);
	scoped(fuzz_file_fini) struct fuzz_file f = fuzz_file(all, sizeof head + n);
	if (!core_open(&core, f.path, &silent, &err))
		return 0;
	for (size_t i = 0; i < core.threads.n; i++)
		MUST(core.threads.at[i].vector_size <= n);
	for (size_t i = 0; i < core.files.n; i++) {
		const struct file_mapping *m = &core.files.at[i];

		MUST(m->range.start < m->range.end && strlen(m->path) < n);
		MUST(core_file_at(&core, m->range.start) != NULL);
	}
	return 0;
}
