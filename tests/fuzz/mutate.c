/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mutated cores: whatever the bytes, heapscan answers or refuses.
 *
 *	mutate FIRST COUNT CORE...
 *
 * Case number i spoils a copy of one of the cores, in a way that depends on i
 * alone, and runs every command on it in a process of its own.  That process
 * must end by itself, soon, with a status that we know, and without taking much
 * memory; and with next to no memory the leaks must be the same.  A case that does not is reported with its number, and its core is kept
 * as case-NUMBER in the current folder; `mutate NUMBER 1 CORE...` repeats it.
 *
 * Random bytes at random places mostly hit nothing.  So we prefer the words that
 * steer: headers and notes, and words in writable memory that are not zero; and
 * what we write there is taken from elsewhere in the core, or next to what was
 * there, or an extreme.
 */
#include "heapscan.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SECONDS = 60,
	MOST_MEMORY = 1 << 20,    /* KiB */
	LITTLE_MEMORY = 64 << 10, /* bytes: too little for edges */
	MOST_CHANGES = 12,
	DIFFERS = 99, /* an exit status */
};

struct sample {
	unsigned char *bytes;
	uint64_t size, headers; /* bytes; of these: up to the first segment's contents */
	uint64_t *full;         /* offsets of the words that are not zero */
	uint64_t nfull;
};

static uint64_t random_state;

/* splitmix64: every seed gives a good sequence. */
static uint64_t
any(uint64_t below)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return below ? (z ^ (z >> 31)) % below : 0;
}

static uint64_t
word_at(const struct sample *s, uint64_t at)
{
	uint64_t word;

	memcpy(&word, s->bytes + at, sizeof word);
	return word;
}

/* Where a change may matter: in the headers, or in a word that is not zero. */
static uint64_t
place(const struct sample *s)
{
	return any(3) ? s->full[any(s->nfull)] : any(s->headers - 8);
}

/* What could stand at a place where old stands now. */
static uint64_t
instead_of(const struct sample *s, uint64_t old)
{
	static const uint64_t extremes[] = { 0, 1, 7, 0x10, 0x21, 0x7fffffff,
		0xffffffff, INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX,
		UINT64_MAX - 15, 0x7fffffffffff };

	switch (any(6)) {
	case 0: return extremes[any(sizeof extremes / sizeof *extremes)];
	case 1: return old ^ (1ull << any(64));
	case 2: return old + any(64) - 32;
	case 3: return old + (any(64) - 32) * 4096;
	case 4: return any(0);
	default: return word_at(s, place(s));
	}
}

/* Spoils s; returns its new size. */
static uint64_t
spoil(struct sample *s)
{
	for (uint64_t n = 1 + any(MOST_CHANGES); n > 0; n--) {
		uint64_t at = place(s);
		uint64_t word = instead_of(s, word_at(s, at));

		memcpy(s->bytes + at, &word, 1ull << any(4));
	}
	return any(8) ? s->size : any(s->size);
}

/* FNV-1a of all that is written. */
static bool
swallow(void *arg, const char *text, size_t n)
{
	uint64_t *hash = arg;

	for (size_t i = 0; i < n; i++)
		*hash = (*hash ^ (unsigned char)text[i]) * 0x100000001b3;
	return true;
}

/* Is this the report of leaks with little memory?  True, too, when it is too little. */
static bool
is_the_same(const char *path, int status, uint64_t hash)
{
	uint64_t again = 0;
	struct hs_options o = { .core = path,
		.write = swallow,
		.write_arg = &again,
		.memory = LITTLE_MEMORY };
	struct hs_error err;
	struct hs_scan *s = hs_open(&o, &err);
	char leaks[] = "leaks", *argv[] = { leaks, NULL };
	int its = s ? hs_run(s, 1, argv, &err) : err.status;

	hs_close(s);
	return (its == status && again == hash)
	    || (its == HS_FAILED && strstr(err.text, "--memory"));
}

/* All commands on one core: the process that may crash. */
static int
examine(const char *path)
{
	uint64_t hash = 0;
	struct hs_options o = { .core = path, .write = swallow, .write_arg = &hash };
	struct hs_error err;
	struct hs_scan *s = hs_open(&o, &err);
	int status = 0;
	bool same = true;

	if (!s)
		return err.status;
	for (const struct hs_command *c = hs_commands(); c->name; c++) {
		char name[32], address[] = "0x7ffff7dd0000";
		char *argv[] = { name, c->args ? address : NULL, NULL };

		snprintf(name, sizeof name, "%s", c->name);
		hash = 0;
		int its = hs_run(s, c->args ? 2 : 1, argv, &err);
		status = its > status ? its : status;
		if (!strcmp(name, "leaks"))
			same = is_the_same(path, its, hash);
	}
	hs_close(s);
	return same ? status : DIFFERS;
}

