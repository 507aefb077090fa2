/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worlds of fixtures/synth: each says itself what is true of it. */
#include "unit/check.h"
#include "unit/world.h"

#include <glob.h>

static void
worlds_are_as_they_say(void)
{
	const char *source = getenv("SRCDIR");
	char pattern[4096];
	glob_t found;

	snprintf(pattern, sizeof pattern, "%s/fixtures/synth/*.heap",
	    source ? source : ".");
	if (glob(pattern, 0, NULL, &found) != 0)
		SKIP("fixtures/synth is not there: SRCDIR says where to look");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		autofree char *text = world_text(found.gl_pathv[i]);

		printf("# %s\n", found.gl_pathv[i]);
		CHECK(text && world_is_so(text));
	}
	globfree(&found);
}

TESTS(worlds_are_as_they_say)
