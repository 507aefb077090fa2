#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# However many threads there are, however little memory, and however words are
# compared: the same report.

. "${0%/*}/lib.sh"

# agrees NAME CORE OPTION: the reports with the option are those without.
agrees()
{
	for command in leaks 'blocks --limit=100000'; do
		heapscan $command --json $3 "$2" >out 2>err
		status=$?
		is "$1: ${command%% *} $3: status" "$status $(cat err)" \
			"$(cat "wanted.${command%% *}.status")"
		ok "$1: ${command%% *} $3: the same report" cmp "wanted.${command%% *}" out
	done
}

for core in $(recorded 'glibc-*') $(synth cycle) $(synth reach) $(synth missing); do
	name=${core%/core.zst}
	name=${name##*/}
	for command in leaks 'blocks --limit=100000'; do
		heapscan $command --json "$core" >"wanted.${command%% *}" 2>err
		echo "$? $(cat err)" >"wanted.${command%% *}.status"
	done
	for option in --threads=1 --threads=2 --threads=7 --memory=48K --memory=1G; do
		agrees "$name" "$core" "$option"
	done
	export HEAPSCAN_SIMD=portable
	agrees "$name, portable" "$core" --threads=2
	unset HEAPSCAN_SIMD
done

core=$(synth cycle)
for command in leaks blocks; do
	heapscan $command --memory=1K "$core" >out 2>err
	is "$command: too little memory: status" $? 3
	empty "$command: too little memory: no report" out
	is "$command: too little memory: how much it takes" "$(cat err)" \
		'heapscan: needs about 1 MiB of memory: raise --memory'
done
heapscan summary --memory=1K "$core" >out
is 'summary needs no marks' $? 0
