/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a test program says of its own blocks, for the recorder to write down.
 * Without the recorder preloaded all of this does nothing.
 */
#ifndef RECORD_MARK_H
#define RECORD_MARK_H

enum mark {
	MARK_NONE,
	MARK_LEAKED,    /* nothing that the program can read leads to it */
	MARK_INDIRECT,  /* leaked, and another leaked block points to its start */
	MARK_INTERIOR,  /* only pointers into its middle lead to it */
	MARK_REACHABLE, /* a chain of pointers to starts leads to it */
	MARK_ANY,       /* the program says beside it why nobody can tell */
};

/*
 * Weak, so that programs link without the recorder.  Build programs at a fixed
 * address with -mno-direct-extern-access -Wl,-z,dynamic-undefined-weak, or the
 * linker makes both 0 for good.
 */
void recorder_mark(void *p, enum mark mark) __attribute__((weak));
void recorder_ready(void) __attribute__((weak));

static inline void *
mark(void *p, enum mark mark)
{
	if (recorder_mark)
		recorder_mark(p, mark);
	return p;
}

static inline void *
leaked(void *p)
{
	return mark(p, MARK_LEAKED);
}

static inline void *
indirect(void *p)
{
	return mark(p, MARK_INDIRECT);
}

static inline void *
interior(void *p)
{
	return mark(p, MARK_INTERIOR);
}

static inline void *
reachable(void *p)
{
	return mark(p, MARK_REACHABLE);
}

static inline void *
any(void *p)
{
	return mark(p, MARK_ANY);
}

#endif
