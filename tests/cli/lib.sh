# SPDX-License-Identifier: GPL-3.0-or-later
#
# For tests in shell: a script sources this first,
#
#	. "${0%/*}/../cli/lib.sh"
#
# and then says what is true, one line a fact.  It prints TAP, runs in an
# empty folder that it may fill, and finds these set:
#
#	$SRCDIR      the sources        $HEAPSCAN  the program under test
#	$BUILDDIR    where make ran     $CC        the compiler

SRCDIR=${SRCDIR:-$(cd "${0%/*}/../.." && pwd)}
BUILDDIR=${BUILDDIR:-$SRCDIR}
HEAPSCAN=${HEAPSCAN:-$BUILDDIR/heapscan}
CC=${CC:-cc}
export SRCDIR BUILDDIR HEAPSCAN CC

tap_n=0 tap_failed=0
trap 'tap_end $?' EXIT

tap_end()
{
	[ "$tap_n" -eq 0 ] || echo "1..$tap_n"
	[ "$1" -eq 0 ] || exit "$1"
	exit "$tap_failed"
}

# tap_result STATUS NAME: one line of TAP.
tap_result()
{
	tap_n=$((tap_n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_n - $2"
	else
		tap_failed=1
		echo "not ok $tap_n - $2"
	fi
}

# Standard input as remarks on the line before.
tap_remark()
{
	head -n 60 | sed 's/^/# /'
}

# heapscan ARGS...: the program under test.
heapscan()
{
	"$HEAPSCAN" "$@"
}

# recorded NAME: the path of a recorded core.
recorded()
{
	echo "$SRCDIR/fixtures/real/$1/core.zst"
}

# synth NAME: makes the core of fixtures/synth/NAME.heap, and says its path.
synth()
{
	"$BUILDDIR/obj/tests/cli/synth" "$SRCDIR/fixtures/synth/$1.heap" >"$1.core" &&
		echo "$PWD/$1.core"
}

# ok NAME COMMAND...: the command succeeds.
ok()
{
	tap_name=$1
	shift
	"$@" >ok.log 2>&1
	tap_status=$?
	tap_result $tap_status "$tap_name"
	[ $tap_status -eq 0 ] || { echo "status $tap_status: $*"; cat ok.log; } | tap_remark
}

# is NAME GOT WANTED: two words are equal.
is()
{
	if [ "$2" = "$3" ]; then
		tap_result 0 "$1"
	else
		tap_result 1 "$1"
		printf 'got:    %s\nwanted: %s\n' "$2" "$3" | tap_remark
	fi
}

# like NAME FILE PATTERN: some line of FILE matches an extended expression.
like()
{
	if grep -Eq -e "$3" "$2"; then
		tap_result 0 "$1"
	else
		tap_result 1 "$1"
		{ echo "nothing like $3 in:"; cat "$2"; } | tap_remark
	fi
}

# same NAME FILE <<END: FILE holds exactly what stands on standard input.
same()
{
	cat >same.wanted
	if cmp -s same.wanted "$2"; then
		tap_result 0 "$1"
	else
		tap_result 1 "$1"
		diff -u same.wanted "$2" | tap_remark
	fi
}

# empty NAME FILE: FILE holds nothing; else it says what is wrong.
empty()
{
	if [ -e "$2" ] && ! [ -s "$2" ]; then
		tap_result 0 "$1"
	else
		tap_result 1 "$1"
		tap_remark <"$2"
	fi
}

# skip NAME REASON: a fact that cannot be shown here.
skip()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

# skip_all REASON: nothing in this script can run here.
skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

# needs PROGRAM...: skips all unless each is installed.
needs()
{
	for tap_program; do
		command -v "$tap_program" >/dev/null || skip_all "$tap_program is not installed"
	done
}
