/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bits of a word. */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdint.h>
#include <string.h>

/* How many are set: by sums of halves, since baseline x86-64 has no instruction for it. */
static inline uint32_t
count_bits(uint64_t w)
{
	w -= w >> 1 & 0x5555555555555555;
	w = (w & 0x3333333333333333) + (w >> 2 & 0x3333333333333333);
	w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (uint32_t)(w * 0x0101010101010101 >> 56);
}

/* A little-endian word of 4 or 8 bytes. */
static inline uint64_t
word_from(const unsigned char *at, unsigned bytes)
{
	uint64_t wide;
	uint32_t narrow;

	if (bytes == sizeof wide) {
		memcpy(&wide, at, sizeof wide);
		return wide;
	}
	memcpy(&narrow, at, sizeof narrow);
	return narrow;
}

#endif
