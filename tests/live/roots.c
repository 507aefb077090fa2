/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One block behind each plain kind of root, of the main thread and of another. */
#include <sys/mman.h>

#include "live/live.h"

void *in_bss, *in_data = &in_bss;
__thread void *in_tls[2];
__thread char big_tls[5000];
static pthread_key_t keys[80];

static void
hold_in_thread(void)
{
	in_tls[0] = reachable(calloc(1, 100));
	in_tls[1] = reachable(calloc(1, 200));
	big_tls[7] = 1;
	/* the first 32 lie in the thread's descriptor, the others in a block */
	for (size_t i = 0; i < COUNT(keys); i += 13)
		pthread_setspecific(keys[i], reachable(calloc(1, 300 + i)));
	leaked(calloc(1, 50));
}

/* A frame that is live holds its blocks. */
static NOINLINE void
frames(int depth, void (*then)(void))
{
	void *volatile held = reachable(calloc(1, 80 + depth));
	struct {
		char pad[100];
		void *p;
	} volatile deep = { .p = reachable(calloc(1, 500 + depth)) };

	if (depth > 0)
		frames(depth - 1, then);
	else
		then();
	(void)held;
	(void)deep.p;
}

static void
arrive_and_wait(void)
{
	below(hold_in_thread);
	arrived();
	wait_forever();
}

static void *
stay(void *unused)
{
	(void)unused;
	frames(10, arrive_and_wait);
	return NULL;
}

/*
 * A thread whose registers alone hold two blocks: it waits in a loop of system
 * calls that touches neither r12 nor xmm7, and nothing else keeps the addresses.
 */
static uintptr_t hidden[2];
static volatile int in_registers;

static void
hide(void)
{
	hidden[0] = ~(uintptr_t)reachable(calloc(1, 1000));
	hidden[1] = ~(uintptr_t)reachable(calloc(1, 1100));
}

static void *
hold_in_registers(void *unused)
{
	(void)unused;
	arrived();
#ifdef __x86_64__
	__asm__ volatile("mov %1, %%r12; not %%r12; mov %2, %%rax; not %%rax; movq %%rax, %%xmm7;"
			 "movl $1, %0; 1: mov $34, %%eax; syscall; jmp 1b" /* pause() */
			 : "=m"(in_registers)
			 : "m"(hidden[0]), "m"(hidden[1])
			 : "rax", "rcx", "r11", "r12", "xmm7", "memory");
#else
	in_tls[0] = (void *)~hidden[0];
	in_tls[1] = (void *)~hidden[1];
	in_registers = 1;
	wait_forever();
#endif
	return NULL;
}

static void
hold_elsewhere(void)
{
	void **page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	in_bss = reachable(calloc(1, 40));
	in_data = reachable(calloc(1, 41));
	page[100000] = reachable(calloc(1, 42));
	hide();
}

static void
main_arrives(void)
{
	below(hold_in_thread);
	below(hold_elsewhere);
	with_thread(stay, NULL);
	with_thread(hold_in_registers, NULL);
	while (!in_registers)
		usleep(1000);
	ready();
}

int
main(void)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		pthread_key_create(&keys[i], NULL);
	frames(10, main_arrives);
}
