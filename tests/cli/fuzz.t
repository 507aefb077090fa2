#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Some spoilt cores; `make fuzz` runs as many as one likes.
. "${0%/*}/../cli/lib.sh"
needs zstd

for core in "$SRCDIR"/fixtures/real/*/core.zst; do
	[ -e "$core" ] || skip_all 'there is no recorded core'
	name=${core%/core.zst}
	zstd -dfq "$core" -o "${name##*/}.core" || exit 1
done
ok '200 spoilt cores are analysed or refused' \
	"$BUILDDIR/obj/tests/fuzz/mutate" 1 200 ./*.core
