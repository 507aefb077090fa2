/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kinds of roots.  A kind names the memory that it knows about; where several
 * claim the same bytes, the one with the higher rank has them.
 */
#ifndef ROOT_KINDS_H
#define ROOT_KINDS_H

#include "root/root.h"

enum { NOBODY = UINT32_MAX };

/* Who wins where claims overlap: the heap over all, then what is more exact. */
enum rank {
	RANK_MAPPING, /* whatever is mapped */
	RANK_GLOBAL,  /* a module's data */
	RANK_STACK,   /* dead or alive */
	RANK_TLS,
	RANK_HEAP,
	RANK_DAMAGED, /* parts of the heap that were not understood */
};

struct claim {
	struct range range;
	enum rank rank;
	bool dead; /* no roots here */
	enum root_kind kind;
	uint32_t thread, module; /* as in struct region */
};

struct claims VEC(struct claim);

/* A claim that is nobody's in particular, and alive. */
static inline struct claim
claim_on(struct range r, enum rank rank, enum root_kind kind)
{
	return (struct claim) { r, rank, false, kind, NOBODY, NOBODY };
}

/* Claims that are empty are left out. */
void claims_add(struct claims *to, struct claim c);

struct sources {
	const struct image *image;
	const struct heap *heap;
};

typedef void claim_fn(const struct sources *from, struct claims *to);

/* Ends with NULL.  Registers and dtvs are no ranges: add_registers(), add_dtvs(). */
extern claim_fn *const kinds[];

void claim_stacks(const struct sources *from, struct claims *to);
void claim_tls(const struct sources *from, struct claims *to);
void claim_globals(const struct sources *from, struct claims *to);
void claim_mappings(const struct sources *from, struct claims *to);
void claim_heap(const struct sources *from, struct claims *to);

/* A word was seen at `at` in the last region: when it points at a block, it is a root. */
void root_see(struct roots *to, const struct sources *from, hs_addr at, uint64_t word);

void add_registers(struct roots *to, const struct sources *from);
void add_dtvs(struct roots *to, const struct sources *from);

#endif
