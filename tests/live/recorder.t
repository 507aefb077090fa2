#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The recorder and the judge themselves, without heapscan but for the last.

. "${0%/*}/live.sh"

frozen hammer --core=kernel "$programs/hammer"
sort hammer/stdout >printed
awk '$3 == "reachable" { print $1, $4 }' hammer/truth | sort >recorded
same 'the recorder knows what four threads know of their blocks' recorded <printed

cat >truth <<'END'
0x1000 24 leaked 20
0x2000 24 reachable 20
0x3000 24 - 20
END

# line ADDRESS SIZE REACH: a block, as heapscan prints it.
line()
{
	echo "{\"address\": \"$1\", \"size_bytes\": $2, \"state\": \"in-use\", \"reach\": \"$3\"}"
}

verdict()
{
	"$record/judge" truth blocks | sed -n 1p
}

first=$(line 0x1000 24 leaked-direct)
second=$(line 0x2000 24 reachable)
third=$(line 0x3000 24 interior)
free='{"address": "0x4000", "size_bytes": 24, "state": "free"}'

printf '%s\n' "$first" "$second" "$third" "$free" >blocks
is 'the judge is content with the truth' "$(verdict)" ''
printf '%s\n' "$first" "$third" >blocks
is 'a block that is missing is seen' "$(verdict)" 'not listed: 0x2000 24 bytes, reachable'
printf '%s\n' "$first" "$second" "$third" "$(line 0x4000 8 interior)" >blocks
is 'a block too many is seen' "$(verdict)" 'not a block: 0x4000 8 bytes, interior'
printf '%s\n' "$first" "$second" "$third" "$third" >blocks
is 'a block listed twice is seen' "$(verdict)" 'listed twice: 0x3000 '
printf '%s\n' "$first" "$second" "$(line 0x3000 40 interior)" >blocks
is 'a wrong size is seen' "$(verdict)" 'wrong size: 0x3000 has 24 bytes, not 40'
printf '%s\n' "$(line 0x1000 24 interior)" "$second" "$third" >blocks
is 'a leak that was not found is seen' "$(verdict)" \
	'wrong reach: 0x1000 is leaked, not interior; 24 bytes'
printf '%s\n' "$first" "$second" "$(line 0x3000 24 leaked-indirect)" >blocks
is 'a leak that is none is seen' "$(verdict)" \
	'not leaked: 0x3000 but called leaked-indirect; 24 bytes'

frozen hammering "$programs/hammer" forever
judged hammering --blocks
