/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * While blocks are marked, their bytes of reach say what is still to be done:
 *
 *	waits | end links | interior links | not judged | enum reach
 *	  7         6             5              4        3 ... 0
 *
 * "Links" are such as only a later pass follows (graph/mark.c).
 */
#ifndef GRAPH_MARKS_H
#define GRAPH_MARKS_H

#include "graph/graph.h"

#include <string.h>

enum {
	MARK_WAITS = 1 << 7, /* its links were not followed yet */
	MARK_NOT_JUDGED = 1 << 4,
	MARK_REACH = 15, /* the bits of enum reach */
	MARK_GROUP = EDGES_GROUP, /* marks come in full groups: the last ones are REACH_NONE */
};

static inline unsigned char
mark_for(enum reach pass)
{
	return (unsigned char)(1 << (4 + pass));
}

/* Has any of a group's blocks this bit? */
static inline bool
marks_any(const unsigned char *group, unsigned char bit)
{
	uint64_t word[MARK_GROUP / 8], any = 0;

	memcpy(word, group, sizeof word);
	for (unsigned i = 0; i < MARK_GROUP / 8; i++)
		any |= word[i];
	return any & bit * UINT64_C(0x0101010101010101);
}

/* The first block of [from, to) that has this bit, or `to`. */
static inline uint64_t
marks_next(const unsigned char *reach, unsigned char bit, uint64_t from, uint64_t to)
{
	while (from < to && !(reach[from] & bit))
		from += from % MARK_GROUP == 0 && !marks_any(reach + from, bit)
		    ? MARK_GROUP
		    : 1;
	return from < to ? from : to;
}

/* How many in full groups [from, to) have this bit. */
static inline uint32_t
marks_count(const unsigned char *reach, unsigned char bit, uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	for (; from < to; from++)
		n += (reach[from] & bit) != 0;
	return n;
}

#endif
