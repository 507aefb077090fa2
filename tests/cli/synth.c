/* SPDX-License-Identifier: GPL-3.0-or-later */
/* synth FILE.heap: writes the core of the world that FILE tells to standard output. */
#include "unit/world.h"

#include <stdio.h>

int
main(int argc, char **argv)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	autofree char *text = argc == 2 ? world_text(argv[1]) : NULL;

	if (!text) {
		fprintf(stderr, "usage: synth FILE.heap >CORE\n");
		return 2;
	}
	world_write(&w, text);
	world_freeze(&w);
	return fwrite(w.core.image.at, 1, w.core.image.n, stdout) == w.core.image.n
		&& fflush(stdout) == 0
	    ? 0
	    : 1;
}
