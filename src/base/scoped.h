/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attributes: locals that clean up after themselves, results to be checked. */
#ifndef BASE_SCOPED_H
#define BASE_SCOPED_H

#include <stdlib.h>
#include <unistd.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define UNUSED __attribute__((unused))

/* A local for which fini(&local) runs at the end of its scope. */
#define scoped(fini) __attribute__((cleanup(fini)))

static inline void
autofree_run(void *at)
{
	free(*(void **)at);
}

static inline void
autoclose_run(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* A local pointer that is freed, a local descriptor that is closed. */
#define autofree scoped(autofree_run)
#define autoclose scoped(autoclose_run)

/* The value of *at, which becomes NULL: ownership goes to the caller. */
#define take(at)                            \
	({                                  \
		__auto_type taken_ = *(at); \
		*(at) = NULL;               \
		taken_;                     \
	})

#endif
