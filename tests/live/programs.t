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

# The same under settings that move chunks, and caches, elsewhere.
for setting in arena_max=1 mmap_max=0 mmap_threshold=24 tcache_count=0; do
	frozen "hammer.$setting" --env="GLIBC_TUNABLES=glibc.malloc.$setting" "$programs/hammer"
	judged "hammer.$setting"
done
