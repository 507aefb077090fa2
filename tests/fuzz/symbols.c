/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as the file of a program that was mapped where the core says, and
 * whose first pages are in memory, too: its headers, its symbols.
 */
#include "fuzz/fuzz.h"

#include "image/image.h"
#include "unit/tiny.h"

enum { BASE = 0x400000, PAGE = 4096, PAGES_MOST = 64 };

/* A core of a process that had mapped the file from its first page to its last. */
static void
make_core(struct tiny *t, const char *file, const uint8_t *bytes, size_t n)
{
	uint64_t end = BASE + align_up(n, PAGE);
	const uint64_t auxv[] = { AT_PHDR, BASE + sizeof(Elf64_Ehdr), AT_ENTRY,
		BASE + PAGE };

	for (uint64_t i = 0; i < PAGES_MOST && i * PAGE < n; i++)
		tiny_page(t, BASE + i * PAGE, bytes + i * PAGE,
		    n - i * PAGE < PAGE ? n - i * PAGE : PAGE, PF_R | PF_W | PF_X);
	tiny_map(t, BASE, end, 0, file);
	tiny_auxv(t, auxv, 2);
	tiny_thread(t, 1, BASE + PAGE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(fuzz_file_fini) struct fuzz_file file = fuzz_file(bytes, n);
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core core = CORE_EMPTY;
	scoped(space_fini) struct space space = SPACE_EMPTY;
	scoped(image_fini) struct image image = IMAGE_EMPTY;
	const struct lookup how = { .sysroot = "/nonexistent",
		.files = (const char *const[]) { file.path, NULL } };
	struct hs_error err;
	struct place place;

	make_core(&t, file.path, bytes, n);
	if (!tiny_open(&t, &core, &err) || !space_build(&space, &core, &how, &err)
	    || !image_load(&image, &space, &how, &err))
		return 0;
	for (uint64_t a = 0; a < align_up(n, PAGE); a += PAGE / 16) {
		(void)image_place(&image, BASE + a, &place);
		(void)image_tls_place(&image, BASE + PAGE, BASE + a, &place);
	}
	for (size_t i = 0; i < image.modules.n; i++)
		(void)module_exports(&image, &image.modules.at[i], "malloc");
	return 0;
}
