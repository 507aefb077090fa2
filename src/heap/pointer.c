/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pointers that do not look like one to a block's start, and are as good. */
#include "heap/pointer.h"

enum {
	STRING_HEAD = 3, /* words: length, capacity, count of references: libstdc++'s old string */
	LENGTH = 8,       /* bytes, on every machine */
	OBJECT_HEAD = 64, /* bytes before an object of CPython's, at most */
	TYPES = 5, /* an object, its type, some metaclasses, the type of types */
	SLACK = 32, /* bytes by which a block may be larger than what was asked for */
};

/*
 * Bytes below which a block's size less the request stays.  glibc rounds up to 16
 * and adds what is left of a chunk when that is too little for another; a
 * mapping ends where its page does.
 */
static uint64_t
slack(const struct heap *h, const struct block *b)
{
	uint64_t page;

	return b->span->mapped && core_auxv(h->space->core, AT_PAGESZ, &page)
	    ? SLACK + page
	    : SLACK;
}

static bool
is_string(const struct heap *h, const struct block *b)
{
	unsigned word = heap_word(h), bytes = STRING_HEAD * word;
	uint64_t length, capacity;
	unsigned char end;

	/* it asks for the head, the capacity and a NUL; an empty one is not on the heap */
	return b->size > bytes && space_word(h->space, b->address, &length)
	    && space_word(h->space, b->address + word, &capacity) && length <= capacity
	    && capacity > 0 && b->size - bytes - 1 - capacity < slack(h, b)
	    && space_read(h->space, b->address + bytes + length, &end, 1) && end == 0;
}

static bool
is_length(const struct heap *h, const struct block *b)
{
	uint64_t length;

	return b->size > LENGTH && space_read(h->space, b->address, &length, LENGTH)
	    && length > 0 && b->size - LENGTH - length < slack(h, b);
}

/* Elements of one size fill what some request that fits this block left. */
static bool
is_array(const struct heap *h, const struct block *b)
{
	uint64_t count, left = b->size - heap_word(h);

	return space_word(h->space, b->address, &count) && count > 0
	    && count <= left && left % count < slack(h, b);
}

static bool
is_vtable(const struct heap *h, const struct image *image, uint64_t v, uint64_t head[2])
{
	unsigned word = heap_word(h);

	return v % word == 0 && image_module_at(image, v)
	    && space_word(h->space, v - 2 * word, &head[0])
	    && space_word(h->space, v - word, &head[1]);
}

/* Both vtables name the same class; the inner one knows how far in it is. */
static bool
is_base(const struct heap *h, const struct image *image, const struct block *b,
    uint64_t offset)
{
	uint64_t outer, inner, a[2], c[2];
	uint64_t back = h->short_words ? (uint32_t)-offset : -offset;

	return space_word(h->space, b->address, &outer)
	    && space_word(h->space, b->address + offset, &inner)
	    && is_vtable(h, image, outer, a) && is_vtable(h, image, inner, c)
	    && a[0] == 0 && c[0] == back && a[1] == c[1];
}

/* The type of a Python object: the word behind its count of references. */
static bool
type_of(const struct heap *h, hs_addr object, hs_addr *type)
{
	return space_word(h->space, object + 8, type) && *type != 0 && *type % 8 == 0;
}

/*
 * A Python object behind the links of the collector of garbage (16 bytes), and maybe
 * its dictionary and weak references (16 more), or a debugger's head (16, again).  The type
 * of types, which is its own type, is at the end of a chain of three.
 */
static bool
is_object(const struct heap *h, const struct block *b, uint64_t offset)
{
	hs_addr at = b->address + offset;

	for (unsigned i = 0; i < TYPES; i++) {
		hs_addr type;

		if (!type_of(h, at, &type))
			return false;
		if (type == at)
			return i > 0;
		at = type;
	}
	return false;
}

static bool
is_recognised(const struct heap *h, const struct image *image,
    const struct block *b, uint64_t offset)
{
	unsigned word = heap_word(h);

	if (offset % word != 0)
		return false;
	if (h->inner && offset <= OBJECT_HEAD && offset % 16 == 0
	    && is_object(h, b, offset))
		return true;
	return (offset == STRING_HEAD * word && is_string(h, b))
	    || (offset == LENGTH && is_length(h, b))
	    || (offset == word && is_array(h, b)) || is_base(h, image, b, offset);
}

bool
pointer_is_start(const struct heap *h, const struct image *image, uint64_t word)
{
	struct block b;

	return heap_chunk_at(h, word, &b) && word > b.address
	    && is_recognised(h, image, &b, word - b.address);
}

enum meet
pointer_meet(const struct heap *h, const struct image *image, uint64_t word,
    uint64_t *number)
{
	enum meet m = heap_meet(h, word, number);

	return m == MEET_INTERIOR && pointer_is_start(h, image, word) ? MEET_START : m;
}

bool
pointer_in_jmp_buf(const struct image *image, hs_addr at, uint64_t pc, uint64_t *frame)
{
	uint64_t words[2];
	uint64_t guard = image->pointer_guard;

	pc = pointer_demangle(pc, guard);
	if (pc >> 47 || !guard || !image_is_code(image, pc)
	    || !space_word(image->space, at + JMP_RSP, &words[0])
	    || !space_word(image->space, at + JMP_RBP, &words[1])
	    || !space_at(image->space, pointer_demangle(words[0], guard)))
		return false;
	*frame = pointer_demangle(words[1], guard);
	return true;
}
