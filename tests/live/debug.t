#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Symbols that were stripped off into a file of their own: it is opened before the
# sandbox closes, and read when somebody asks for a name.

. "${0%/*}/live.sh"
needs objcopy readelf strip gdb

cat >program.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *volatile held_by_name;

int
main(void)
{
	held_by_name = malloc(100);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
END
ok 'the program is built' $CC -g -O0 -Wl,--build-id -o program program.c
id=$(readelf -n program | sed -n 's/.*Build ID: //p')
rest=${id#??}
dir=debug/.build-id/${id%"$rest"}
mkdir -p "$dir"
objcopy --only-keep-debug program "$dir/$rest.debug"
strip program

frozen stopped --when=ready --core=gcore "$PWD/program"
core=stopped/core.gcore
if [ ! -e $core ]; then
	skip 'the name is found' "$(cat stopped/core.gcore.skip)"
	exit 0
fi
heapscan roots --all "$core" program >out
is 'without the file: status' $? 0
ok 'without the file nobody knows the name' test -z "$(grep held_by_name out)"
heapscan roots --all --debug-dir=debug "$core" program >out
is 'with the file: status' $? 0
like 'with it everybody does' out 'global +start .* held_by_name'
