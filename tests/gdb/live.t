#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A stopped process is what a core of it is, taken at that very stop: started by
# gdb, attached to, or behind gdbserver.

. "${0%/*}/gdb.sh"
needs python3
needs_programs

server=$programs/server
roots=$BUILDDIR/obj/tests/live/roots # a block behind each kind of root

# What doc/heapscan.schema.json lets a process and a core of it differ in.
cat >comparable.py <<'END'
"""comparable.py FILE...: each report, without what may differ."""
import json, sys

for name in sys.argv[1:]:
    report = json.load(open(name))
    report.pop('diagnostics')
    report['input'].pop('kind')
    report['input'].pop('signal', None)
    for bin in report.get('bins', []):
        bin.pop('thread', None)
    report.get('bins', []).sort(key=str)
    print(json.dumps(report, indent=1))
END

# The commands that report on a stop, and take a core of it.
report()
{
	echo "heap leaks --all --json=$1.leaks"
	echo "heap arenas --json=$1.arenas"
	echo "heap bins --json=$1.bins"
	echo "heap blocks --json=$1.blocks"
	echo "gcore $1.core"
	echo 'heap summary'
}

# agrees NAME EXE: what report() left says the same as the command line.
agrees()
{
	heapscan leaks --all --json=cli.leaks "$1.core" "$2" 2>err
	heapscan arenas --json=cli.arenas "$1.core" "$2" 2>>err
	heapscan bins --json=cli.bins "$1.core" "$2" 2>>err
	heapscan blocks --json=cli.blocks "$1.core" "$2" 2>>err
	empty "$1: the core is complete" err
	python3 comparable.py cli.leaks cli.arenas cli.bins >cli.reports
	python3 comparable.py "$1.leaks" "$1.arenas" "$1.bins" >"$1.reports"
	same "$1: leaks, arenas and free lists are those of a core of this stop" \
		"$1.reports" <cli.reports
	ok "$1: so is every block" cmp "$1.blocks" cli.blocks
	answer "$1" 'heap summary' >summary
	like "$1: nothing is missing" summary '^  accounting +exact$'
}

# Blocks of the given usable size and kind of reach.
blocks()
{
	grep -sEc "\"size_bytes\": ?$2,.*\"reach\": ?\"$3\"" "$1.blocks"
}

holds_by_every_root()
{
	is "$1: a register holds its block" "$(blocks "$1" 1000 reachable)" 1
	is "$1: a vector register does" "$(blocks "$1" 1112 reachable)" 1
	is "$1: thread-local variables do" "$(blocks "$1" 200 reachable)" 2
	is "$1: stacks do, in five frames of two threads" "$(blocks "$1" 504 reachable)" 10
	is "$1: what nothing holds is leaked" "$(blocks "$1" 56 leaked-direct)" 2
}

# ---- Started by gdb

debug started "$server" <<END
break round_done
run
continue
$(report started)
core-file started.core
heap leaks --json=again.json
END
agrees started "$server"
heapscan leaks --json=core.json started.core "$server"
ok 'gdb on that core, with the program, is the command line' cmp again.json core.json
like 'blocks that malloc mapped are there' started.blocks '"arena": ?"mmapped"'
like 'and those in the arena of a thread' started.blocks '"size_bytes": ?344,.*"arena": ?"0x'
is 'what two rounds and a worker lost is leaked' "$(blocks started 88 leaked-direct)" 9
is 'and what hangs from it' "$(blocks started 200 leaked-indirect)" 9

debug roots "$roots" <<END
break ready
run
$(report roots)
END
agrees roots "$roots"
holds_by_every_root roots

# ---- Attached

start ready "$server" 1
debug attached <<END
attach $pid
$(report attached)
detach
heap summary
END
agrees attached "$server"
is 'attached: one round and the worker' "$(blocks attached 88 leaked-direct)" 6
like 'the process goes on' "/proc/$pid/status" '^State:.*[SR] '
told 'there is neither a process nor a core: .*' attached 'heap summary' 2

# ---- Behind gdbserver

if command -v gdbserver >/dev/null; then
	start 'Listening on port' gdbserver --once localhost:0 "$roots"
	port=$(sed -n 's/^Listening on port //p' ready)
	debug remote "$roots" <<-END
		target remote localhost:$port
		break ready
		continue
		$(report remote)
	END
	agrees remote "$roots"
	holds_by_every_root remote
else
	skip 'behind gdbserver it is the same' 'gdbserver is not installed'
fi
