#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What `make install` puts down works, and `make uninstall` takes it away.
. "${0%/*}/../cli/lib.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL

root=$PWD/root
in_build()
{
	make -C "$BUILDDIR" "$@" DESTDIR="$root" prefix=/usr exec_prefix=/usr \
		bindir=/usr/bin libdir=/usr/lib includedir=/usr/include datadir=/usr/share \
		mandir=/usr/share/man
}

ok 'make install' in_build install
ok 'the program runs' "$root/usr/bin/heapscan" --version
ok 'the library has its soname' test -e "$root/usr/lib/libheapscan.so.0"
ok 'the manual is there' test -s "$root/usr/share/man/man1/heapscan.1"

cat >user.c <<'END'
#include <heapscan.h>
#include <stdio.h>

int
main(void)
{
	struct hs_options o = { .core = "no-such-core" };
	struct hs_error err;

	printf("%s %d\n", hs_version(), hs_open(&o, &err) ? 0 : err.status);
	return 0;
}
END
if grep -q '^sanitize = .' "$BUILDDIR/Makefile"; then
	skip 'a program can be built with it' 'the library has sanitizers'
else
	ok 'a program can be built with it' $CC -I"$root/usr/include" user.c -o user \
		-L"$root/usr/lib" -lheapscan
	is 'and runs' "$(LD_LIBRARY_PATH=$root/usr/lib ./user)" \
		"$(sed -n 's/^#define HS_VERSION "\(.*\)"/\1/p' "$BUILDDIR/config.h") 3"
fi

ok 'make uninstall' in_build uninstall
find "$root" ! -type d >left
empty 'nothing is left' left
