#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Each command on a recorded core, checked against what the process held.

. "${0%/*}/lib.sh"
core=$(recorded glibc-2.36)
truth=$SRCDIR/fixtures/real/glibc-2.36/truth

# run NAME STATUS ARGS...: leaves out, which is checked by the lines after it.
run()
{
	name=$1 wanted=$2
	shift 2
	heapscan "$@" >out 2>err
	is "$name: status" "$? $(cat err)" "$wanted "
}

# truth_where FIELD VALUE: blocks of the recorded list.
address_of()
{
	awk -v what="$1" '$3 == what { print $1; exit }' "$truth"
}

blocks=$(grep -c '^0x' "$truth")
bytes=$(awk '/^0x/ { sum += $2 } END { print sum }' "$truth")

run leaks 1 leaks "$core"
like 'leaks: which process' out '^prog, pid [0-9]+, signal 6 \(SIGABRT\), 2 threads$'
like 'leaks: verdict' out '^  leaked +[0-9]+ leaks: [0-9]+ blocks, '
like 'leaks: accounting' out '^  accounting +exact \(glibc, '
like 'leaks: complete' out '^  complete +yes$'
like 'leaks: a cycle is one leak' out '^  cycle +[0-9]+ +264 '
like 'leaks: what to do next' out '^  heapscan at 0x[0-9a-f]+ CORE'
is 'leaks: the verdict takes ten lines at most' \
	"$(($(sed '/^$/q' out | wc -l) <= 12))" 1
run 'leaks --limit' 1 leaks --limit 1 "$core"
is 'leaks --limit: one group' "$(grep -Ec '^  (direct|cycle) .* 0x' out)" 1
like 'leaks --limit: says so' out 'more groups'
run 'leaks --all' 1 leaks --all "$core"
like 'leaks --all: each leak' out "^  direct +$(address_of leaked) "

run blocks 0 blocks "$core"
is 'blocks: as many in use as there were' "$(grep -c ' in-use ' out)" "$blocks"
run 'blocks --state' 0 blocks --state=in-use --json "$core"
is 'blocks --state: as many bytes as there were' \
	"$(sed 's/.*"size_bytes":\([0-9]*\).*/\1/' out | awk '{ s += $1 } END { print s }')" \
	"$bytes"
run 'blocks --size' 0 blocks --state=in-use --size=1K-4K "$core"
is 'blocks --size: all of them' "$(grep -c ' in-use ' out)" \
	"$(awk '/^0x/ && $2 >= 1024 && $2 <= 4096' "$truth" | wc -l)"
run 'blocks --reach' 0 blocks --reach=interior --json "$core"
is 'blocks --reach: only these' "$(grep -vc '"reach":"interior"' out)" 0
like 'blocks --reach: this one' out "\"$(address_of interior)\""
run 'blocks --arena' 0 blocks --arena=mmapped --json "$core"
is 'blocks --arena: only these' "$(grep -vc '"arena":"mmapped"' out)" 0
is 'blocks --arena: all of them' "$(wc -l <out)" 6
run 'blocks --limit' 0 blocks --limit=3 --json "$core"
is 'blocks --limit' "$(wc -l <out)" 3
run 'blocks: free ones' 0 blocks --state=free "$core"
like 'blocks: free ones have a list' out ' free +tcache '

run summary 0 summary "$core"
for kind in heap mmapped-blocks thread-stacks module-data module-code; do
	like "summary: $kind" out "^  $kind +[0-9,]+ +[0-9,]+ "
done
like 'summary: accounting' out '^  accounting +exact$'
run arenas 0 arenas "$core"
like 'arenas: the main one' out '^  main +0 '
like 'arenas: that of a thread' out '^  0x[0-9a-f]+ +1 +[0-9]+  no '
like 'arenas: mmapped blocks' out '^  mmapped '
run bins 0 bins "$core"
for list in tcache fastbin unsorted small-bin large-bin; do
	like "bins: $list" out "^  $list "
done
run check 0 check "$core"
like 'check: a sound heap' out '^  heap +no damage was found$'
run roots 0 roots "$core"
for kind in stack global; do
	like "roots: $kind" out "^  $kind "
done
run 'roots --all' 0 roots --all "$core"
like 'roots --all: a variable without a symbol' out ' data of prog\+0x[0-9a-f]+$'

run 'at a block' 0 at "$(address_of leaked)" "$core"
like 'at a block: what' out '^  here +the start of a block$'
like 'at a block: reach' out '^  reach +leaked-direct$'
run 'at a block, decimal' 0 at "$(($(address_of reachable) + 3))" "$core"
like 'at a block, decimal: where in it' out '^  here +3 bytes into a block$'
like 'at a block, decimal: reach' out '^  reach +reachable$'
run 'at nothing' 0 at 0x10 "$core"
like 'at nothing: says so' out '^  here +nothing: '
free=$(heapscan blocks --state=tcache --limit=1 "$core" | awk '/0x/ { print $1 }')
run 'at a free chunk' 0 at "$free" "$core"
like 'at a free chunk: says so' out '^  here +the start of a free chunk$'
like 'at a free chunk: on which list' out '^  state +tcache$'
word=$(heapscan roots --all --json "$core" |
	sed -n 's/^{"kind":"stack","address":"\([^"]*\)".*/\1/p' | head -n 1)
run 'at a stack' 0 at "$word" "$core"
like 'at a stack: says so' out '^  here +the stack of thread [12], in use$'

block=$(address_of reachable)
run 'why: a reachable block' 0 why "$block" "$core"
like 'why: what it is' out "^block 0x[0-9a-f]+, [0-9]+ bytes, reachable"
like 'why: a root is its first step' out '^ +1 +1 +[^0].*  start  0x'
last=$(awk '$1 == 1 { block = $(NF - 1) } END { print block }' out)
is 'why: the last step leads to the block' "$last" "$block"
run 'why: several ways' 0 why --paths=9 "$block" "$core"
is 'why: several ways: no more than there are words' "$(awk '$1 ~ /^[1-9]$/ && $2 == 1' out | wc -l)" \
	"$(heapscan refs "$block" "$core" | awk '/ start/' | wc -l)"
run 'why: a leaked one' 0 why "$(address_of leaked)" "$core"
like 'why: a leaked one: nothing leads there' out '^No root leads to it'
heapscan why 0x10 "$core" >out 2>err
is 'why: no block: status' $? 3
like 'why: no block: what to do' err '0x10 is in no block that is in use: .at 0x10. says'
heapscan why here "$core" >out 2>err
is 'why: no address: status' $? 2
run 'refs: a reachable block' 0 refs "$block" "$core"
like 'refs: a root is said' out '  start$'
run 'refs: a limit' 0 refs --limit=0 "$block" "$core"
