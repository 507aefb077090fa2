/* SPDX-License-Identifier: GPL-3.0-or-later */
/* synth FILE.heap: writes the core of the world that FILE tells to standard output. */
#include "unit/world.h"

#include <stdio.h>

/* All of the file, or NULL. */
static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	struct VEC(char) text = { .n = 0 };
	int c;

	if (!f)
		return NULL;
	while ((c = fgetc(f)) != EOF)
		vec_push(&text, (char)c);
	vec_push(&text, '\0');
	fclose(f);
	return text.at;
}

int
main(int argc, char **argv)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	autofree char *text = argc == 2 ? read_file(argv[1]) : NULL;

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
