#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every kind of JSON is as the schema says, for every recorded core.

. "${0%/*}/lib.sh"
needs python3
python3 -c 'from jsonschema import Draft202012Validator' 2>/dev/null ||
	skip_all 'python3-jsonschema is not installed'

cat >valid.py <<'END'
"""valid.py SCHEMA KIND FILE: is FILE a document, or are its lines rows of that KIND?"""
import json, sys
from jsonschema import Draft202012Validator as Validator

schema = json.load(open(sys.argv[1]))
Validator.check_schema(schema)
kind, text = sys.argv[2], open(sys.argv[3]).read()
things = [text] if kind == 'report' else text.splitlines()
check = Validator({'$ref': '#/$defs/' + kind, '$defs': schema['$defs']})
bad = 0
for thing in things:
    for error in check.iter_errors(json.loads(thing)):
        print(list(error.absolute_path), error.message[:300])
        bad += 1
    if bad > 10:
        break
sys.exit(bad > 0 or not things)
END

# valid KIND COMMAND...: of $core.
valid()
{
	kind=$1
	shift
	heapscan "$@" --json "$core" >out 2>err
	ok "$name: $*" python3 valid.py "$SRCDIR/doc/heapscan.schema.json" "$kind" out
	mv out first
	heapscan "$@" --json "$core" >out 2>err
	ok "$name: $* gives the same bytes again" cmp first out
}

for core in "$SRCDIR"/fixtures/real/*/core.zst; do
	name=${core%/core.zst}
	name=${name##*/}
	valid report leaks
	valid report leaks --all
	valid report summary
	valid report arenas
	valid report bins
	valid report roots
	valid report at 0x1000
	valid report at "$(heapscan blocks --limit=1 "$core" 2>/dev/null | awk '/0x/ { print $1 }')"
	valid block-row blocks
	valid root-row roots --all
done
