#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What is no core, or not one that can be read: one line that says what, where
# and what to do, and status 3; and the ways in which a core may be given.

. "${0%/*}/lib.sh"
needs zstd

# refused NAME PATTERN ARGS...
refused()
{
	name=$1 pattern=$2
	shift 2
	heapscan "$@" >out 2>err
	is "$name: status" $? 3
	empty "$name: no report" out
	is "$name: one line" "$(wc -l <err)" 1
	like "$name: reason" err "$pattern"
}

# patch FILE OFFSET BYTES: BYTES as printf(1) writes them.
patch()
{
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

zst=$(recorded glibc-2.36)
zstd -qdc "$zst" >core || skip_all 'the recorded core cannot be unpacked'

: >empty
echo 'not a core' >text
mkdir folder
refused 'nothing there' '^heapscan: nowhere: No such file' nowhere
refused 'an empty file' '^heapscan: empty: .*empty' empty
refused 'no ELF file' '^heapscan: text: ' text
refused 'a folder' '^heapscan: folder: is a directory' folder
refused 'a device' '^heapscan: /dev/null: ' /dev/null
refused 'a program' 'is a program or a library, not a core' "$HEAPSCAN"
if [ "$(id -u)" -eq 0 ]; then
	skip 'a file that may not be read' 'root may read everything'
else
	cp text secret
	chmod 0 secret
	refused 'a file that may not be read' 'secret: Permission denied' secret
fi

cp core other
patch other 5 '\002'
refused 'big-endian' '^heapscan: other: .*big-endian' other
cp core other
patch other 18 '\050\000' # EM_ARM
refused 'another machine' '^heapscan: other: .*machine' other
head -c 40 core >other
refused 'half a header' '^heapscan: other: ' other
head -c 100 "$zst" >other.zst
refused 'half a compressed header' '^heapscan: other.zst: ' other.zst

# A program that did not make this core, but has a build-id.
refused 'another program' 'is not the program that ran: build-id' core /bin/sh

# Cut: analysed as far as it goes, and never called clean.
size=$(wc -c <core)
for part in 3 2; do
	head -c $((size * part / 4)) core >other
	heapscan other >out 2>err
	is "cut at $part/4: status" $? 4
	like "cut at $part/4: reason" out '^  INCOMPLETE  the core is cut short'
	like "cut at $part/4: warning" err '^heapscan: incomplete: '
	like "cut at $part/4: no leak is claimed" out '^  leaked +nothing is known'
done

# However it is given, it is the same core.
heapscan blocks --json core >wanted
for tool in xz gzip lz4 bzip2; do
	name="compressed with $tool, whatever it is called"
	if ! command -v $tool >/dev/null; then
		skip "$name" "$tool is not installed"
		continue
	fi
	$tool -c <core >packed
	heapscan blocks --json packed >out 2>err
	if grep -q 'which this build cannot read' err; then
		skip "$name" "$(cut -d: -f3- err)"
	else
		ok "$name" cmp wanted out
	fi
done
heapscan blocks --json "$zst" >out
ok 'compressed' cmp wanted out
heapscan blocks --json - <core >out
ok 'standard input' cmp wanted out
cat "$zst" | heapscan blocks --json - >out
ok 'a pipe, compressed' cmp wanted out
heapscan blocks core --json >out
ok 'options may come last' cmp wanted out
