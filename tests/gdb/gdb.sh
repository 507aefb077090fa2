# SPDX-License-Identifier: GPL-3.0-or-later
#
# For tests that drive gdb: sources ../cli/lib.sh and adds
#
#	debug NAME [ARG]... <<END     runs gdb with our commands
#	bare NAME [ARG]... <<END      runs gdb as it is
#	answer NAME COMMAND [N]       what came of the COMMAND, the Nth of those
#	told TEXT NAME COMMAND [N]    the answer is one line, like the expression TEXT
#	start TEXT COMMAND...         runs a program until it says so, into ready; sets $pid
#	needs_programs                skips all where gdb may not run programs
#
# gdb takes its commands from standard input, one a line, reads no settings of
# anybody's, and leaves NAME.said: each command with a + before it, and what
# came of it.  It must come to its end, whatever it is told, without a word of
# Python's.  What a test starts is ended with it.

. "${0%/*}/../cli/lib.sh"
needs gdb

plugin=$BUILDDIR/gdb/heapscan.py
extension=$BUILDDIR/gdb/heapscan/_heapscan.abi3.so
programs=$BUILDDIR/obj/tests/gdb

# What configure says when it is asked once more.
why_no_commands()
{
	mkdir again
	(cd again && eval "'$SRCDIR/configure' $(sed -n 's/^configure_again = //p' "$BUILDDIR/Makefile")") |
		sed -n 's/.*without commands for gdb: //p'
}

[ -e "$extension" ] ||
	skip_all "there are no commands for gdb: $(why_no_commands)"

# ---- The sanitizers' runtime must be in gdb before our extension is

preload=''

# Without it, the runtime would begin inside the first malloc() of the process:
# in gdb that is newlocale()'s, which holds a lock that the runtime wants too.
first_of_all()
{
	echo '#include <stdlib.h>
	__attribute__((constructor)) static void first(void) { free(malloc(1)); }' |
		$CC -O0 -shared -fPIC -Wl,-z,initfirst -o "$PWD/first.so" -x c - && echo "$PWD/first.so"
}

if grep -q '^sanitize = .' "$BUILDDIR/Makefile"; then
	preload=$(ldd "$extension" | sed -n 's/.*libasan.* => \([^ ]*\).*/\1/p')
	[ -n "$preload" ] || skip_all "gdb cannot be given the sanitizers of $CC: they are no library"
	preload="$preload $(first_of_all)"
fi

# ---- gdb

HOME=$PWD
export HOME
unset DEBUGINFOD_URLS

# Programs that gdb starts must not get the preloaded runtime, which brings a
# malloc of its own: neither the first one nor those of inferiors made later.
bare()
{
	bare_name=$1
	shift
	set -- -nx -batch -iex 'set debuginfod enabled off' -iex 'set confirm off' \
		-iex 'set pagination off' -iex 'set startup-with-shell off' \
		-iex 'set index-cache enabled off' -iex 'unset environment LD_PRELOAD' \
		-iex "python import os; os.environ.pop('LD_PRELOAD', None)" "$@"
	while IFS= read -r bare_line; do
		case $bare_line in
		*\\*) bare_shown=$(printf '%s' "$bare_line" | sed 's/\\/\\\\/g') ;;
		*) bare_shown=$bare_line ;;
		esac
		set -- "$@" -ex "echo +$bare_shown\\n" -ex "$bare_line"
	done
	set -- "$@" -ex 'echo +\n'
	env ${preload:+"LD_PRELOAD=$preload"} ASAN_OPTIONS=detect_leaks=0 \
		timeout -k 5 100 gdb "$@" >"$bare_name.said" 2>&1 </dev/null
	echo "status $?" >"$bare_name.wrong"
	tail -n 1 "$bare_name.said" | grep -qx + && sed -i '/^status 0$/d' "$bare_name.wrong"
	grep -nE 'Traceback|Python Exception|internal-error|Sanitizer|runtime error' \
		"$bare_name.said" >>"$bare_name.wrong"
	empty "$bare_name: gdb comes to its end, without a word of Python's" "$bare_name.wrong"
}

debug()
{
	debug_name=$1
	shift
	bare "$debug_name" -ex "source $plugin" "$@"
}

answer()
{
	command="+$2" nth=${3:-1} awk '
		/^\+/ { on = $0 == ENVIRON["command"] && ++seen == ENVIRON["nth"]; next }
		on' "$1.said"
}

told()
{
	answer "$2" "$3" "${4-}" >told.said
	if [ "$(wc -l <told.said)" -eq 1 ] && grep -Eqx -e "$1" told.said; then
		tap_result 0 "\"$3\" is answered in one line: $1"
	else
		tap_result 1 "\"$3\" is answered in one line: $1"
		tap_remark <told.said
	fi
}

# ---- Programs

started=''
trap 'status=$?; [ -z "$started" ] || kill -9 $started 2>/dev/null; tap_end $status' EXIT
trap 'exit 143' HUP INT TERM

start()
{
	start_until=$1
	shift
	: >ready
	"$@" >ready 2>&1 </dev/null &
	pid=$!
	started="$started $pid"
	for _ in $(seq 1000); do
		! grep -q "$start_until" ready || return 0
		sleep 0.02
	done
	echo "Bail out! $* does not say $start_until: $(cat ready)"
	exit 1
}

needs_programs()
{
	timeout -k 5 100 gdb -nx -batch -ex starti -ex 'info registers' -ex 'echo end\n' \
		/bin/true >trial 2>&1 </dev/null
	if ! grep -qx end trial; then
		echo "Bail out! gdb does not come to its end: $(tail -n 1 trial)"
		exit 1
	fi
	grep -qE '^(rip|eip|pc) ' trial ||
		skip_all "gdb may not run programs here: $(grep -m 1 -E 'ptrace|permitted' trial)"
}
