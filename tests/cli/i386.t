#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A core of an i386 process: as the kernel writes it, and without the note of the
# thread pointers, which gdb's gcore and qemu-user leave out.

. "${0%/*}/lib.sh"
needs python3 zstd

truth=$SRCDIR/fixtures/real/glibc-2.36-i386/truth
zstd -q -d -o core "$(recorded glibc-2.36-i386)"
python3 - <<'END'
core = bytearray(open('core', 'rb').read())
at = core.index(b'LINUX\0\0\0' + (12).to_bytes(4, 'little'))
assert int.from_bytes(core[at - 4:at], 'little') == 0x200  # NT_386_TLS
core[at - 4:at] = (0x2ff).to_bytes(4, 'little')
open('core.gcore', 'wb').write(core)
END

heapscan blocks --json core.gcore >blocks 2>err
is 'without NT_386_TLS the core is complete, too' "$? $(cat err)" "0 "
ok 'blocks and reach are what they were' "$SRCDIR/tests/record/judge" "$truth" blocks

heapscan summary --json core >out
is 'the machine is named' "$(sed -n 's/.*"machine": *"\([^"]*\)".*/\1/p' out | head -1)" i386
heapscan at "$(sed -n '$s/ .*//p' "$truth")" core >out 2>err
is 'an address is looked up' "$?" 0
head -c 20000 core >cut
heapscan leaks cut >out 2>err
is 'a cut core is incomplete' "$?" 4
