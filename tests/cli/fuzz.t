#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Some spoilt cores, and a little of each fuzzer; `make fuzz` runs as much as one likes.
. "${0%/*}/../cli/lib.sh"
needs zstd

for core in "$SRCDIR"/fixtures/real/*/core.zst; do
	[ -e "$core" ] || skip_all 'there is no recorded core'
	name=${core%/core.zst}
	zstd -dfq "$core" -o "${name##*/}.core" || exit 1
done
ok '200 spoilt cores are analysed or refused' \
	"$BUILDDIR/obj/tests/fuzz/mutate" 1 200 ./*.core

for heap in "$SRCDIR"/fixtures/synth/*.heap; do
	name=${heap##*/}
	"$BUILDDIR/obj/tests/cli/synth" "$heap" >"${name%.heap}.small" || exit 1
done
mkdir seeds && "$BUILDDIR/obj/tests/fuzz/seeds" seeds ./*.small -- \
	"$BUILDDIR/obj/fixtures/demo/leaky" || exit 1
for fuzzer in core,300 notes,2000 symbols,500 heap,60 whole,60; do
	name=${fuzzer%,*}
	ok "$name: ${fuzzer#*,} inputs" "$BUILDDIR/obj/tests/fuzz/$name" "${fuzzer#*,}" \
		"seeds/$name"/*
done
