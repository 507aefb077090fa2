#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The recorded cores: what each process held is known to the byte, and is read
# without the program or its C library at hand.

. "${0%/*}/lib.sh"
needs python3

for truth in "$SRCDIR"/fixtures/real/*/truth; do
	name=${truth%/truth}
	name=${name##*/}
	is "$name: the core is the one of the recipe" \
		"$(sha256sum <"$(recorded "$name")" | cut -d' ' -f1)" \
		"$(sed -n 's/^ *sha256 //p' "${truth%/truth}/RECIPE")"
	heapscan blocks --json "$(recorded "$name")" >blocks 2>err
	status=$?
	case $name in
	*-pages) # of which qemu left something out
		is "$name: the core is incomplete" "$status" 4
		ok "$name: blocks" "$SRCDIR/tests/record/judge" --blocks "$truth" blocks
		continue ;;
	esac
	is "$name: the core is complete" "$status $(cat err)" "0 "
	ok "$name: blocks and reach" "$SRCDIR/tests/record/judge" "$truth" blocks
done
