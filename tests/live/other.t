#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A program with a malloc of its own: nothing is said of a heap that we cannot
# read, but for whose it is, or that something is there.

. "${0%/*}/live.sh"

cat >own.c <<'END_OF_C'
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *next, *end;

void *
malloc(size_t n)
{
	char *p = next;

	n = (n + 31) & ~(size_t)15;
	if (n > (size_t)(end - next)) {
		p = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		end = p + (8 << 20);
	}
	next = p + n;
	return p + 16;
}

void *
calloc(size_t n, size_t size)
{
	return malloc(n * size);
}

void *
realloc(void *p, size_t n)
{
	return p ? memcpy(malloc(n), p, n) : malloc(n);
}

void
free(void *p)
{
	(void)p;
}

int
main(void)
{
	for (int i = 0; i < 1000; i++)
		strcpy(malloc(3000), "held by nobody");
	write(1, "working\n", 8);
	for (;;)
		pause();
}
END_OF_C

# said NAME STATUS WORDS: of both cores.
said()
{
	for said_kind in gcore kernel; do
		if [ -e "$1/core.$said_kind.skip" ]; then
			skip "$1, core by $said_kind" "$(cat "$1/core.$said_kind.skip")"
			continue
		fi
		heapscan "$1/core.$said_kind" >out 2>&1
		is "$1, core by $said_kind: exit status" $? "$2"
		like "$1, core by $said_kind: what is said" out "$3"
	done
}

"$CC" -o own own.c 2>err && strip own
frozen linked --when=working "$PWD/own"
said linked 3 'allocator is linked into it'

# Without dynamic symbols nobody can tell that it is a malloc.
sed 's/\([cre]*alloc\|free\)(/my_\1(/' own.c >masked.c
"$CC" -o masked masked.c 2>err && strip masked
frozen hidden --when=working "$PWD/masked"
said hidden 4 'no heap was found, though there is much memory'
