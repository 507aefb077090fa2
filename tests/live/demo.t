#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The report of `make demo` is right: fixtures/demo/leaky.c loses 100 lists of
# four, 30 cycles of two, and three buffers.  And README shows it as it is.

. "${0%/*}/live.sh"

frozen leaky --when=ready "$BUILDDIR/obj/fixtures/demo/leaky"
for kind in gcore kernel; do
	if [ -e "leaky/core.$kind.skip" ]; then
		skip "core by $kind" "$(cat "leaky/core.$kind.skip")"
		continue
	fi
	heapscan blocks --json "leaky/core.$kind" >blocks
	is "core by $kind: what leads is direct" \
		"$(grep -Ec '"reach": ?"leaked-direct"' blocks)" $((100 + 30 * 2 + 3))
	is "core by $kind: what hangs from it is not" \
		"$(grep -Ec '"reach": ?"leaked-indirect"' blocks)" $((100 * 3))
	heapscan "leaky/core.$kind" "$BUILDDIR/obj/fixtures/demo/leaky" >report
	is "core by $kind: the exit status says so" $? 1
done

# Without addresses, numbers, widths, and what depends on this C library.
bare()
{
	sed -E 's/ signal [0-9]+ \([A-Z]+\),//; s/0x[0-9a-f]+/ADDRESS/g; s/\b[0-9a-f]{16}\b/FINGERPRINT/g; s/ \(glibc.*//
		s/[0-9][0-9,.]*/N/g; s/ +/ /g; s/^ //; s/ $//'
}

if [ -s report ]; then
	bare <report >report.bare
	sed -n '/^    \$ .*heapscan /,/^[^ ]/p' "$SRCDIR/README" | sed '1d; $d' | bare |
		sed '$d' >readme.bare
	same 'README shows this report' report.bare <readme.bare
fi
