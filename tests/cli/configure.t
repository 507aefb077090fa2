#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# configure understands what people and distributions pass to it.
. "${0%/*}/../cli/lib.sh"
unset CFLAGS CPPFLAGS LDFLAGS LIBS PKG_CONFIG AR

configure()
{
	"$SRCDIR/configure" CC="$CC" "$@" >out 2>err
}

ok 'the help is printed' "$SRCDIR/configure" --help

configure --build=x86_64-linux-gnu --prefix=/usr '--libdir=${prefix}/lib/x' \
	--disable-maintainer-mode --infodir=/info --enable-shared
is 'what distributions pass is taken' $? 0
like 'an unknown --enable is ignored with a note' out '^configure: ignored: --enable-shared$'
like 'a folder may be told in terms of another' Makefile '^libdir = \$\{prefix\}/lib/x$'

configure --prefix /opt/h --disable-zstd CFLAGS='-O1 -g3'
is 'a value may be a word of its own' "$(grep '^prefix =' Makefile)" 'prefix = /opt/h'
is 'a library can be left out' "$(grep -c ZSTD config.h)" 0
like 'flags are taken as they are' Makefile '^CFLAGS = -O1 -g3$'
cp Makefile before
touch -d '1 day ago' Makefile
make Makefile >make.log 2>&1
ok 'make runs it again with the same arguments' cmp Makefile before

configure --frobnicate
is 'an unknown argument is refused' $? 1
like 'and named' err '^configure: unknown argument: --frobnicate'

# A compiler that knows no Jansson.
cat >cc <<'END'
#!/bin/sh
for word; do
	case $word in *.c) ! grep -q jansson.h "$word" || exit 1 ;; esac
done
exec $REAL_CC "$@"
END
chmod +x cc
REAL_CC=$CC "$SRCDIR/configure" CC=./cc >out 2>err
is 'without a library that we need it fails' $? 1
same 'and says which, and what to install' err <<'END'
configure: missing: jansson
  Debian, Ubuntu:  apt-get install pkg-config libjansson-dev
  Fedora:          dnf install pkgconf jansson-devel
END
