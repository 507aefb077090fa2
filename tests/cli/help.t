#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Help, version, and command lines that make no sense.

. "${0%/*}/lib.sh"

# usage NAME PATTERN ARGS...: refused with status 2, one reason, and where to read on.
usage()
{
	name=$1 pattern=$2
	shift 2
	heapscan "$@" >out 2>err
	is "$name: status" $? 2
	empty "$name: no report" out
	like "$name: reason" err "^heapscan: $pattern"
	is "$name: lines" "$(wc -l <err)" 2
}

heapscan --help >out 2>err
is 'help is no failure' $? 0
empty 'help says nothing on standard error' err
for command in leaks summary arenas bins blocks roots check 'at ADDR'; do
	like "help names $command" out "^  $command  "
done
for status in 0 1 2 3 4 130; do
	like "help explains status $status" out "^  $status "
done

for command in leaks summary arenas bins blocks roots check at; do
	heapscan "$command" --help >out
	is "$command: help" $? 0
	like "$command: usage" out "^Usage: heapscan $command "
	like "$command: its options" out '^  --json\[=FILE\] '
	heapscan --help "$command" >other
	ok "$command: help may be asked for before it" cmp out other
done

heapscan --version >out
is 'version' $? 0
like 'version is a version' out '^heapscan [0-9]+\.[0-9]+\.[0-9]+$'

usage 'no argument' 'no core was given'
usage 'a command without a core' 'leaks: no core was given' leaks
usage 'at without an address' 'at: no core was given' at core
usage 'too many words' 'too is too much' leaks core exe too
usage 'an unknown option' 'leaks has no option --nonsense' --nonsense core
usage 'an unknown short option' 'there is no option -x' -x core
usage 'an option of another command' 'bins has no option --all' bins --all core
usage 'a missing value' '--limit needs a value' leaks core --limit
usage 'a missing value of ours' '--sysroot needs a value' core --sysroot
for n in 0 257 -1 x 1x 18446744073709551617 ''; do
	usage "no number of threads: '$n'" "--threads=$n: it is a number from 1 to 256" \
		--threads="$n" core
done
for n in 0 -1 x 1MB 1k 17179869185G 0x M 18446744073709551616 ''; do
	usage "no number of bytes: '$n'" "--memory=$n: it is a number of bytes" --memory="$n" core
done
usage 'a number of threads that is missing' '--threads needs a value' core --threads
usage 'a colour that is none' '--color=red: ' --color=red core

core=$(recorded glibc-2.36)
usage 'a limit that is none' '--limit=few: ' leaks --limit=few "$core"
usage 'a size that is none' '--size=9-3: ' blocks --size=9-3 "$core"
usage 'a state that is none' '--state=odd: it is one of in-use, tcache, ' \
	blocks --state=odd "$core"
usage 'a reach that is none' '--reach=odd: it is one of reachable, ' \
	blocks --reach=odd "$core"
usage 'an address that is none' 'main is no address' at main "$core"
usage 'a value for a switch' '--all takes no value' leaks --all=yes "$core"

heapscan -- leaks >out 2>err
is 'after -- no word is a command' "$? $(cat err)" \
	'3 heapscan: leaks: No such file or directory'
