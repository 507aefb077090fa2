#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Cores that end early, wherever that is: what is there is used, what is missing is
# counted, and no block is called leaked that is not.  The kernel writes threads
# first, gdb last: both kinds are cut.

. "${0%/*}/lib.sh"
needs zstd

# cuts SIZE: where to cut a core of that many bytes, from the end on.
pages()
{
	seq $(($1 - 1)) -1 1 | awk '$1 % 4096 == 0'
}

places()
{
	seq 200 -1 1 | awk -v size="$1" '{ printf "%d\n", size * $1 / 201 }'
}

# cut_all NAME WHERE: cuts the recorded core at each of WHERE.  Leaves what is wrong in
# the file wrong, and in statuses how often there was which.
cut_all()
{
	zstd -qdc "$(recorded "$1")" >core || exit 1
	heapscan blocks --json core | grep '"reach":"leaked' | sort >whole
	: >wrong
	for size in $($2 "$(wc -c <core)"); do
		truncate -s "$size" core
		heapscan blocks --json core >out 2>err
		status=$?
		echo $status
		judge_cut
	done | sort | uniq -c | awk '{ print $2 }' >statuses
}

judge_cut()
{
	[ $status -eq 4 ] || [ $status -eq 3 ] || echo "$size: status $status" >>wrong
	[ "$(wc -l <err)" -eq 1 ] || echo "$size: $(wc -l <err) lines of warnings" >>wrong
	case $status$(cat err) in
	"4heapscan: incomplete: the core is cut short: at least "[1-9]*) ;;
	4*) echo "$size: what is missing is not counted: $(cat err)" >>wrong ;;
	3*) grep -q 'is cut in its' err || echo "$size: $(cat err)" >>wrong ;;
	esac
	grep '"reach":"leaked' out | sort | comm -23 - whole | sed "s/^/$size: /" >>wrong
}

cut_all small pages
empty 'a core by the kernel, cut at each page: nothing false is said' wrong
same 'and all that is there is used' statuses <<'END'
4
END
ok 'the whole one has leaks' test -s whole

cut_all small-gcore places
empty 'a core by gdb, cut in 200 places: nothing false is said' wrong
same 'and all that is there is used, too' statuses <<'END'
4
END

# In its headers there is nothing to analyse; behind them there is.
zstd -qdc "$(recorded small)" >core
for size in 0 1 63 64 119 120; do
	head -c $size core >cut
	heapscan leaks cut >out 2>err
	is "cut at byte $size: status" $? 3
	is "cut at byte $size: one line" "$(wc -l <err)" 1
done

truncate -s -1 core
heapscan leaks --json core >out 2>err
is 'one byte is missing: status' $? 4
like 'one byte is missing: it is counted' err \
	'^heapscan: incomplete: the core is cut short: at least 1 bytes are missing'

# What follows the notes of a core by gdb are tables for linkers: nothing is lost with them.
zstd -qdc "$(recorded small-gcore)" >core
heapscan blocks --json core >wanted
truncate -s -1000 core
heapscan blocks --json core >out 2>err
is 'only section headers are missing: status' $? 0
ok 'only section headers are missing: the same blocks' cmp wanted out
