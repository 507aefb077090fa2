/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who damaged the heap?
 *
 * Nothing in a core says who wrote a word; what lies around it hints at it.
 *
 *   a header    is behind the end of the block before.  That block wrote past its
 *               end, most likely; surely when its last bytes and the header look
 *               the same: a text, pointers or a fill that runs on.  A lone zero in
 *               a size's lowest byte is the end of a string, one too long.
 *   a link, a   is inside a free block whose header is whole.  Who came from the
 *   mark        left would have destroyed that first; so somebody used the block
 *               after free(), and perhaps still has the pointer.
 *   twice       on a list: freed twice.
 *
 * Bytes are told as what they look like, never as what they are.
 */
#include "find/damage.h"

enum { TAIL = 32 /* bytes of the block before that are looked at */ };

const char *const look_name[LOOKS] = {
	[LOOK_NONE] = "none",
	[LOOK_ZEROS] = "zeros",
	[LOOK_FILL] = "fill",
	[LOOK_TEXT] = "text",
	[LOOK_POINTERS] = "pointers",
	[LOOK_OTHER] = "other",
};

const char *const writer_name[WRITERS] = {
	[WRITER_UNKNOWN] = "unknown",
	[WRITER_LEFT] = "left",
	[WRITER_LEFT_RUN] = "left-overrun",
	[WRITER_LEFT_BYTE] = "left-off-by-one",
	[WRITER_AFTER_FREE] = "after-free",
	[WRITER_FREE_TWICE] = "freed-twice",
};

static bool
is_text(const unsigned char *at, unsigned n)
{
	while (n > 0 && at[n - 1] == 0)
		n--;
	for (unsigned i = 0; i < n; i++)
		if ((at[i] < 0x20 || at[i] > 0x7e) && at[i] != '\n' && at[i] != '\t')
			return false;
	return n >= 4;
}

static bool
are_pointers(const struct space *space, const unsigned char *at, unsigned n)
{
	unsigned hits = 0;

	for (unsigned i = 0; i + 8 <= n; i += 8) {
		uint64_t word;

		memcpy(&word, at + i, sizeof word);
		hits += space_at(space, word) != NULL;
		if (word != 0 && !space_at(space, word))
			return false;
	}
	return hits > 0;
}

static enum look
look_at(const struct space *space, hs_addr a, unsigned n)
{
	unsigned char at[TAIL];
	unsigned same = 1;

	if (n > TAIL || n == 0 || !space_read(space, a, at, n))
		return LOOK_NONE;
	while (same < n && at[same] == at[0])
		same++;
	if (same == n)
		return at[0] == 0 ? LOOK_ZEROS : LOOK_FILL;
	return is_text(at, n)            ? LOOK_TEXT
	    : are_pointers(space, at, n) ? LOOK_POINTERS
					 : LOOK_OTHER;
}

/* Does what the block before holds at its end go on in the header behind it? */
static bool
runs_on(const struct scene *s, const struct space *space)
{
	unsigned char last, first;

	if (s->written != s->left_tail)
		return false;
	if (s->written == LOOK_TEXT || s->written == LOOK_POINTERS)
		return true;
	return s->written == LOOK_FILL
	    && space_read(space, s->damage->at - 1, &last, 1)
	    && space_read(space, s->damage->at, &first, 1) && last == first;
}

/* Would the size make sense, but for a lowest byte of 0? */
static bool
lost_its_lowest_byte(const struct scene *s, const struct space *space)
{
	uint64_t word,
	    whole = s->chunk.size + s->chunk.span->header
	    - (uint64_t)(int64_t)s->chunk.span->tail;

	return space_word(space, s->damage->at, &word) && word != 0
	    && (word & 0xff) == 0 && word == (whole & ~0xffull);
}

static enum writer
writer_of_header(const struct scene *s, const struct space *space)
{
	if (!s->has_left)
		return WRITER_UNKNOWN;
	if (lost_its_lowest_byte(s, space))
		return WRITER_LEFT_BYTE;
	if (state_is_free(s->left.state))
		return WRITER_AFTER_FREE;
	return runs_on(s, space) ? WRITER_LEFT_RUN : WRITER_LEFT;
}

