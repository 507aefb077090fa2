#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Beside plug-ins of others: what is theirs stays theirs, and ours is always there
# as heapscan.

. "${0%/*}/gdb.sh"
core=$(synth cycle)

# theirs NAME COMMAND...: a plug-in with these; one that ends in a blank is a prefix.
theirs()
{
	theirs_file=$1.py
	shift
	for theirs_command; do
		cat <<-END
			class Theirs(gdb.Command):
			    def __init__(self):
			        super().__init__('${theirs_command% }', gdb.COMMAND_DATA,
			                         prefix='$theirs_command'.endswith(' '))
			    def invoke(self, text, from_tty):
			        print('theirs: $theirs_command', text)
			Theirs()
		END
	done >"$theirs_file"
	sed -i '1i import gdb' "$theirs_file"
}

# said: what our plug-in said when it was loaded beside that of NAME.
said()
{
	answer "$1" "source $plugin"
}

ours_is_there()
{
	answer "$1" 'heapscan leaks' >ours
	like "$1: heapscan leaks is ours" ours '^  leaked +1 leak: 3 blocks'
}

theirs leaf heap
bare leaf -c "$core" <<END
source leaf.py
source $plugin
heap
heap leaks
heapscan leaks
END
ours_is_there leaf
is 'leaf: heap is theirs' "$(answer leaf heap)" 'theirs: heap '
is 'leaf: with all that follows it' "$(answer leaf 'heap leaks')" 'theirs: heap leaks'
told 'heapscan: heap belongs to another plug-in: .*heapscan leaks.*' leaf "source $plugin"

theirs prefix 'heap ' 'heap arenas' 'heap chunks'
bare prefix -c "$core" <<END
source prefix.py
source $plugin
heap
heap arenas
heap chunks
heap leaks
heap at 16
complete heap 
heapscan leaks
heapscan arenas
END
ours_is_there prefix
is 'prefix: heap is theirs' "$(answer prefix heap)" 'theirs: heap  '
is 'prefix: so is what they have' "$(answer prefix 'heap arenas')" 'theirs: heap arenas '
is 'prefix: and what only they have' "$(answer prefix 'heap chunks')" 'theirs: heap chunks '
answer prefix 'heap leaks' >ours
like 'prefix: what they lack is ours' ours '^  leaked +1 leak: 3 blocks'
answer prefix 'heapscan arenas' >ours
like 'prefix: and ours of the same name is there' ours '^  main '
is 'prefix: all complete' "$(answer prefix 'complete heap ' | grep -cE ' (arenas|chunks|leaks|at)$')" 4
told 'heapscan: .*"heap arenas".*' prefix "source $plugin"

theirs longer heapx 'heapinfo '
bare longer -c "$core" <<END
source longer.py
source $plugin
heapx
heap leaks
heapscan leaks
END
ours_is_there longer
is 'longer: a longer name is no heap of theirs' "$(said longer)" ''
is 'longer: and still theirs' "$(answer longer heapx)" 'theirs: heapx '
answer longer 'heap leaks' >ours
like 'longer: heap is ours' ours '^  leaked +1 leak: 3 blocks'

bare later -c "$core" <<END
source $plugin
source leaf.py
heap
heapscan leaks
source $plugin
heap
END
ours_is_there later
is 'later: whoever comes last has heap' "$(answer later heap)" 'theirs: heap '
is 'later: and keeps it' "$(answer later heap 2)" 'theirs: heap '

bare twice -c "$core" <<END
source $plugin
heap leaks
source $plugin
heap leaks
heapscan leaks
END
ours_is_there twice
is 'twice: nothing is said' "$(said twice)$(answer twice "source $plugin" 2)" ''
answer twice 'heap leaks' 2 >ours
like 'twice: heap is still ours' ours '^  leaked +1 leak: 3 blocks'
is 'twice: and the analysis is kept' "$(grep -c analysing twice.said)" 0