/* True when the process for this core ends as it should; else says why not. */
static bool
survives(const char *path, uint64_t number)
{
	pid_t pid = fork();
	struct rusage used;
	int status;

	if (pid == 0) {
		alarm(SECONDS);
		_exit(examine(path));
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid) {
		perror("mutate");
		exit(2);
	}
	if (!WIFEXITED(status))
		printf("case %llu: signal %d\n", (unsigned long long)number,
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) == DIFFERS)
		printf("case %llu: with little memory leaks differ\n",
		    (unsigned long long)number);
	else if (WEXITSTATUS(status) > HS_INCOMPLETE)
		printf("case %llu: status %d\n", (unsigned long long)number,
		    WEXITSTATUS(status));
	else if (used.ru_maxrss > MOST_MEMORY)
		printf("case %llu: took %ld KiB\n", (unsigned long long)number,
		    used.ru_maxrss);
	else
		return true;
	return false;
}

static struct sample
load(const char *path)
{
	struct sample s = { 0 };
	struct stat st;
	Elf64_Ehdr e;
	Elf64_Phdr p;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < 4096) {
		fprintf(stderr, "mutate: %s: no core to begin with\n", path);
		exit(2);
	}
	s.size = (uint64_t)st.st_size;
	s.bytes = mmap(NULL, s.size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (s.bytes == MAP_FAILED) {
		perror(path);
		exit(2);
	}
	close(fd);
	s.headers = 4096;
	memcpy(&e, s.bytes, sizeof e);
	for (size_t i = 0;
	     i < e.e_phnum && e.e_phoff + (i + 1) * sizeof p <= s.size; i++) {
		memcpy(&p, s.bytes + e.e_phoff + i * sizeof p, sizeof p);
		if (p.p_type == PT_LOAD && p.p_offset > 64 && p.p_offset < s.size) {
			s.headers = p.p_offset;
			break;
		}
	}
	s.full = calloc(s.size / 8, sizeof *s.full);
	if (!s.full)
		abort();
	for (uint64_t at = 0; at + 8 <= s.size; at += 8)
		if (word_at(&s, at))
			s.full[s.nfull++] = at;
	return s;
}

/* A core is mostly zeros: a copy is a file with holes, which is soon made. */
static bool
copy(int fd, const struct sample *s)
{
	static const char zeros[4096];

	for (uint64_t at = 0; at < s->size; at += sizeof zeros) {
		size_t n = s->size - at < sizeof zeros ? s->size - at : sizeof zeros;

		if (memcmp(s->bytes + at, zeros, n)
		    && pwrite(fd, s->bytes + at, n, (off_t)at) != (ssize_t)n)
			return false;
	}
	return ftruncate(fd, (off_t)s->size) == 0;
}

/* The spoilt copy of a sample lies in this file, and stays there if it is good. */
static bool
try(const struct sample *from, uint64_t number)
{
	struct sample s = *from;
	char path[64];
	int fd;

	snprintf(path, sizeof path, "case-%llu", (unsigned long long)number);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || !copy(fd, &s)) {
		perror(path);
		exit(2);
	}
	s.bytes = mmap(NULL, s.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s.bytes == MAP_FAILED || ftruncate(fd, (off_t)spoil(&s)) < 0) {
		perror(path);
		exit(2);
	}
	munmap(s.bytes, s.size);
	close(fd);
	if (!survives(path, number))
		return false;
	unlink(path);
	return true;
}

int
main(int argc, char **argv)
{
	struct sample samples[16];
	size_t n = 0;
	uint64_t first, count, failed = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: mutate FIRST COUNT CORE...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* what was found is seen at once */
	first = strtoull(argv[1], NULL, 0);
	count = strtoull(argv[2], NULL, 0);
	for (int i = 3; i < argc && n < sizeof samples / sizeof *samples; i++)
		samples[n++] = load(argv[i]);

	for (uint64_t i = first; i < first + count; i++) {
		random_state = i;
		failed += !try(&samples[any(n)], i);
	}
	for (size_t i = 0; i < n; i++)
		free(samples[i].full);
	printf("%llu cases, %llu failed\n", (unsigned long long)count,
	    (unsigned long long)failed);
	return failed > 0;
}
