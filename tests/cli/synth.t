#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Whole outputs, over heaps of a few blocks: fixtures/synth says what is in each.

. "${0%/*}/lib.sh"

heapscan leaks "$(synth cycle)" >out 2>err
is 'cycle: something was found' "$? $(cat err)" '1 '
same 'cycle: it is one leak, and what it holds hangs from it' out <<'END'
program, pid 100, signal 6 (SIGABRT), 1 thread
  leaked      1 leak: 3 blocks, 88 bytes
    direct    2 blocks, 48 bytes
    indirect  1 block, 40 bytes
  heap        3 blocks, 88 bytes, of 8.0 KiB taken from the system
  accounting  exact (glibc, fastbins (since glibc 2.27))
  complete    yes

Leaks of the same kind and size, most bytes first
  kind   leaks  each  direct  indirect  fingerprint       for example
  cycle      1    48      48        40  f5219cfb94077b17  0x1002a0

Next
  heapscan at 0x1002a0 CORE: what lies there
  heapscan leaks --all CORE: each leak
  heapscan summary CORE: where the memory went
END

heapscan leaks "$(synth missing)" >out 2>err
is 'missing memory: nobody says clean' $? 4
same 'missing memory: and nothing is called leaked' out <<'END'
program, pid 100, signal 6 (SIGABRT), 1 thread
  INCOMPLETE  2097152 bytes of writable memory are not dumped, the first at 0x620000000000
  leaked      nothing is known to be leaked
  unknown     1 block, 24 bytes
  reachable   1 block, 24 bytes
  heap        2 blocks, 48 bytes, of 8.0 KiB taken from the system
  accounting  exact (glibc, fastbins (since glibc 2.27))
  complete    no

Next
  heapscan summary CORE: where the memory went
END

heapscan blocks "$(synth reach)" >out 2>err
is 'reach: a listing finds nothing' "$? $(cat err)" '0 '
same 'reach: each block has its own' out <<'END'
  address   bytes  state   list  reach            arena
  0x1002a0     40  in-use        reachable        main
  0x1002d0     40  in-use        interior         main
  0x100300     40  in-use        end-only         main
  0x100330     40  in-use        leaked-direct    main
  0x100360     40  in-use        leaked-indirect  main
END

heapscan roots --all "$(synth reach)" >out
same 'reach: the roots, and how they meet a block' out <<'END'
  kind    meets  block     from
  stack   end    0x100300  stack of thread 1 at 0x7ffc00008010
  global  start  0x1002a0  data of program+0x2000
END

heapscan bins "$(synth free)" >out
same 'free: each list that holds something' out <<'END'
program, pid 100, signal 6 (SIGABRT), 1 thread
  list       arena  thread  index  chunks from     to  chunks             bytes
  tcache                 1      0           32     32       2     64
  fastbin    main               1           48     48       2     96
  unsorted   main               1           32              1    208
  small-bin  main              20          320    320       1    320
  large-bin  main              98        3,584  4,080       1  4,016    3.9 KiB
END

heapscan leaks "$(synth overrun)" >out 2>err
is 'overrun: damage is not clean' $? 4
like 'overrun: it is told where' out \
	'damaged in 1 place, first at 0x1002b8: size of the chunk makes no sense'

heapscan check "$(synth overrun)" >out
is 'overrun: check finds it' $? 1