static enum writer
writer_of(const struct scene *s, const struct space *space)
{
	if (!s->has_chunk)
		return WRITER_UNKNOWN;
	switch (s->damage->kind) {
	case DAMAGE_SIZE:
	case DAMAGE_FLAGS:
	case DAMAGE_TOP: return writer_of_header(s, space);
	case DAMAGE_PREV_SIZE: return WRITER_AFTER_FREE;
	case DAMAGE_TWICE: return WRITER_FREE_TWICE;
	case DAMAGE_LINK:
	case DAMAGE_KEY:
		return state_is_free(s->chunk.state) ? WRITER_AFTER_FREE
						     : WRITER_UNKNOWN;
	case DAMAGE_COUNTER: /* malloc's own block: only its neighbour is near */
	case DAMAGE_ARENA:
	case DAMAGE_HEAP:
	case DAMAGE_MISSING:
	case DAMAGE_KINDS: break;
	}
	return WRITER_UNKNOWN;
}

/* The block whose pointer or end it was: of those who wrote after free, nobody yet. */
static hs_addr
culprit_of(const struct scene *s)
{
	switch (s->writer) {
	case WRITER_LEFT:
	case WRITER_LEFT_RUN:
	case WRITER_LEFT_BYTE: return s->left.address;
	default: return 0;
	}
}

static struct scene
scene_of(const struct heap *heap, const struct damage *d)
{
	struct scene s = { .damage = d };
	const struct block *c = &s.chunk;

	s.written = look_at(heap->space, d->at, 8);
	s.has_chunk = heap_chunk_at(heap, d->at, &s.chunk);
	if (s.has_chunk) {
		hs_addr start = c->address - c->span->header;
		hs_addr end = c->address + c->size - (uint64_t)(int64_t)c->span->tail;

		s.has_left = heap_chunk_at(heap, start - 1, &s.left);
		s.has_right = heap_chunk_at(heap, end, &s.right);
		if (s.has_left)
			s.left_tail = look_at(heap->space, start + 8 - TAIL, TAIL);
	}
	s.writer = writer_of(&s, heap->space);
	s.culprit = culprit_of(&s);
	return s;
}

bool
damage_scenes(struct scenes *to, const struct heap *heap,
    const struct damages *damages, struct hs_error *err)
{
	for (size_t i = 0; i < damages->n; i++)
		vec_push(to, scene_of(heap, &damages->at[i]));
	return !to->broke || fail_nomem(err);
}

/* The free block that somebody wrote to, or freed twice; 0: there is none. */
static hs_addr
victim_of(const struct scene *s)
{
	if (s->writer != WRITER_AFTER_FREE)
		return 0;
	return state_is_free(s->chunk.state) && s->damage->kind != DAMAGE_PREV_SIZE
	    ? s->chunk.address
	    : s->left.address;
}

static int
by_victim(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;

	return x->free < y->free ? -1 : x->free > y->free;
}

bool
damage_suspects(struct suspects *to, const struct scenes *scenes, struct hs_error *err)
{
	for (size_t i = 0; i < scenes->n; i++)
		if (victim_of(&scenes->at[i]))
			vec_push(to,
			    (struct suspect) { .free = victim_of(&scenes->at[i]) });
	vec_sort(to, by_victim);
	return !to->broke || fail_nomem(err);
}

void
damage_accuse(struct scenes *scenes, const struct suspects *suspects)
{
	for (size_t i = 0; i < scenes->n; i++)
		for (size_t k = 0; k < suspects->n; k++)
			if (suspects->at[k].free == victim_of(&scenes->at[i])
			    && suspects->at[k].holder.words) {
				scenes->at[i].holder = suspects->at[k].holder;
				scenes->at[i].culprit = suspects->at[k].holder.block;
			}
}

/* Outside the C library, or behind a system call of it: x86-64's syscall is 0f 05. */
bool
damage_is_doubtful(const struct heap *heap, const struct image *image)
{
	const struct core_thread *regs =
	    image->threads.n == 1 ? image->threads.at[0].regs : NULL;
	const unsigned char *code;

	if (!regs || regs->lost || heap->arenas.n == 0
	    || image_module_at(image, regs->pc)
		!= image_module_at(image, heap->arenas.at[0].address))
		return false;
	code = space_bytes(image->space, regs->pc - 2, 2);
	return !(code && code[0] == 0x0f && code[1] == 0x05);
}

struct tally
damage_untouched(const struct heap *heap, const struct scenes *scenes)
{
	struct tally left = heap->used;
	uint32_t last = UINT32_MAX;

	for (size_t i = 0; i < scenes->n; i++) {
		const struct scene *s = &scenes->at[i];

		if (!s->has_chunk || s->chunk.state != STATE_USED
		    || s->chunk.number == last)
			continue;
		last = s->chunk.number;
		left.count--;
		left.bytes -= s->chunk.size;
	}
	return left;
}
