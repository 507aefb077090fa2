#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Where reports go, and what becomes of them on the way.

. "${0%/*}/lib.sh"
core=$(recorded glibc-2.36)
escape=$(printf '\033')

heapscan leaks "$core" >wanted 2>err
is 'leaks were found' $? 1
heapscan "$core" >out 2>>err
ok 'leaks is the default' cmp wanted out
heapscan leaks "$core" >out 2>>err
ok 'the same core gives the same bytes' cmp wanted out
empty 'nothing on standard error' err

if grep -q "$escape" wanted; then marked=yes; else marked=no; fi
is 'no colours in a file' $marked no
heapscan --color=always "$core" >out
like 'colours when asked for' out "$escape\\["
sed "s/$escape\\[[0-9;]*m//g" out >plain
ok 'colours change nothing else' cmp wanted plain

heapscan leaks --json=report "$core" >out
is 'JSON in a file: status' $? 1
empty 'JSON in a file: nothing on standard output' out
heapscan leaks --json "$core" >out
ok 'JSON in a file: the same' cmp report out
heapscan leaks --json=no/such/folder "$core" >out 2>err
is 'a file that cannot be made: status' $? 3
like 'a file that cannot be made: reason' err '^heapscan: no/such/folder: No such file'

if [ -w /dev/full ]; then
	heapscan leaks "$core" >/dev/full 2>err
	is 'a full disk: status' $? 3
	like 'a full disk: reason' err '^heapscan: standard output: No space left'
	heapscan --help >/dev/full 2>err
	is 'a full disk for help: status' $? 3
else
	skip 'a full disk' 'there is no /dev/full'
fi

# A reader that leaves early: quiet, and no failure.
(heapscan blocks "$core" 2>err; echo $? >status) | head -n 1 >out
is 'a reader that leaves: status' "$(cat status)" 0
empty 'a reader that leaves: quiet' err

# No path of this host is in a report, nor the environment of the process.
mkdir hidden-folder
cp "$core" hidden-folder/core.zst
heapscan leaks --json hidden-folder/core.zst >out
if grep -q hidden-folder out; then shown=yes; else shown=no; fi
is 'the path of the core is not in the report' $shown no
