#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What goes wrong is a line, none of Python's, and gdb goes on.

. "${0%/*}/gdb.sh"

# goes_on NAME: after all that, a command does what it should.
goes_on()
{
	answer "$1" 'heap arenas' >goes_on
	like "$1: and then a command does what it should" goes_on '^  main '
}

nothing='there is neither a process nor a core: .*'

# ---- On a core

core=$(synth cycle)
debug usage -c "$core" <<END
heap at nosuch
heap at *(char **) 0
heap at 1.5
heap at
heap at --json
heap at 1 +
heap at --nosuch 1
heap leaks --nosuch
heap leaks too much
heap leaks --limit=x
heap leaks --limit
heap leaks --json=/nosuch/dir/x
heap leaks --json=/dev/full
heap blocks --size=4-1
heap leaks "unfinished
heap nosuch
heapscan nosuch
heap leaks extra --json
print \$_heap_size()
print \$_heap_size(1, 2)
print \$_heap_size(1.5)
print \$_heap_size(nosuch)
heap at 0xffffffffffffffff
heap at -1
heap arenas
END
told 'No symbol .*' usage 'heap at nosuch'
told 'Cannot access memory at address 0x0' usage 'heap at *(char **) 0'
told '.*type double.*' usage 'heap at 1.5'
told '.* ADDR.*' usage 'heap at'
told '.* ADDR.*' usage 'heap at --json'
told '.*expression.*' usage 'heap at 1 +'
told '.*has no option --nosuch' usage 'heap at --nosuch 1'
told '.*has no option --nosuch' usage 'heap leaks --nosuch'
told '.*too is too much.*' usage 'heap leaks too much'
told '.*--limit=x: not a number' usage 'heap leaks --limit=x'
told '.*--limit.*' usage 'heap leaks --limit'
told '.*/nosuch/dir/x: No such file or directory' usage 'heap leaks --json=/nosuch/dir/x'
told '.*No space left on device' usage 'heap leaks --json=/dev/full'
told '.*--size=4-1.*' usage 'heap blocks --size=4-1'
told '.*unfinished.*' usage 'heap leaks "unfinished'
told '.*no command heap nosuch.*' usage 'heap nosuch'
told '.*no command heapscan nosuch.*' usage 'heapscan nosuch'
told '.*extra is too much.*' usage 'heap leaks extra --json'
told '.*one address.*' usage 'print $_heap_size()'
told '.*one address.*' usage 'print $_heap_size(1, 2)'
told '.*type double.*' usage 'print $_heap_size(1.5)'
told 'No symbol .*' usage 'print $_heap_size(nosuch)'
answer usage 'heap at 0xffffffffffffffff' >last
answer usage 'heap at -1' >negative
same 'a negative number is an address too' negative <last
goes_on usage

# ---- Without anything to look at

debug nothing <<END
heap
heap leaks
heap at 1
print \$_heap_size(1)
file /bin/true
heap leaks
help heap leaks
core-file $core
heap arenas
END
told "$nothing" nothing 'heap'
told "$nothing" nothing 'heap leaks'
told "$nothing" nothing 'heap at 1'
told "$nothing" nothing 'print $_heap_size(1)'
told "$nothing" nothing 'heap leaks' 2
goes_on nothing

# ---- Cores that are cut, or gone

# Cut while it is looked at: as if by someone else, at a step of the analysis.
cat >cut.py <<'END'
import heapscan.analysis, os

def cut(self, stage, *how_far, was=heapscan.analysis.Progress.__call__):
    if os.path.exists('cut.core'):
        os.truncate('cut.core', 8192)
    was(self, stage, *how_far)

heapscan.analysis.Progress.__call__ = cut
END
for name in cut gone soon; do
	cp "$core" $name.core
done
debug cores <<END
core-file soon.core
shell rm soon.core
heap leaks
core-file gone.core
heap arenas
shell rm gone.core
heap leaks
source cut.py
core-file cut.core
heap leaks
heap leaks
core-file $core
heap arenas
END
told '.*the core file is, or it is gone' cores 'heap leaks'
told '.*gone\.core.*No such file.*' cores 'heap leaks' 2
answer cores 'heap leaks' 3 | tail -n 1 >cut
like 'a core that is cut while it is read is an error' cut 'cut\.core: the file shrank '
answer cores 'heap leaks' 4 >cut
like 'what is left of it is told to be incomplete' cut '^heapscan: incomplete: the core is cut short'
answer cores 'heap arenas' 2 >goes_on
like 'and then another core is read' goes_on '^  main '

# ---- ^C: sent at the first step of a stage, as a hasty user would

cat >hasty.py <<'END'
import heapscan.analysis, os, signal

def hasty(self, stage, *how_far, was=heapscan.analysis.Progress.__call__):
    if stage == self.hated:
        self.hated = None
        os.kill(os.getpid(), signal.SIGINT)
    was(self, stage, *how_far)

heapscan.analysis.Progress.__call__ = hasty
END
debug interrupted -c "$core" <<END
source hasty.py
python heapscan.analysis.progress.hated = 'looking for roots'
heap leaks
python heapscan.analysis.progress.hated = 'marking'
heap leaks
python heapscan.analysis.progress.hated = 'writing'
heap leaks
heap leaks
heap arenas
END
for n in 1 2 3; do
	told 'Quit' interrupted 'heap leaks' $n
done
answer interrupted 'heap leaks' 4 >leaks
like 'after that the analysis is made' leaks '^  leaked +1 leak: '
goes_on interrupted

# ---- What nobody thought of

debug mistaken -c "$core" <<END
heap arenas
python import heapscan.target; key = heapscan.target.key
python heapscan.target.key = lambda inferior: [][inferior.num]
heap leaks
heap
print \$_heap_size(1)
python heapscan.target.key = key
heap leaks
END
told '.*IndexError: .*' mistaken 'heap leaks'
told '.*IndexError: .*' mistaken 'heap'
told '.*IndexError: .*' mistaken 'print $_heap_size(1)'
answer mistaken 'heap leaks' 2 >leaks
like 'and gdb goes on' leaks '^  leaked +1 leak: '

# ---- The extension

# sourced NAME: a gdb that loads a copy of ours, and then ours.
sourced()
{
	bare "$1" <<-END
		source $1/heapscan.py
		print 1 + 1
		heap leaks
		source $plugin
		core-file $core
		heap arenas
	END
	is "$1: gdb goes on" "$(answer "$1" 'print 1 + 1')" '$1 = 2'
	goes_on "$1"
}
cp -R "$BUILDDIR/gdb" missing
rm missing/heapscan/_heapscan.abi3.so
sourced missing
told 'heapscan: .*missing/heapscan: .*_heapscan.*' missing 'source missing/heapscan.py'
cp -R "$BUILDDIR/gdb" older
sed -i "s/^VERSION = .*/VERSION = '0.0.1'/" older/heapscan/__init__.py
sourced older
told 'heapscan: .* version .* 0\.0\.1: install .*' older 'source older/heapscan.py'
cp -R "$BUILDDIR/gdb" broken
: >broken/heapscan/_heapscan.abi3.so
sourced broken
told 'heapscan: .*_heapscan.*' broken 'source broken/heapscan.py'
