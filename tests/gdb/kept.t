#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An analysis is kept while what it is of stays where it is; when that has moved,
# gdb says so and looks anew.  Inferiors do not mix.

. "${0%/*}/gdb.sh"
needs_programs

server=$programs/server

# anew TEXT NAME N, kept TEXT NAME N: the Nth `heap leaks` of NAME was, or was not,
# preceded by the line that says why.
anew()
{
	answer "$2" 'heap leaks' "$3" >anew.said
	like "$1: gdb looks anew" anew.said '^heapscan: .* since the last report: analysing anew$'
	is "$1: and says so once" "$(grep -c analysing anew.said)" 1
}

kept()
{
	answer "$2" 'heap leaks' "$3" >kept.said
	is "$1: the analysis is kept" "$(grep -c analysing kept.said)" 0
	like "$1: and reported from" kept.said '^  leaked '
}

# What is leaked by the Nth report of NAME.
leaked()
{
	answer "$1" 'heap leaks' "$2" | sed -nE 's/^  leaked +([^(]*[^( ]).*/\1/p'
}

debug moved "$server" <<END
break round_done
run
heap leaks
heap leaks
continue
heap leaks
step
heap leaks
set var conn->next = 0
heap leaks
print \$rax = 5
heap leaks
call twice(2)
heap leaks
print conn->fd
print \$_heap_size(conn)
info threads
thread 2
backtrace
frame 1
info registers
heap arenas
heap leaks
tbreak round_done
kill
run
heap leaks
python import heapscan.target; heapscan.target.position = lambda: (0, 0)
heap leaks
END
kept 'nothing was done' moved 2
anew 'continue' moved 3
anew 'step' moved 4
anew 'set var' moved 5
anew 'a register is set' moved 6
anew 'a function is called' moved 7
kept 'what does not move was looked at' moved 8
anew 'kill and run' moved 9
anew 'the thread is elsewhere, though gdb said nothing' moved 10
one='6 leaks: 12 blocks, 1,728 bytes'
two='9 leaks: 18 blocks, 2,592 bytes'
is 'one round and the worker have lost six' "$(leaked moved 1)" "$one"
is 'after another round it is nine' "$(leaked moved 3)" "$two"
is 'a pointer that was overwritten holds no more' "$(leaked moved 5)" \
	'10 leaks: 22 blocks, 3,136 bytes'
is 'another run begins with six' "$(leaked moved 9)" "$one"

# ---- Processes and cores that come and go

start ready "$server" 1
debug others <<END
attach $pid
heap leaks
detach
attach $pid
heap leaks
detach
core-file $(synth cycle)
heap leaks
heap leaks
core-file $(synth reach)
heap leaks
shell cp cycle.core reach.core
heap leaks
END
anew 'detach and attach' others 2
kept 'on a core' others 4
anew 'another core' others 5
anew 'a core that is another file now' others 6
is 'the first core has a cycle' "$(leaked others 4)" '1 leak: 3 blocks, 88 bytes'
is 'the second has another leak' "$(leaked others 5)" '1 leak: 2 blocks, 80 bytes'
is 'and what replaces it is read' "$(leaked others 6)" '1 leak: 3 blocks, 88 bytes'

# ---- Inferiors

debug inferiors "$server" <<END
break round_done
run
add-inferior -exec $server
inferior 2
run
continue
inferior 1
heap leaks
inferior 2
heap leaks
inferior 1
heap leaks
add-inferior
inferior 3
core-file cycle.core
heap leaks
inferior 2
heap leaks
step
heap leaks
inferior 3
heap leaks
END
is 'the first process has its leaks' "$(leaked inferiors 1)" "$one"
is 'the second has its own' "$(leaked inferiors 2)" "$two"
is 'back at the first' "$(leaked inferiors 3)" "$one"
kept 'back at the first' inferiors 3
is 'a core beside them' "$(leaked inferiors 4)" '1 leak: 3 blocks, 88 bytes'
kept 'back at the second' inferiors 5
anew 'the second went on' inferiors 6
kept 'the core stays what it is' inferiors 7
