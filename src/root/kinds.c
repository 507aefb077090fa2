/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kinds of roots, and their names. */
#include "root/kinds.h"

const char *const root_kind_name[ROOT_KINDS] = {
	[ROOT_REGISTER] = "register",
	[ROOT_STACK] = "stack",
	[ROOT_SIGNAL_STACK] = "other-stack",
	[ROOT_TLS] = "thread-local",
	[ROOT_DTV] = "dtv",
	[ROOT_GLOBAL] = "global",
	[ROOT_MAPPING] = "mapping",
	[ROOT_DAMAGED] = "damaged-heap",
};

claim_fn *const kinds[] = {
	claim_stacks,
	claim_tls,
	claim_globals,
	claim_mappings,
	claim_heap,
	NULL,
};
