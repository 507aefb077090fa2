#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Cores that do not name the files that were mapped (no NT_FILE: Linux before 3.7, some
# other writers): modules are found in the dynamic linker's list, with their names.

. "${0%/*}/lib.sh"
needs zstd

for name in small small-gcore; do
	zstd -qdc "$(recorded $name)" >core || exit 1
	for command in 'blocks --json' 'roots --json --all' 'leaks --json'; do
		heapscan $command core
		echo $?
	done | grep -v '^"diagnostics":' >wanted

	# The note keeps its bytes, but has a type that nobody knows.
	at=$(grep -abo ELIFCORE core | head -n 1 | cut -d: -f1)
	ok "$name: its note is found" test -n "$at"
	printf 'NONE' | dd of=core bs=1 seek="$at" conv=notrunc 2>/dev/null
	for command in 'blocks --json' 'roots --json --all' 'leaks --json'; do
		heapscan $command core
		echo $?
	done | grep -v '^"diagnostics":' >out
	ok "$name: the same blocks, roots and names without it" diff wanted out
done
