/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dynamic linker's own list of what it loaded: r_debug and link_map, the
 * interface that debuggers have used since SVR4.
 *
 * A list is doubly linked, and we follow it only while each element points
 * back at the one before.  That also keeps us out of loops: an element has
 * one predecessor, so none can come up twice.  Namespaces that dlmopen() made
 * hang off the first r_debug since glibc 2.35 (r_version 2); of older ones
 * only NT_FILE knows.
 */
#include "image/parts.h"

enum {
	LINKS_MOST = 1 << 13, /* libraries; the largest programs have some thousand */
	NAMESPACES_MOST = 256, /* glibc has 16 */
};

/* Fields of both structs, in words of the program. */
enum {
	R_MAP = 1,
	R_NEXT = 5,
	L_ADDR = 0,
	L_NAME,
	L_LD,
	L_NEXT,
	L_PREV,
	L_WORDS,
};

static bool
read_link(const struct space *s, hs_addr map, hs_addr word[L_WORDS])
{
	for (unsigned i = 0; i < L_WORDS; i++)
		if (!space_word(s, map + i * s->core->machine->word, &word[i]))
			return false;
	return true;
}

static void
read_namespace(struct links *links, const struct space *s, hs_addr map, bool first)
{
	hs_addr word[L_WORDS], before = 0;

	while (map && links->n < LINKS_MOST && read_link(s, map, word)
	    && word[L_PREV] == before) {
		vec_push(links,
		    (struct link) { .map = map,
			.bias = word[L_ADDR],
			.name = word[L_NAME],
			.dynamic = word[L_LD],
			.first = first && before == 0 });
		before = map;
		map = word[L_NEXT];
	}
}

bool
links_read(struct links *links, const struct space *s, hs_addr r_debug)
{
	unsigned word = s->core->machine->word;

	for (unsigned i = 0; r_debug && i < NAMESPACES_MOST; i++) {
		uint32_t version;
		hs_addr map, next = 0;

		if (!space_read(s, r_debug, &version, sizeof version) || version == 0
		    || version > 16 || !space_word(s, r_debug + R_MAP * word, &map))
			break;
		read_namespace(links, s, map, i == 0);
		if (version < 2 || !space_word(s, r_debug + R_NEXT * word, &next))
			break;
		r_debug = next;
	}
	return links->n > 0;
}
