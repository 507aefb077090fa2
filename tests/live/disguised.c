/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks that only the C library's own records hold: arguments of exit
 * handlers and of a thread's destructors, the environment, stdio, and two
 * kinds of pointer that do not look like one.
 */
#include <search.h>
#include <setjmp.h>
#include <stdio.h>

#include "live/live.h"

/* Of the C++ ABI: what exit() and a thread's end call for objects. */
extern int __cxa_atexit(void (*f)(void *), void *object, void *library);
extern int __cxa_thread_atexit_impl(void (*f)(void *), void *object, void *library);
extern void *__dso_handle;

void *tree;
jmp_buf jump;

static void
destroy(void *object)
{
	free(object);
}

static void
destroy_at_exit(int status, void *object)
{
	(void)status;
	free(object);
}

static void
hold_by_handlers(void)
{
	for (int i = 0; i < 40; i++) /* 32 fit in the first, static record */
		__cxa_atexit(destroy, reachable(calloc(1, 100 + i)), &__dso_handle);
	on_exit(destroy_at_exit, reachable(calloc(1, 200)));
	__cxa_thread_atexit_impl(destroy, reachable(calloc(1, 300)), &__dso_handle);
	__cxa_thread_atexit_impl(destroy, reachable(calloc(1, 301)), &__dso_handle);
}

static int
by_value(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return x < y ? -1 : x > y;
}

/* Nodes keep their colour in the lowest bit of the pointer to the left one. */
static void
hold_by_tree(void)
{
	for (int i = 0; i < 64; i++) {
		int *key = reachable(calloc(1, 64));

		*key = i * 37 % 64;
		tsearch(key, &tree, by_value);
	}
}

/*
 * void jump_with_rbp(void *p, jmp_buf jump): setjmp() while rbp holds p, as
 * the frame-pointer-less code of an interpreter may have it.  It is stored
 * mangled with a secret of the process.
 */
#ifdef __x86_64__
void jump_with_rbp(void *p, jmp_buf at);
__asm__(".text; jump_with_rbp: push %rbp; mov %rdi, %rbp; mov %rsi, %rdi;"
	"call _setjmp@PLT; pop %rbp; ret; .size jump_with_rbp, . - jump_with_rbp");
#endif

static void
hold_by_jump(void)
{
#ifdef __x86_64__
	jump_with_rbp(reachable(calloc(1, 400)), jump);
#else
	(void)jump;
#endif
}

static void
hold_by_library(void)
{
	char *entry = strcpy(reachable(calloc(1, 20)), "DISGUISED=1");
	FILE *f = fopen("/dev/null", "w");

	putenv(entry);
	setenv("COPIED", "by the library", 1);
	if (f)
		setvbuf(f, reachable(calloc(1, 4096)), _IOFBF, 4096);
	leaked(calloc(1, 500));
}

static void
all(void)
{
	hold_by_handlers();
	hold_by_tree();
	hold_by_jump();
	hold_by_library();
}

int
main(void)
{
	below(all);
	ready();
}
