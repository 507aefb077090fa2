# SPDX-License-Identifier: GPL-3.0-or-later
#
# For tests that look at a program which runs here and now: sources ../cli/lib.sh
# and adds
#
#	frozen NAME [OPTION]... COMMAND [ARG]...   freezes it into the folder NAME
#	judged NAME [--blocks]                     judges both cores of it
#
# OPTIONs are those of tests/record/freeze, --blocks that of tests/record/judge.

. "${0%/*}/../cli/lib.sh"
needs python3

record=$SRCDIR/tests/record
recorder=$BUILDDIR/obj/tests/record/recorder.so
programs=$BUILDDIR/obj/tests/live

frozen()
{
	frozen_name=$1
	shift
	ok "$frozen_name is frozen" \
		"$record/freeze" --recorder="$recorder" --to="$frozen_name" "$@"
}

# What it holds is read exactly, from a complete core, whoever wrote it.
judged()
{
	for judged_kind in gcore kernel; do
		judged_title="$1, core by $judged_kind: ${2:+blocks}${2:-blocks and reach}"
		if [ -e "$1/core.$judged_kind" ]; then
			ok "$judged_title" read_and_judge "$1" "core.$judged_kind" "${2-}"
		elif [ -e "$1/core.$judged_kind.skip" ]; then
			skip "$judged_title" "$(cat "$1/core.$judged_kind.skip")"
		fi
	done
	rm -rf "$1"
}

read_and_judge()
{
	heapscan blocks --json "$1/$2" >"$1/blocks" || echo "status $?: $(heapscan "$1/$2" | head -n 12)"
	"$record/judge" ${3:+"$3"} "$1/truth" "$1/blocks"
}
