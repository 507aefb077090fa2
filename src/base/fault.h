/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mapped files that shrink, or whose disk fails, while we read them.
 *
 * Reading such a page raises SIGBUS.  Between fault_guard() and
 * fault_release() a page of a watched mapping that fails is replaced by
 * zeros, so that the reader goes on, and remembered, so that nobody believes
 * what it read.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Handle SIGBUS from here on; calls nest. */
void fault_guard(void);

/* The last one restores the handler that was there before. */
void fault_release(void);

/* Watch size bytes at map until fault_unwatch(map).  False when memory ran out. */
bool fault_watch(const void *map, size_t size);

/* To be called before map is unmapped; one that is not watched is fine. */
void fault_unwatch(const void *map);

/* Did a page of the watched map fail?  Then *offset is where it did first. */
bool fault_met(const void *map, uint64_t *offset);

#endif
