#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Programs that cannot be looked at, or vanish meanwhile: a line says so, and gdb
# goes on.

. "${0%/*}/gdb.sh"
needs_programs

server=$programs/server
nothing='there is neither a process nor a core: .*'

# Killed from outside, as by the kernel that ran out of memory; and dead when gdb
# goes on.
cat >killed.py <<'END'
import gdb, glob, os, time

pid = gdb.selected_inferior().pid
os.kill(pid, 9)
while any(open(f).read().rpartition(')')[2].split()[0] not in 'ZX'
          for f in glob.glob('/proc/%d/task/*/stat' % pid)):
    time.sleep(0.01)
END
debug killed "$server" <<END
break round_done
run
heap at conn[0]
heap leaks
source killed.py
heap leaks
detach
heap leaks
run
source killed.py
heap leaks
heap at 1
detach
run
heap arenas
END
told '.*type struct connection .*' killed 'heap at conn[0]'
answer killed 'heap leaks' 2 >kept
like 'of a process that was killed meanwhile, what is known is told' kept '^  leaked +6 leaks: '
told "$nothing" killed 'heap leaks' 3
answer killed 'heap leaks' 4 | tail -n 1 >last
like 'what is not known cannot be told' last 'has it ended\?|No such process'
told '.*(has it ended\?|No such process).*' killed 'heap at 1'
answer killed 'heap arenas' >arenas
like 'the next run is read' arenas '^  main '

# ---- Programs that have no heap yet, or one that is not glibc's

cat >own.c <<'END'
#include <stddef.h>

static char pool[1 << 20];
static size_t used;
void *kept;

void *
malloc(size_t n)
{
	void *p = pool + used;

	used += (n + 15) / 16 * 16;
	return p;
}

void
free(void *p)
{
	(void)p;
}

void
allocated(void)
{
}

int
main(void)
{
	kept = malloc(100);
	allocated();
	return 0;
}
END
ok 'a program with a malloc of its own is built' $CC -g -o own own.c
debug heapless "$server" <<END
starti
heap leaks
print \$_heap_kind(\$sp)
kill
file own
break allocated
run
heap leaks
heap at kept
print \$_heap_size(kept)
gcore own.core
END
answer heapless 'heap leaks' >early
like 'before its first instruction a program has no heap' early '^  heap +none was found$'
is 'but a stack' "$(answer heapless 'print $_heap_kind($sp)')" '$1 = "stack"'
answer heapless 'heap leaks' 2 | tail -n 1 >last
like 'a malloc that is not known is an error' last \
	"^process [0-9]+: the program's allocator is linked into it, which heapscan cannot read"
told '.*allocator is linked into it.*' heapless 'heap at kept'
told '.*allocator is linked into it.*' heapless 'print $_heap_size(kept)'

# ---- A core with the program of another

heapscan leaks own.core "$server" >out 2>wanted
sed -i 's/^.*server is/server is/' wanted
debug wrong "$server" -c own.core <<END
heap leaks
file own
heap leaks
END
answer wrong 'heap leaks' >said
like 'the wrong program is named' said 'server is not the program that ran: build-id '
like 'and how to do without it' said '"file" alone makes gdb let go of it$'
sed -i 's/^.*server is/server is/; s/: "file" alone.*//' said
same 'in the words of the command line' said <wanted
answer wrong 'heap leaks' 2 | tail -n 1 >last
like 'with the right one it goes on' last 'allocator is linked into it'

# ---- A program that was deleted

cp "$server" gone
start ready ./gone 1
rm gone
debug gone <<END
attach $pid
heap leaks --json=gone.json
heap leaks
detach
END
ok 'what was deleted is still found, where the kernel has it' \
	sh -c '! grep -q "not found here" gone.json'
answer gone 'heap leaks' >said
like 'and it is called what it was' said '^gone'

# ---- A connection that breaks

if command -v gdbserver >/dev/null; then
	for when in before after; do
		start 'Listening on port' gdbserver --once localhost:0 "$server"
		debug "$when" "$server" <<-END
			target remote localhost:$(sed -n 's/^Listening on port //p' ready)
			break round_done
			continue
			$([ $when = before ] || echo heap arenas)
			shell kill -9 $pid
			heap leaks
			stepi
			heap leaks
			file $server
			run
			heap arenas
		END
		answer $when 'heap leaks' 2 | tail -n 1 >last
		like "$when: a connection that broke is no target" last "$nothing|closed"
		answer $when 'heap arenas' $([ $when = before ] || echo 2) >arenas
		like "$when: then the program is run here" arenas '^  main '
	done
	told '.*' before 'heap leaks' # whatever gdb says of it
	answer after 'heap leaks' >kept
	like 'after: what is known is told' kept '^  leaked +6 leaks: '
else
	skip 'a connection that breaks is told' 'gdbserver is not installed'
fi
