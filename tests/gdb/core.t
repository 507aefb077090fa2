#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# On a core, gdb gives what the command line gives, to the byte.

. "${0%/*}/gdb.sh"

# Every command there is, and some with what they take, for the core $1.
calls()
{
	heapscan --help | sed -nE 's/^  ([a-z][a-z-]*)( [A-Z]+)?  .*/\1/p' | while read -r command; do
		case $command in
		at) echo at 0x10 ;;
		refs | why) ;; # below, on blocks that there are
		leaks | roots) echo "$command" && echo "$command --all" ;;
		*) echo "$command" ;;
		esac
	done
	echo blocks --size=1-4K --limit=3
	heapscan blocks --state=in-use --limit=2 "$1" 2>/dev/null |
		sed -n 's/^  \(0x[0-9a-f]*\) .*/at \1\nrefs \1\nwhy --paths=2 \1/p'
}

# Hints are commands, which read differently here and there; and what is wrong
# with a report is said below it, on standard error.
without_hints()
{
	awk '/^\+/ { hint = 0 } /^Next$/ { hint = 1 } !hint && !/^heapscan: incomplete: / && NF'
}

# compared NAME CORE: both faces fill a folder with the JSON of each call, and
# write a transcript of the texts.
compared()
{
	name=$1 core=$2 n=0
	rm -rf cli gdb
	mkdir cli gdb
	calls "$core" >calls
	echo "core-file $core" >commands
	while read -r call; do
		n=$((n + 1))
		echo "heap ${call%% *} --json=gdb/$n${call#"${call%% *}"}"
		echo "heap $call"
		# shellcheck disable=SC2086 # words
		heapscan $call --json=cli/$n "$core" >/dev/null 2>&1
		echo "+heap $call" >&3
		# shellcheck disable=SC2086
		heapscan $call "$core" >&3 2>/dev/null
	done <calls >>commands 3>texts
	debug "$name" <commands
	ok "$name: JSON of $n calls is that of the command line" diff -ru cli gdb
	without_hints <texts >texts.cli
	awk '/^\+/ { on = /^\+heap/ && !/ --json=/ } on' "$name.said" | without_hints >texts.gdb
	same "$name: and so is the text of each" texts.gdb <texts.cli
}

if command -v zstd >/dev/null; then
	for packed in "$SRCDIR"/fixtures/real/*/core.zst; do
		name=${packed%/core.zst}
		zstd -dqf "$packed" -o "${name##*/}.core"
		compared "${name##*/}" "$PWD/${name##*/}.core"
	done
else
	skip 'recorded cores give the same' 'zstd is not installed'
fi
for heap in "$SRCDIR"/fixtures/synth/*.heap; do
	name=${heap##*/}
	name=${name%.heap}
	compared "$name" "$(synth "$name")"
done

# ---- Ways out, and an installation

# The last of them, which still lies here, with a report that is more than a line.
core=$PWD/reach.core
heapscan leaks --json "$core" >wanted.json 2>/dev/null
heapscan leaks "$core" 2>/dev/null | without_hints >wanted.text

debug out -c "$core" <<END
heap leaks --json
set logging file log.json
set logging enabled on
heap leaks --json
set logging enabled off
heapscan leaks
heap blocks --json=~/home.json
heap leaks --json="two words.json"
END
answer out 'heap leaks --json' >said.json
ok 'gdb shows the JSON of the command line' cmp said.json wanted.json
sed -i '/^+/d' log.json
ok 'and logs it' cmp log.json wanted.json
ok 'a name in quotes may have a space' cmp 'two words.json' wanted.json
ok '~ is the home folder' test -s home.json
answer out 'heapscan leaks' | without_hints >text
same '"heapscan leaks" is "heap leaks"' text <wanted.text

unset MAKEFLAGS MFLAGS MAKELEVEL
ok 'make install' make -C "$BUILDDIR" install DESTDIR="$PWD/root" libdir=/usr/lib
plugin=$PWD/root/usr/lib/heapscan/heapscan.py
debug installed -c "$core" <<END
heap leaks --json=installed.json
END
ok 'installed, it gives the same' cmp installed.json wanted.json
