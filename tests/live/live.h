/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the programs to be frozen share.
 *
 * "Nothing points to it" must be true to the word, or a test of leaks tests
 * chance.  So code that leaks runs below() its caller, deep down the stack,
 * and what it left there and in registers is wiped before anyone looks.
 *
 * Blocks that live on are made with calloc(): what malloc() returns may still
 * hold links of the free list it comes from.  Variables that hold blocks are
 * not static: a compiler leaves out stores to one that nobody reads.
 */
#ifndef LIVE_LIVE_H
#define LIVE_LIVE_H

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/mark.h"

#define NOINLINE __attribute__((noinline, unused))
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/*
 * Registers that a function may change without saving them.  Those that it
 * must save have the caller's values again when it returns.  XRSTOR with a
 * blank area resets SSE, AVX and AVX-512 state; FXRSTOR does for SSE.
 */
static NOINLINE void
clear_registers(void)
{
#ifdef __x86_64__
	static const struct {
		uint16_t control; /* of the x87 unit */
		uint8_t unused[22];
		uint32_t mxcsr;
		uint8_t blank[4068];
	} reset __attribute__((aligned(64))) = { .control = 0x37f, .mxcsr = 0x1f80 };

	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("xrstor %0" : : "m"(reset), "a"(0xe6), "d"(0));
	else
		__asm__ volatile("fxrstor %0" : : "m"(reset));
	__asm__ volatile(
	    "xor %%eax, %%eax; xor %%ecx, %%ecx; xor %%edx, %%edx; xor %%esi, %%esi;"
	    "xor %%edi, %%edi; xor %%r8d, %%r8d; xor %%r9d, %%r9d; xor %%r10d, %%r10d;"
	    "xor %%r11d, %%r11d"
	    :
	    :
	    : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc");
#elif defined(__aarch64__)
	__asm__ volatile("mov x0, xzr; mov x1, xzr; mov x2, xzr; mov x3, xzr; mov x4, xzr;"
			 "mov x5, xzr; mov x6, xzr; mov x7, xzr; mov x8, xzr; mov x9, xzr;"
			 "mov x10, xzr; mov x11, xzr; mov x12, xzr; mov x13, xzr; mov x14, xzr;"
			 "mov x15, xzr; mov x16, xzr; mov x17, xzr;"
			 "fmov d0, xzr; fmov d1, xzr; fmov d2, xzr; fmov d3, xzr;"
			 "fmov d4, xzr; fmov d5, xzr; fmov d6, xzr; fmov d7, xzr"
			 :
			 :
			 : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8",
			 "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
			 "x17", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7");
#endif
}

static NOINLINE void
wipe(void)
{
	volatile char stack[128 << 10];

	for (size_t i = 0; i < sizeof stack; i++)
		stack[i] = 0;
	clear_registers();
}

static NOINLINE void
deeper(void (*f)(void))
{
	char gap[16 << 10];

	__asm__ volatile("" : : "r"(gap) : "memory"); /* else clang drops it */
	f();
	__asm__ volatile("" : : "r"(gap) : "memory"); /* so this is no tail call */
}

/* Runs f where nobody's frame will be later, and wipes what it leaves behind. */
static NOINLINE void
below(void (*f)(void))
{
	deeper(f);
	wipe();
}

/* Waits to be frozen. */
static NOINLINE void
wait_forever(void)
{
	for (;;) {
		clear_registers();
		pause();
	}
}

/* Says that the moment has come. */
static NOINLINE void
ready(void)
{
	if (recorder_ready)
		recorder_ready();
	wait_forever();
}

/* Runs f in a thread; returns when the thread has called arrived(). */
static pthread_barrier_t arrival;

static NOINLINE pthread_t
with_thread(void *(*f)(void *), void *arg)
{
	pthread_t thread;

	pthread_barrier_init(&arrival, NULL, 2);
	if (pthread_create(&thread, NULL, f, arg))
		abort();
	pthread_barrier_wait(&arrival);
	return thread;
}

static NOINLINE void
arrived(void)
{
	pthread_barrier_wait(&arrival);
}

#endif
