#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Programs that nobody here wrote, frozen amid work that never ends.

. "${0%/*}/live.sh"

# amid_work NAME PROGRAM [ARG]...: one that prints "working" when it has begun.
amid_work()
{
	if command -v "$2" >/dev/null; then
		name=$1
		shift
		frozen "$name" --when=working --env=PYTHONMALLOC=malloc "$@"
		judged "$name" --blocks
	else
		skip "$1 is frozen" "$2 is not installed"
	fi
}

amid_work python python3 -c '
import json, re, threading

def work(rounds):
    kept = {}
    for i in rounds:
        kept[i % 5000] = [str(i) * (i % 9), {"n": i, "s": "x" * (i % 700)}, object()]
        if i % 50 == 0:
            kept[-i % 5000] = json.loads(json.dumps(list(kept.values())[:20], default=str))
            re.sub("(x+)", lambda m: m[0][1:], "x" * (i % 100) + "y")

def forever():
    i = 0
    while True:
        yield i
        i += 1

work(range(20000))
for _ in range(3):
    threading.Thread(target=work, args=(forever(),), daemon=True).start()
print("working", flush=True)
work(forever())
'

amid_work perl perl -e '
$| = 1;
for (my $i = 0;; $i++) {
	$kept{$i % 5000} = { list => [1 .. $i % 30], text => "x" x ($i % 900) };
	$joined = join ",", map { $_ * 2 } @{$kept{int rand 5000}{list} || []};
	$joined =~ s/(\d)4/[$1]/g;
	print "working\n" if $i == 20000;
}
'

amid_work sqlite3 sqlite3 :memory: '
create table t (n integer primary key, s text);
create index i on t (s);
with recursive c(n) as (select 1 union all select n + 1 from c where n < 20000)
	insert into t select n, hex(randomblob(n % 60)) from c;' '.shell echo working' '
with recursive c(n) as (select 1 union all select n + 1 from c)
	insert or replace into t select n % 30000, hex(randomblob(n % 90)) from c;'

amid_work bash bash -c '
declare -A kept
for ((i = 0;; i++)); do
	text=$(printf "%*s" $((i % 50)) "")${text:0:300}
	kept[$((i % 700))]=$i${text// /x}
	((i != 300)) || echo working
done
'

amid_work awk awk '
BEGIN {
	for (i = 0;; i++) {
		kept[i % 5000] = sprintf("%d %s", i, substr(kept[(i * 7) % 5000], 1, i % 300))
		split(kept[i % 5000], part)
		if (i == 20000) {
			print "working"
			fflush()
		}
	}
}'
