/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a name on the command line to bytes in memory. */
#ifndef CORE_INPUT_H
#define CORE_INPUT_H

#include "core/core.h"

/*
 * Maps the file at path ("-": standard input), through a temporary file when
 * it is compressed or a pipe.  Fills core->map, .size, .cut and .notes.
 */
bool input_open(struct core *core, const char *path,
    const struct progress *progress, struct hs_error *err) MUST_CHECK;

/* Maps size bytes of the file at fd as core->map and watches them. */
bool input_map(struct core *core, int fd, uint64_t size, struct hs_error *err) MUST_CHECK;

void input_close(struct core *core);

#endif
