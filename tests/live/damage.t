#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Each kind of damage, planted into a real heap: `check` finds it, within the chunk that
# was written to, names who did it, and still accounts for the other blocks.

. "${0%/*}/live.sh"

plant=$BUILDDIR/obj/tests/live/damage/plant
judge=$SRCDIR/tests/live/damage/judge

# What lists look like is that of these; others are in tests/unit.
version=$(getconf GNU_LIBC_VERSION)
version=${version#glibc 2.}
[ "$(uname -m)" = x86_64 ] || skip_all 'the planter knows x86-64 only'
[ "$version" -ge 32 ] && [ "$version" -le 41 ] ||
	skip_all "the planter knows glibc 2.32 to 2.41, not 2.$version"

found()
{
	"$plant" "$1" core >plan
	heapscan check --limit=50 --json core "$plant" >found 2>err
	"$judge" plan found $? sound
}

"$plant" none core >plan
heapscan check --json core "$plant" >sound
is 'a heap without damage is sound' $? 0

for kind in $("$plant"); do
	[ "$kind" = none ] || ok "$kind is found" found "$kind"
done
