/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the memory of a process.
 *
 * It comes through a call-back that may be a system call or a packet to the
 * other end of the world.  So it is asked for large chunks as long as that
 * works, and for smaller ones down to a page where it does not.
 *
 * What can be mapped is not always to be read.  glibc 2.42 guards stacks by
 * making pages of them unreadable (MADV_GUARD_INSTALL): the neighbours are in
 * the same mapping, and are read.  A kernel's core has zeros for such pages,
 * and so have we.  But where nothing of a mapping is to be read, or nothing
 * for long, zeros would be a lie: from there on it is missing.
 *
 * What was never touched is zeros, and there is much of it: a thousand threads
 * have 8 GB of stacks.  Where it can be told it is not read: it would not only
 * take long, the kernel would also make page tables for it in the process.
 *
 * A process may end while it is read, and then all the rest seems unreadable.
 * So what could be read at first is asked for once more when all is done.
 */
#include "core/copy.h"

#include <inttypes.h>

enum {
	CHUNK = 1 << 18,           /* bytes to ask for at once, at most */
	UNREADABLE_MOST = 1 << 20, /* bytes in a row that may be zeros */
};

struct reading {
	hs_addr at, end; /* what is left of a mapping */
	uint64_t chunk; /* bytes to ask for next: a power of two, a page at least */
	bool any;       /* something of it could be read */
	uint64_t failed; /* bytes that could not be read since something could */
	hs_addr bad;     /* where they begin */
};

void
copying_fini(struct copying *c)
{
	spool_close(&c->to);
	vec_free(&c->places);
}

/* Past r->at when there are but zeros up to there. */
static hs_addr
next_touched(const struct copying *c, const struct segment *s, const struct reading *r)
{
	hs_addr a;

	if (!(s->flags & COPY_TOUCHED) || !c->from->touched)
		return r->at;
	a = c->from->touched(c->from->arg, r->at, r->end);
	return a < r->end ? align_down(a, c->page) : r->end;
}

/* Leaves zeros up to `to`. */
static bool
pass(struct copying *c, struct reading *r, hs_addr to, struct hs_error *err)
{
	uint64_t n = to - r->at;

	r->at = to;
	return spool_skip(&c->to, n, err);
}

static bool
pass_page(struct copying *c, struct reading *r, struct hs_error *err)
{
	uint64_t n = c->page - r->at % c->page;

	if (n > r->end - r->at)
		n = r->end - r->at;
	if (r->failed == 0)
		r->bad = r->at;
	r->failed += n;
	return pass(c, r, r->at + n, err);
}

static bool
read_some(struct copying *c, struct reading *r, struct hs_error *err)
{
	size_t room, got;
	unsigned char *to = spool_room(&c->to, &room);

	if (room > r->chunk)
		room = r->chunk;
	if (room > r->end - r->at)
		room = r->end - r->at;
	got = target_read(c->from, r->at, to, room);
	if (got == 0 && r->chunk > c->page) {
		r->chunk /= 2;
		return true;
	}
	if (got == 0)
		return pass_page(c, r, err);
	r->any = true;
	r->failed = 0;
	r->at += got;
	r->chunk *= r->chunk < CHUNK ? 2 : 1;
	return spool_took(&c->to, got, err);
}

/* What the segment has, now that it was read as far as it goes. */
static void
settle(struct copying *c, struct segment *s, const struct reading *r)
{
	bool lost = r->failed > UNREADABLE_MOST || (r->failed > 0 && !r->any);
	uint64_t have = (lost ? r->bad : r->at) - s->range.start;

	if (s->flags & COPY_COURTESY)
		s->promised = have;
	if (have < s->promised)
		lines_add(&c->core->notes,
		    "%" PRIu64 " bytes of memory at 0x%" PRIx64 " could not be read",
		    s->promised - have, s->range.start + have);
	s->have = have;
	s->flags &= PF_R | PF_W | PF_X;
}

static bool
copy_segment(struct copying *c, struct segment *s, struct hs_error *err)
{
	uint64_t all = s->promised, size = spool_size(&c->to);
	struct reading r = { .at = s->range.start,
		.end = s->range.start + all,
		.chunk = CHUNK };

	if (all > 0 && !spool_skip(&c->to, align_up(size, c->page) - size, err))
		return false;
	vec_push(&c->places, spool_size(&c->to));
	while (r.at < r.end && r.failed <= UNREADABLE_MOST) {
		if (!progress_bytes(c->progress, COPY_STAGE,
			c->done + (r.at - s->range.start), c->all, err))
			return false;
		hs_addr touched = next_touched(c, s, &r);
		if (!(touched > r.at ? pass(c, &r, touched, err)
				     : read_some(c, &r, err)))
			return false;
	}
	settle(c, s, &r);
	c->done += all;
	return true;
}

/* Is the process there, still? */
static bool
is_there(const struct copying *c, struct hs_error *err)
{
	unsigned char byte;

	return target_read(c->from, c->proof, &byte, 1) > 0
	    || fail(err, "its memory cannot be read any more: has it ended?");
}

bool
memory_copy(struct copying *c, struct hs_error *err)
{
	struct core *core = c->core;

	for (size_t i = 0; i < core->segments.n; i++)
		c->all += core->segments.at[i].promised;
	for (size_t i = 0; i < core->segments.n; i++)
		if (!copy_segment(c, &core->segments.at[i], err))
			return false;
	return is_there(c, err) && (!c->places.broke || fail_nomem(err))
	    && spool_finish(&c->to, err);
}
