#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Our own small programs, each of which says what became of every block.

. "${0%/*}/live.sh"

for program in "$SRCDIR"/tests/live/*.c; do
	name=${program##*/}
	name=${name%.c}
	frozen "$name" "$programs/$name"
	judged "$name"
done
