#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The commands as gdb's own: help, completion, expressions, functions.

. "${0%/*}/gdb.sh"
needs_programs

server=$programs/server
heapscan --help | sed -nE 's/^  ([a-z][a-z-]*)( [A-Z]+)?  .*/\1/p' | sort >names

# options COMMAND: of the command line.
options()
{
	heapscan "$1" --help | sed -n "/^Options of/,/^\$/p" | sed -nE 's/^  (--[a-z-]+).*/\1/p' | sort
}

# ---- Help and completion

touch wanted.file
debug help "$server" <<END
$(sed 's/^/help heap /' names)
$(sed -E 's/(.*)/complete heap \1 --/' names)
help heap
help heapscan
complete hea
complete heap 
complete heap le
complete heapscan l
complete heap blocks --st
complete heap at conn->
complete heap at twi
complete heap leaks --json=wan
complete heap leaks 
heap
END
while read -r name; do
	options "$name" >options
	answer help "help heap $name" >help
	sed -nE 's/^  (--[a-z-]+).*/\1/p' help | sort >helped
	same "help heap $name names the options of the command line" helped <options
	like "help heap $name says how it is called" help "^Usage: heap $name "
	answer help "complete heap $name --" | sed 's/.* //' >completed
	same "heap $name -- completes to its options" completed <options
done <names
for prefix in heap heapscan; do
	answer help "help $prefix" | sed -n "s/^$prefix \([a-z]*\) -- .*/\1/p" >listed
	same "help $prefix lists every command" listed <names
done
answer help 'complete heap ' | sed 's/^heap //' >completed
same 'heap completes to every command' completed <names
is 'heap le completes to leaks' "$(answer help 'complete heap le')" 'heap leaks'
is 'heapscan l does' "$(answer help 'complete heapscan l')" 'heapscan leaks'
is 'an option completes' "$(answer help 'complete heap blocks --st')" 'heap blocks --state'
answer help 'complete heap at conn->' >completed
like 'a member of a struct completes' completed '^heap at conn->buf$'
is 'a function does' "$(answer help 'complete heap at twi')" 'heap at twice'
is 'a name of a file does' "$(answer help 'complete heap leaks --json=wan')" \
	'heap leaks --json=wanted.file'
is 'what takes nothing completes to nothing' "$(answer help 'complete heap leaks ')" ''

# ---- On a process

debug asked "$server" <<END
break round_done
run
heap
heap summary
heap leaks
heapscan leaks
heap at conn
heap at conn->buf
heap at &conn->buf[3]
heap at main
heap at \$sp
heap at 16
heap at --json conn
heap at conn --json
python print(gdb.execute('heap at conn', to_string=True).split()[-1])
heap at conn->next == 0 ? conn : conn->next
heap blocks --size=1-4K --limit=2
heap blocks --size 1-4K --limit 2
print (long) \$_heap_block(conn) == (long) conn
print (long) \$_heap_block(conn->buf) == (long) conn
print (long) \$_heap_block(&conn->buf[50]) == (long) conn
print \$_heap_block((char *) conn - 8)
print \$_heap_block((char *) conn + 136)
print \$_heap_block(\$sp)
print \$_heap_block(0)
print \$_heap_block(conn)
print \$_heap_size(conn)
print \$_heap_size(conn->buf)
print \$_heap_size(mapped) >= 200000
print \$_heap_size(\$sp)
print \$_heap_kind(conn)
print \$_heap_kind(&conn->buf[3])
print \$_heap_kind(\$sp)
print \$_heap_kind(main)
print \$_heap_kind(&conn)
print \$_heap_kind(0)
up
thread
print conn->fd = 3
heap roots
thread
frame
thread 2
up
print conn->fd = 4
heap leaks --json
frame
heap at -- conn
END
answer asked heap >heap
answer asked 'heap summary' >summary
head -n "$(wc -l <summary)" heap >begin
same 'heap alone begins with the summary' begin <summary
sed "1,$(wc -l <summary)d" heap | sed -n 's/^heap \([a-z]*\)  *.*/\1/p' | sort >listed
same 'and lists every command' listed <names
answer asked 'heap leaks' >leaks
answer asked 'heapscan leaks' >same
same 'heapscan leaks is heap leaks' same <leaks

# here COMMAND: where that address is.
here()
{
	answer asked "$1" | sed -nE 's/^  here +//p'
}
is 'a pointer is an address' "$(here 'heap at conn')" 'the start of a block'
is 'an array stands for its first element' "$(here 'heap at conn->buf')" '24 bytes into a block'
is 'an element has an address' "$(here 'heap at &conn->buf[3]')" '27 bytes into a block'
like 'a function stands for its first byte' asked.said '^  here +main(\+0x0)? in server$'
is 'a register is an address' "$(here 'heap at $sp')" 'the stack of thread 1, in use'
like 'and so is a number, however small' asked.said '^  here +nothing: '
is 'an expression may have spaces' "$(here 'heap at conn->next == 0 ? conn : conn->next')" \
	'the start of a block'
