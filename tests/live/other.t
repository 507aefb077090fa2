#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A program with a malloc of its own: nothing is said of a heap that we cannot
# read, but for whose it is, or that something is there, and how much.

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

# Allocators that we know by name, in place of glibc's.
cat >uses.c <<'END_OF_C'
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *kept[1000];

int
main(void)
{
	for (int i = 0; i < 20000; i++)
		kept[i % 1000] = memset(malloc(100 + i % 900), i, 100);
	write(1, "working\n", 8);
	for (;;)
		pause();
}
END_OF_C

# named LIBRARY NAME PROGRAM: with LIBRARY, or none, preloaded.
named()
{
	LD_PRELOAD=$1 "$3" >started &
	pid=$!
	while [ ! -s started ] && kill -0 $pid 2>/dev/null; do
		sleep 0.1
	done
	gdb -nx -batch -p $pid -ex 'gcore named.core' >gdb.out 2>&1
	kill $pid
	wait $pid 2>/dev/null
	if [ ! -s named.core ]; then
		skip "$2" "gdb takes no core: $(tail -n 1 gdb.out)"
		return
	fi
	heapscan summary named.core >out 2>&1
	is "$2: summary: exit status" $? 0
	like "$2: summary: who it is" out "No heap that can be read: the allocator is $2"
	like "$2: summary: where the memory went" out '^  other-anonymous +[0-9]+ +[0-9]+,[0-9]+,[0-9]+ '
	heapscan roots named.core >out 2>&1
	is "$2: roots: exit status" $? 0
	like "$2: roots: what became of its memory" out "$2 is loaded: its memory is not read"
	heapscan leaks named.core >out 2>&1
	is "$2: leaks: exit status" $? 3
	like "$2: leaks: what is said" out "the program's allocator is $2, which"
	rm -f named.core started
}

"$CC" -o uses uses.c 2>err
for library in libjemalloc.so.2:jemalloc libtcmalloc_minimal.so.4:tcmalloc libtcmalloc.so.4:tcmalloc \
	libmimalloc.so.2:mimalloc; do
	file=$(ldconfig -p 2>/dev/null | sed -n "s/.*${library%%:*} .*=> //p" | head -n 1)
	if [ -e "$file" ] && command -v gdb >/dev/null; then
		named "$file" "${library#*:}" ./uses
	else
		skip "${library#*:}" "${library%%:*} or gdb is not installed"
	fi
done

if command -v gdb >/dev/null && "$CC" -o uses.jemalloc uses.c -l:libjemalloc.a -lm -lpthread \
	-ldl -lstdc++ 2>err; then
	named '' jemalloc ./uses.jemalloc
else
	skip 'jemalloc that is linked into the program' 'libjemalloc.a or gdb is not installed'
fi
if command -v gdb >/dev/null && musl-gcc -o uses.musl uses.c 2>err; then
	named '' musl ./uses.musl
else
	skip musl 'musl-gcc or gdb is not installed'
fi
