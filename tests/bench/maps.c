/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mappings of this very process: /proc/self/maps. */
#include "bench/maps.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

size_t
read_own(const char *path, char *to, size_t most)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return 0;
	while (n < most && (got = read(fd, to + n, most - n)) > 0)
		n += (size_t)got;
	close(fd);
	to[n] = '\0';
	return n;
}

/*
 * As in a core of the kernel's: what may be written to, the first page of a file, where
 * its build-id is, and data that was written before it became read-only; no code.  The
 * kernel would leave out constants, too; we do not tell them from the latter.
 */
static uint64_t
bytes_in_core(const struct mapping *m)
{
	bool kernels =
	    m->path && !strncmp(m->path, "[v", 2) && strcmp(m->path, "[vdso]");

	if (!(m->flags & PF_R) || kernels)
		return 0;
	if ((m->flags & PF_W) || !m->path || m->path[0] == '[')
		return m->end - m->start;
	if (m->offset == 0)
		return PAGE;
	return m->flags & PF_X ? 0 : m->end - m->start;
}

static uint64_t
hexadecimal(const char **at)
{
	uint64_t n = 0;

	for (;; (*at)++) {
		char c = **at;

		if (c >= '0' && c <= '9')
			n = n << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n << 4 | (uint64_t)(c - 'a' + 10);
		else
			return n;
	}
}

/* A line: "start-end rwxp offset device inode   path". */
static void
read_line(struct mapping *m, const char *at)
{
	m->start = hexadecimal(&at);
	at++;
	m->end = hexadecimal(&at);
	m->flags = (at[1] == 'r' ? PF_R : 0u) | (at[2] == 'w' ? PF_W : 0u)
	    | (at[3] == 'x' ? PF_X : 0u);
	at += strlen(" rwxp ");
	m->offset = hexadecimal(&at);
	m->path = strpbrk(at, "/[");
	m->bytes = bytes_in_core(m);
}

size_t
maps_read(struct mapping *to, size_t most, char *text, size_t size, const void *but)
{
	size_t n = read_own("/proc/self/maps", text, size - 1), count = 0;
	char *next;

	if (n == size - 1)
		return 0;
	for (char *at = text; (next = strchr(at, '\n')); at = next + 1) {
		struct mapping m;

		*next = '\0';
		read_line(&m, at);
		if (m.start <= (uintptr_t)but && (uintptr_t)but < m.end)
			continue;
		if (count == most)
			return 0;
		to[count++] = m;
	}
	return count;
}
