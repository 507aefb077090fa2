/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one part of vectors that is not a macro. */
#include "base/vec.h"

#include <stdint.h>
#include <string.h>

bool
vec_grow_(void *at, size_t each, size_t *max, bool *broke)
{
	size_t more = *max ? *max + *max / 2 + 1 : 8;
	void *old, *new;

	memcpy(&old, at, sizeof old);
	new = more > SIZE_MAX / each ? NULL : realloc(old, more * each);
	if (!new) {
		*broke = true;
		return false;
	}
	memcpy(at, &new, sizeof new);
	*max = more;
	return true;
}