answer asked 'heap at --json conn' >before
answer asked 'heap at conn --json' >after
like 'an option may stand before the expression' before '"kind": ?"block"'
same 'or behind it' after <before
answer asked 'heap at -- conn' >after
answer asked 'heap at conn' >before
same 'and -- ends the options, as elsewhere' after <before
is 'a script gets the report as text' "$(grep -xc in-core asked.said)" 1
answer asked 'heap blocks --size=1-4K --limit=2' >joined
answer asked 'heap blocks --size 1-4K --limit 2' >apart
is 'an option takes its value with = or as the next word' \
	"$(grep -c in-use joined) $(cmp joined apart)" '2 '

# value EXPRESSION: as gdb prints it.
value()
{
	answer asked "print $1" | sed 's/^\$[0-9]* = //'
}
is 'a start is in its block' "$(value '(long) $_heap_block(conn) == (long) conn')" 1
is 'an array in it too' "$(value '(long) $_heap_block(conn->buf) == (long) conn')" 1
is 'and its middle' "$(value '(long) $_heap_block(&conn->buf[50]) == (long) conn')" 1
is 'a header is in no block' "$(value '$_heap_block((char *) conn - 8)')" '(void *) 0x0'
is 'nor is the end' "$(value '$_heap_block((char *) conn + 136)')" '(void *) 0x0'
is 'nor the stack' "$(value '$_heap_block($sp)')" '(void *) 0x0'
is 'nor 0' "$(value '$_heap_block(0)')" '(void *) 0x0'
like 'a block is a pointer' asked.said '^[$][0-9]+ = \(void \*\) 0x[0-9a-f]+$'
is 'the size is what the program may use' "$(value '$_heap_size(conn)')" 136
is 'from everywhere in the block' "$(value '$_heap_size(conn->buf)')" 136
is 'a block with a mapping of its own has one' "$(value '$_heap_size(mapped) >= 200000')" 1
is 'the stack has none' "$(value '$_heap_size($sp)')" 0
is 'a block is a block' "$(value '$_heap_kind(conn)')" '"block"'
is 'in its middle' "$(value '$_heap_kind(&conn->buf[3])')" '"block"'
is 'the stack is a stack' "$(value '$_heap_kind($sp)')" '"stack"'
is 'a function is in a module' "$(value '$_heap_kind(main)')" '"module"'
is 'a variable too' "$(value '$_heap_kind(&conn)')" '"module"'
is 'and 0 is nowhere' "$(value '$_heap_kind(0)')" '"unmapped"'

answer asked thread 1 >before
answer asked thread 2 >after
same 'a command leaves the thread selected' after <before
answer asked frame 1 >frame
like 'and the frame' frame '^#1 .* main '
is 'of another thread too' "$(grep -c '^#1 ' frame) $(answer asked frame 2 | grep -c '^#1 ')" '1 1'

# ---- In the condition of a breakpoint, and C++

# gdb holds no other thread than the one that came to the breakpoint while it asks
# for the condition, so this goes as long as there is one.
debug condition "$server" <<END
break with_thread if \$_heap_size(conn) == 1
tbreak with_thread if \$_heap_size(conn) == 136
run
info breakpoints
delete
tbreak with_thread if \$_heap_size(conn) == 1
break round_done if \$_heap_size(conn) == 136
run
END
like 'a condition may ask for the heap' condition.said '^Temporary breakpoint 2, .*with_thread'
answer condition 'info breakpoints' >breakpoints
is 'one that is false lets the program run' "$(grep -c 'already hit' breakpoints)" 0
like 'and with more threads gdb says what is in the way' condition.said '^thread 2 .*is running'

cat >ref.cc <<'END'
struct point { int x, y; };
static void look(point *&p, int &y) { asm volatile("" : : "r"(&p), "r"(&y) : "memory"); }
int main() { point *p = new point(); look(p, p->y); delete p; }
END
if command -v c++ >/dev/null && c++ -g -O0 -o ref ref.cc; then
	debug reference "$PWD/ref" <<END
break look
run
heap at p
heap at &y
print \$_heap_size(p)
END
	answer reference 'heap at p' >here
	like 'a reference stands for what it refers to' here 'the start of a block'
	answer reference 'heap at &y' >here
	like 'and has its address' here '4 bytes into a block'
	is 'in functions, too' "$(answer reference 'print $_heap_size(p)')" '$1 = 24'
else
	skip 'a reference stands for what it refers to' 'no C++ compiler'
fi
