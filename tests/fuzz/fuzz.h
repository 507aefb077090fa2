/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A fuzzer: one function that takes any bytes, in a program with clang's
 * libFuzzer, or with alone.c where there is none.  To add one: NAME.c here,
 * which defines it, and a line in seeds.c for what it begins with.
 *
 * What must hold is asserted with MUST(); all else the sanitizers say.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The name and the result are libFuzzer's.  0: go on. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define MUST(so)                                                                   \
	do {                                                                       \
		if (!(so)) {                                                       \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
			    #so);                                                  \
			abort();                                                   \
		}                                                                  \
	} while (0)

/* A file without a name, which has a path all the same. */
struct fuzz_file {
	int fd; /* -1: none */
	char path[32];
};

/* One that holds these bytes.  Close it with fuzz_file_fini(). */
struct fuzz_file fuzz_file(const void *bytes, size_t n);
void fuzz_file_fini(struct fuzz_file *f);

#endif
