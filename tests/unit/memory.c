/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory of a process that never ran. */
#include "unit/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
memory_fini(struct memory *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->at[i].bytes);
	vec_free(m);
}

static void
grow(struct area *a, uint64_t size)
{
	uint64_t more = a->size;

	while (more < size)
		more = more ? 2 * more : MEMORY_PAGE;
	if (more != a->size)
		a->bytes = realloc(a->bytes, more);
	if (!a->bytes)
		abort();
	memset(a->bytes + a->size, 0, more - a->size);
	a->size = more;
}
