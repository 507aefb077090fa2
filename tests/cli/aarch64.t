#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A core of aarch64 on whatever this is; and with tags, written into its pointers.

. "${0%/*}/lib.sh"
needs python3 zstd

truth=$SRCDIR/fixtures/real/aarch64-2.36/truth
zstd -q -d -o plain "$(recorded aarch64-2.36)"

# Makes the core `tagged` of `plain`, and says how many pointers have tags.
tag()
{
	python3 - "$truth" <<'END'
import struct, sys

core = bytearray(open('plain', 'rb').read())
blocks = {int(line.split()[0], 16) for line in open(sys.argv[1])}
word = struct.Struct('<Q')
count = struct.unpack_from('<H', core, 56)[0]
changed = 0
for i in range(count):
    kind, flags, offset, start, _, size, _, _ = struct.unpack_from('<IIQQQQQQ', core, 64 + 56 * i)
    for at in range(offset, offset + size - 7, 8) if kind == 1 else ():
        a = word.unpack_from(core, at)[0]
        if a in blocks:
            tag = 0xf0 if changed % 2 else 0x05  # a sanitizer's, MTE's
            word.pack_into(core, at, a | tag << 56)
            changed += 1
open('tagged', 'wb').write(core)
print(changed)
END
}

heapscan summary --json plain >out
like 'the machine is told' out '"machine":"aarch64"'

heapscan at 0x5a0000550000003e --json plain >out
heapscan at 0x000000550000003e --json plain >wanted
same 'an address may be given with its tag' out <wanted

is 'there are pointers to tag' "$([ "$(tag)" -gt 100 ] && echo many)" many
heapscan blocks --json tagged >blocks
ok 'tags are cut off, wherever pointers are' "$SRCDIR/tests/record/judge" "$truth" blocks
sed -n 's/^{"address":"\([^"]*\)".*"reach":"reachable".*/\1/p' blocks | head -n 40 >held
while read -r block; do
	heapscan refs "$block" plain
done <held >wanted
while read -r block; do
	heapscan refs "$(printf '0x5a%014x' "$block")" tagged
done <held >out
same 'and links are found through them' out <wanted
