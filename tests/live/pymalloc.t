#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Python with its own allocator: its blocks are those that it counts itself, by size,
# in the same stop; what nothing holds is found, and nothing else.

. "${0%/*}/live.sh"

command -v gdb >/dev/null || {
	skip 'blocks of pymalloc' 'gdb is not installed'
	exit
}
python=$(python3 -c 'import sys; print(sys.executable)')

cat >load.py <<'END_OF_PYTHON'
import ctypes, json, os, time

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
forget = ctypes.pythonapi.Py_IncRef
forget.argtypes = [ctypes.py_object]

class Plain:
    def __init__(self, n):
        self.number, self.text, self.list = n, str(n), [n]

class Slots:
    __slots__ = ('text', 'pair')
    def __init__(self, n):
        self.text, self.pair = str(n) * 3, (n, n + 1)

kept = {}
for i in range(8000):
    kept[i % 3000] = [str(i) * (i % 9), {'n': i, 's': 'x' * (i % 700)}, Plain(i), Slots(i),
                      tuple(range(300, 300 + i % 120)), {i, i + 1}, bytes(i % 400)]
    if i % 50 == 0:
        kept[-i % 3000] = json.loads(json.dumps(list(kept.values())[:20], default=str))

def leak():
    planted = []
    for i in range(50):
        for n in 777, 1234, 48, 5000:
            block = libc.malloc(n)
            ctypes.memset(block, 0, n)
            planted.append('main %x' % block)
        text = 'nobody has me' * (i + 7)
        forget(text)
        planted.append('%s %x' % ('pymalloc' if i < 25 else 'main', id(text)))
    with open(os.environ['PLANTED'], 'w') as file:
        file.write('\n'.join(planted))

def clear(n):
    return n and clear(n - 1)

leak()
clear(60)
os.write(1, b'working\n')
time.sleep(1000)
END_OF_PYTHON

# stopped NAME [VARIABLE=VALUE]: NAME.core, and NAME.stats with what Python counts.
stopped()
{
	name=$1
	shift
	env "$@" PLANTED="$name.planted" "$python" load.py >"$name.out" 2>"$name.stats" &
	pid=$!
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29; do
		! grep -q working "$name.out" || break
		sleep 1
	done
	sleep 0.2
	gdb -nx -batch -p $pid -ex "gcore $name.core" \
		-ex 'call (int)_PyObject_DebugMallocStats((void *)stderr)' \
		-ex 'call (int)fflush((void *)0)' >"$name.gdb" 2>&1
	kill $pid 2>/dev/null
	wait $pid 2>/dev/null
	[ -s "$name.core" ]
}

# Python's "class, size, pools, in use, available" against ours.
cat >compare.py <<'END_OF_PYTHON'
import collections, json, re, sys
blocks, stats = sys.argv[1:]
ours = collections.Counter()
for line in open(blocks):
    row = json.loads(line)
    if row.get('arena') == 'pymalloc':
        ours[row['size_bytes'], row['state']] += 1
theirs = re.findall(r'^ *\d+ +(\d+) +\d+ +(\d+) +(\d+)$', open(stats, errors='replace').read(), re.M)
for size, used, free in (map(int, row) for row in theirs):
    if (ours[size, 'in-use'], ours[size, 'free']) != (used, free):
        print(size, 'Python:', used, free, 'here:', ours[size, 'in-use'], ours[size, 'free'])
END_OF_PYTHON

# What is leaked and was not planted; what was planted and is not leaked, if that is
# more than chance: old words on the stack may keep some.
cat >leaked.py <<'END_OF_PYTHON'
import bisect, json, sys
blocks, planted = sys.argv[1:]
rows = [json.loads(line) for line in open(blocks)]
starts = [int(row['address'], 16) for row in rows]
held = {'main': 0, 'pymalloc': 0}
for line in open(planted):
    arena, address = line.split()
    row = rows[bisect.bisect(starts, int(address, 16)) - 1]
    if not row.pop('reach', '').startswith('leaked'):
        held[row['arena']] += 1
for row in rows:
    if row.get('reach') in ('leaked-direct', 'leaked-indirect', 'unknown'):
        print('not planted:', row)
for arena in held:
    if held[arena] > 10:
        print('planted, but held:', arena, held[arena])
END_OF_PYTHON

if stopped plain; then
	heapscan blocks --json plain.core >plain.blocks
	is 'the core is read' $? 0
	if grep -q 'blocks in use' plain.stats; then
		python3 compare.py plain.blocks plain.stats >out
		empty 'blocks of each size are as many as Python counts' out
	else
		skip 'blocks of each size are as many as Python counts' \
			'this Python does not tell gdb'
	fi
	python3 leaked.py plain.blocks plain.planted >out
	empty 'what nothing holds is leaked, and nothing else' out
	heapscan leaks plain.core >out
	like 'it adds up' out 'accounting  exact [(]glibc, .*; pymalloc[)]'
	like 'it is said' out "blocks of CPython's pymalloc are told apart, too: pools of"
	heapscan bins plain.core >out
	like 'free blocks are listed by size' out 'pool  *pymalloc'
else
	skip 'blocks of pymalloc' "gdb takes no core: $(tail -n 1 plain.gdb)"
fi

# Every block has a head of a debugger's, the table of arenas, too.
if stopped debug PYTHONMALLOC=pymalloc_debug; then
	heapscan blocks --json debug.core >debug.blocks
	is 'with debug hooks: the core is read' $? 0
	python3 leaked.py debug.blocks debug.planted >out
	empty 'with debug hooks: what nothing holds is leaked, and nothing else' out
	ok 'with debug hooks: there are blocks of pymalloc' grep -q '"pymalloc"' debug.blocks
else
	skip 'with debug hooks' "gdb takes no core: $(tail -n 1 debug.gdb)"
fi
