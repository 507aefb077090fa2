/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lies at an address.
 *
 * Each layer is asked in turn and the first that knows answers; the order is
 * from the most particular to the least.
 */
#include "cmd/address.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/fault.h"

typedef bool layer_fn(struct hs_scan *s, hs_addr a, struct answer *to);

static void answer(struct answer *to, const char *kind, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void
answer(struct answer *to, const char *kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(to->what, sizeof to->what, fmt, ap);
	va_end(ap);
	to->place.kind = kind;
	to->is[AT_KIND] = value_word(kind);
	to->is[AT_WHAT] = value_text(to->what);
}

/* A block in use ends in what glibc counts to the next chunk: its first word. */
static bool
find_chunk(const struct heap *heap, hs_addr a, struct block *b)
{
	struct block before;

	if (!heap_chunk_at(heap, a, b))
		return false;
	if (heap_chunk_at(heap, b->address - b->span->header - 1, &before)
	    && before.state == STATE_USED && a - before.address < before.size)
		*b = before;
	return true;
}

/* A block in use, a free chunk, the top: the heap's own bytes. */
static bool
at_chunk(struct hs_scan *s, hs_addr a, struct answer *to)
{
	struct block b;

	if (!find_chunk(&s->heap, a, &b))
		return false;
	bool used = b.state == STATE_USED, chunk = used || state_is_free(b.state);
	bool header = a < b.address;
	const char *noun = used ? "block"
	    : chunk             ? "free chunk"
				: "chunk of its own";
	const char *kind = used ? "block"
	    : chunk             ? "free-chunk"
				: "malloc-internal";

	if (header)
		answer(to, kind, "malloc's header, %llu bytes before a %s",
		    (unsigned long long)(b.address - a), noun);
	else if (chunk && a == b.address)
		answer(to, kind, "the start of a %s", noun);
	else if (chunk)
		answer(to, kind, "%llu bytes into a %s",
		    (unsigned long long)(a - b.address), noun);
	else if (b.state == STATE_TOP)
		answer(to, kind, "the rest of an arena, never handed out");
	else
		answer(to, kind, "malloc's own: no block of the program");
	if (used && !header) {
		to->place.block = b.address;
		to->place.size = b.size;
	}
	if (chunk && !header)
		to->is[AT_OFFSET] = value_count(a - b.address);
	to->is[AT_BLOCK] = value_addr(b.address);
	to->is[AT_SIZE] = value_bytes(b.size);
	to->is[AT_STATE] = value_word(state_name[b.state]);
	if (used && s->done >= SCAN_GRAPH)
		to->is[AT_REACH] = value_word(reach_name[s->graph.reach[b.number]]);
	to->is[AT_ARENA] = value_word(arena_name(to->arena, &s->heap, b.span->arena));
	return true;
}

static bool
at_owned(struct hs_scan *s, hs_addr a, struct answer *to)
{
	if (!range_holding(s->heap.owned.at, s->heap.owned.n, a))
		return false;
	answer(to, "malloc-internal", "malloc's own state");
	return true;
}

static void
place_values(struct answer *to, const struct place *p)
{
	to->is[AT_MODULE] = value_text(p->module->name);
	if (p->symbol)
		to->is[AT_SYMBOL] = value_text(p->symbol);
	to->is[AT_OFFSET] = value_count(p->offset);
}

static bool
at_tls(struct hs_scan *s, hs_addr a, struct answer *to)
{
	for (size_t i = 0; i < s->image.threads.n; i++) {
		const struct thread *t = &s->image.threads.at[i];
		struct place p;

		if (!t->descriptor || !image_tls_place(&s->image, t->tp, a, &p))
			continue;
		answer(to, "tls", "%s+0x%llx, thread-local in %s, of thread %u",
		    p.symbol ? p.symbol : "byte", (unsigned long long)p.offset,
		    p.module->name, t->number);
		place_values(to, &p);
		to->is[AT_THREAD] = value_count(t->number);
		return true;
	}
	return false;
}

static bool
at_stack(struct hs_scan *s, hs_addr a, struct answer *to)
{
	for (size_t i = 0; i < s->image.threads.n; i++) {
		const struct thread *t = &s->image.threads.at[i];
		bool live = range_has(t->live, a), other = range_has(t->other, a);

		if (!live && !other && !range_has(t->stack, a))
			continue;
		if (live || other)
			answer(to, other ? "signal-stack" : "stack",
			    "%s of thread %u, in use",
			    other ? "another stack" : "the stack", t->number);
		else
			answer(to, "dead-stack",
			    "the stack of thread %u, below what is in use", t->number);
		to->is[AT_THREAD] = value_count(t->number);
		return true;
	}
	return false;
}

static bool
at_spare_stack(struct hs_scan *s, hs_addr a, struct answer *to)
{
	for (size_t i = 0; i < s->image.spares.n; i++)
		if (range_has(s->image.spares.at[i].stack, a)) {
			answer(to, "spare-stack",
			    "a stack that the C library keeps for threads to come");
			return true;
		}
	return false;
}

static bool
at_module(struct hs_scan *s, hs_addr a, struct answer *to)
{
	struct place p;

	if (!image_place(&s->image, a, &p))
		return false;
	if (p.symbol)
		answer(to, "module", "%s+0x%llx in %s", p.symbol,
		    (unsigned long long)p.offset, p.module->name);
	else
		answer(to, "module", "%s+0x%llx", p.module->name,
		    (unsigned long long)p.offset);
	place_values(to, &p);
	return true;
}

/* The last part of a recorded path: the rest is nobody's business. */
static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool
at_mapping(struct hs_scan *s, hs_addr a, struct answer *to)
{
	const struct piece *p = space_at(&s->space, a);

	if (!p)
		return false;
	if (p->file) {
		uint64_t offset = p->file->offset + (a - p->file->range.start);

		answer(to, "mapped-file", "%s, mapped at offset 0x%llx",
		    last_part(p->file->path), (unsigned long long)offset);
	} else if (p->flags == 0) {
		answer(to, "reserved", "reserved addresses, not to be touched");
	} else {
		answer(to, "anonymous", "an anonymous mapping");
	}
	return true;
}

/* How the page could be used, and whether we know what it held. */
static void
at_piece(struct hs_scan *s, hs_addr a, struct answer *to)
{
	/* PF_X, PF_W and PF_R are bits 0, 1 and 2. */
	static const char *const access[] = { "none", "x", "w", "wx", "r", "rx",
		"rw", "rwx" };
	static const char *const source[] = {
		[SOURCE_CORE] = "in-core",
		[SOURCE_FILE] = "in-file",
		[SOURCE_NOWHERE] = "missing",
	};
	const struct piece *p = space_at(&s->space, a);

	if (!p)
		return;
	to->is[AT_ACCESS] = value_word(access[p->flags & (PF_R | PF_W | PF_X)]);
	to->is[AT_SOURCE] = value_word(source[p->source]);
}

/* From the most particular to the least. */
static layer_fn *const layers[] = {
	at_chunk,
	at_owned,
	at_tls,
	at_stack,
	at_spare_stack,
	at_module,
	at_mapping,
};

void
address_ask(struct hs_scan *s, hs_addr a, struct answer *to)
{
	answer(to, "unmapped", "nothing: no memory was there");
	to->is[AT_ADDRESS] = value_addr(a);
	for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
		if (layers[i](s, a, to))
			break;
	at_piece(s, a, to);
}

int
hs_at(struct hs_scan *s, hs_addr a, struct hs_place *place, struct hs_error *err)
{
	struct answer to = { .place = { .kind = NULL } };

	fault_guard();
	bool ok = scan_blocks(s, err);
	if (ok)
		address_ask(s, a, &to);
	ok = ok && scan_sound(s, err);
	fault_release();
	if (!ok)
		return err->status;
	*place = to.place;
	return HS_CLEAN;
}
