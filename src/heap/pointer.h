/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a word says about a block: for those that scan memory for pointers. */
#ifndef HEAP_POINTER_H
#define HEAP_POINTER_H

#include "heap/heap.h"

/* PTR_MANGLE of glibc on x86-64 rotates left so far, after the XOR with a guard. */
enum { POINTER_ROTATION = 17 };

static inline uint64_t
pointer_demangle(uint64_t word, uint64_t guard)
{
	return (word >> POINTER_ROTATION | word << (64 - POINTER_ROTATION)) ^ guard;
}

/* A word that is no pointer fails this at the cost of a compare or two. */
static inline bool
pointer_likely(const struct heap *h, uint64_t word)
{
	if (word - h->bounds.start > range_size(h->bounds))
		return false; /* most words: zero, small numbers, text */
	for (size_t i = 0; i < h->zones.n; i++) {
		struct range r = h->zones.at[i].range;

		if (word - r.start <= range_size(r)) /* one past the end is one, too */
			return true;
	}
	return false;
}

/*
 * As heap_meet(), but an interior pointer of a kind that programs are known to
 * keep instead of one to the start is MEET_START.  Memcheck's names for them:
 *
 *	stdstring            the characters behind a reference-counted string's head
 *	length64             what follows a block's own length, kept in its first word
 *	newarray             the elements behind the count that new[] keeps
 *	multipleinheritance  a base class inside an object: both begin with vtables
 *
 * In a process with CPython's pymalloc also objects behind what CPython keeps before
 * them (Modules/gcmodule.c of 3.11, gc_alloc()).
 */
enum meet pointer_meet(const struct heap *h, const struct image *image,
    uint64_t word, uint64_t *number);

/* Is an interior pointer of such a kind?  False, too, when it is none. */
bool pointer_is_start(const struct heap *h, const struct image *image, uint64_t word);

/* Could this word be a program counter that PTR_MANGLE hides?  Next to none else is. */
static inline bool
pointer_may_be_pc(const struct image *image, uint64_t word)
{
	return (pointer_demangle(word, image->pointer_guard) >> 47) == 0;
}

/*
 * Offsets in a jmp_buf of glibc on x86-64, the one machine on which it hides a frame
 * pointer: rbx, rbp, r12 to r15, rsp, pc; and its size.
 */
enum { JMP_RBP = 8, JMP_RSP = 48, JMP_PC = 56, JMP_BUF = 200 };

/*
 * A saved frame pointer: when the words at `at` are a jmp_buf, *frame is its
 * rbp, which PTR_MANGLE hides from a scan.  pc is the word at at + JMP_PC, for
 * which pointer_may_be_pc().
 */
bool pointer_in_jmp_buf(const struct image *image, hs_addr at, uint64_t pc,
    uint64_t *frame);

#endif
