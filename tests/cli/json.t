#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every kind of JSON is as the schema says, for every recorded core.

. "${0%/*}/lib.sh"
needs python3
python3 -c 'from jsonschema import Draft202012Validator' 2>/dev/null ||
	skip_all 'python3-jsonschema is not installed'

cat >valid.py <<'END'
"""valid.py SCHEMA LIST: of each line "FILE KIND" in LIST, is FILE a document, or are
its lines rows of that KIND?  What is wrong goes into FILE.wrong."""
import json, sys
from jsonschema import Draft202012Validator as Validator

schema = json.load(open(sys.argv[1]))
Validator.check_schema(schema)
for line in open(sys.argv[2]):
    name, kind = line.split()
    text = open(name).read()
    things = [text] if kind == 'report' else text.splitlines()
    check = Validator({'$ref': '#/$defs/' + kind, '$defs': schema['$defs']})
    with open(name + '.wrong', 'w') as wrong:
        for thing in things:
            for error in check.iter_errors(json.loads(thing)):
                print(list(error.absolute_path), error.message[:300], file=wrong)
        if not things:
            print('nothing was written', file=wrong)
END

# reported KIND COMMAND...: of $core; into out.N, and a line in `list` for valid.py.
n=0
reported()
{
	n=$((n + 1))
	echo "out.$n $1" >>list
	shift
	heapscan "$@" --json "$core" >"out.$n" 2>err
	echo "$name: $*" >"out.$n.name"
	heapscan "$@" --json "$core" >again 2>err
	ok "$name: $* gives the same bytes again" cmp "out.$n" again
}

for core in "$SRCDIR"/fixtures/real/*/core.zst; do
	name=${core%/core.zst}
	name=${name##*/}
	reported report leaks
	reported report leaks --all
	reported report summary
	reported report arenas
	reported report bins
	reported report roots
	reported report check
	reported report at 0x1000
	reported report at "$(heapscan blocks --limit=1 "$core" 2>/dev/null | awk '/0x/ { print $1 }')"
	block=$(heapscan blocks --reach=reachable --limit=1 "$core" 2>/dev/null | awk '/0x/ { print $1 }')
	reported report refs "$block"
	reported report why --paths=3 "$block"
	reported report refs "$(heapscan blocks --state=in-use --limit=1 "$core" 2>/dev/null | awk '/0x/ { print $1 }')"
	reported block-row blocks
	reported root-row roots --all
done

ok 'the schema is one' python3 valid.py "$SRCDIR/doc/heapscan.schema.json" list
for i in $(seq $n); do
	empty "$(cat "out.$i.name") is as the schema says" "out.$i.wrong"
done
