/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What fuzzers begin with, made from small cores and programs:
 *
 *	seeds FOLDER CORE... [-- PROGRAM...]
 *
 * writes FOLDER/NAME/NUMBER for each fuzzer.
 */
#include "fuzz/fuzz.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static void
put(const char *folder, const char *name, unsigned number, const void *bytes, size_t n)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/%s/%u", folder, name, number);
	f = fopen(path, "wb");
	if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) {
		perror(path);
		exit(2);
	}
}

static uint8_t *
get(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes;
	struct stat st;

	if (!f || fstat(fileno(f), &st) != 0
	    || !(bytes = malloc((size_t)st.st_size + 1))) {
		perror(path);
		exit(2);
	}
	*n = fread(bytes, 1, (size_t)st.st_size, f);
	fclose(f);
	return bytes;
}

static void
put_notes(const char *folder, unsigned number, const uint8_t *core, size_t n)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	memcpy(&e, core, sizeof e);
	for (size_t i = 0; i < e.e_phnum; i++) {
		memcpy(&p, core + e.e_phoff + i * sizeof p, sizeof p);
		if (p.p_type == PT_NOTE && p.p_offset + p.p_filesz <= n)
			put(folder, "notes", number, core + p.p_offset, p.p_filesz);
	}
}

/* See heap.c: a release, and a word that is changed in each of eight ways. */
static void
put_changes(const char *folder, unsigned number)
{
	uint8_t bytes[1 + 8 * 12] = { (uint8_t)number };

	for (uint32_t i = 0; i < 8; i++) {
		uint32_t which = i << 29 | (number * 97 + i * 31);
		uint64_t value = UINT64_C(0x0101010101010101) * (number + i);

		memcpy(bytes + 1 + i * 12, &which, sizeof which);
		memcpy(bytes + 1 + i * 12 + 4, &value, sizeof value);
	}
	put(folder, "heap", number, bytes, sizeof bytes);
}

int
main(int argc, char **argv)
{
	bool programs = false;

	if (argc < 3) {
		fprintf(stderr, "usage: seeds FOLDER CORE... [-- PROGRAM...]\n");
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		size_t n;
		uint8_t *bytes;

		if (strcmp(argv[i], "--") == 0) {
			programs = true;
			continue;
		}
		bytes = get(argv[i], &n);
		if (programs) {
			put(argv[1], "symbols", (unsigned)i, bytes, n);
		} else if (n > sizeof(Elf64_Ehdr)) {
			put(argv[1], "core", (unsigned)i, bytes, n);
			put(argv[1], "whole", (unsigned)i, bytes, n);
			put_notes(argv[1], (unsigned)i, bytes, n);
		}
		free(bytes);
	}
	for (unsigned i = 0; i < 14; i++)
		put_changes(argv[1], i);
	return 0;
}
