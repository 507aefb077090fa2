#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# @PID and @NAME: the newest core that systemd-coredump keeps.  A coredumpctl of our own
# stands in for the real one, and notes what it was asked.

. "${0%/*}/lib.sh"
needs zstd

zstd -qdc "$(recorded glibc-2.36)" >core || skip_all 'the recorded core cannot be unpacked'
heapscan leaks core >wanted
status=$?

mkdir bin
cat >bin/coredumpctl <<'END'
#!/bin/sh
printf '%s\n' "$@" >asked
for match; do :; done
case $match in
4711 | prog | /usr/bin/prog | '-odd name;$(date)') cat core ;;
cut) head -c 20000 core; echo 'Failed to decompress: disk on fire' >&2; exit 1 ;;
text) echo 'no core' ;;
silent) ;;
mute) exit 1 ;;
*) printf 'a page of things\n\nNo match found.\n' >&2; exit 1 ;;
esac
END
chmod +x bin/coredumpctl
PATH=$PWD/bin:$PATH

for match in 4711 prog /usr/bin/prog '-odd name;$(date)'; do
	heapscan "@$match" >out 2>err
	is "@$match: status" $? $status
	ok "@$match: the report" cmp wanted out
done
same 'coredumpctl is asked for what was given, and nothing else' asked <<'END'
--no-pager
dump
--
-odd name;$(date)
END
heapscan leaks --json @prog >out
heapscan leaks --json core >json
ok 'JSON is the same, too' cmp json out
heapscan /no/program @prog >out 2>err
is 'the program may come first' "$(cat err)" \
	'heapscan: /no/program: No such file or directory'

# refused MATCH REASON
refused()
{
	heapscan "$1" >out 2>err
	is "$1: status" $? 3
	empty "$1: no report" out
	is "$1: reason" "$(cat err)" "heapscan: $1: $2"
}

hint='(coredumpctl list shows what there is)'
refused @nobody "coredumpctl: No match found. $hint"
refused @mute "coredumpctl: it failed $hint"
refused @silent 'coredumpctl gave no core'
refused @cut "coredumpctl: Failed to decompress: disk on fire $hint"
refused @text 'is not a core: it does not begin as an ELF file does'

heapscan @ >out 2>err
is 'a name that is missing: status' $? 2
like 'a name that is missing: reason' err '^heapscan: @ needs a PID or '
heapscan ./@prog >out 2>err
like 'a file may be called so' err '^heapscan: \./@prog: No such file'

PATH=$PWD/nothing
"$HEAPSCAN" @prog 2>err
is 'without coredumpctl: status' $? 3
PATH=/usr/bin:/bin
is 'without coredumpctl: reason' "$(cat err)" \
	"heapscan: @prog: coredumpctl is not installed: give the core's file instead"
