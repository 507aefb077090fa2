/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Build-ids: what ld wrote into a file to tell it from every other build. */
#include "space/files.h"

#include <string.h>

#include "core/headers.h"

/* A hostile file must not keep us here: real ones stay far below each of these. */
enum { HEADERS_MOST = 512, NOTES_MOST = 1 << 14, SEGMENTS_MOST = 16 };

const char *
build_id_text(const struct build_id *id, char text[BUILD_ID_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	if (id->size == 0)
		return strcpy(text, "none");
	for (unsigned i = 0; i < id->size; i++) {
		text[2 * i] = digits[id->bytes[i] >> 4];
		text[2 * i + 1] = digits[id->bytes[i] & 15];
	}
	text[2 * id->size] = '\0';
	return text;
}

bool
build_id_same(const struct build_id *a, const struct build_id *b)
{
	return a->size > 0 && a->size == b->size
	    && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool
find_in_notes(struct build_id *id, struct notes it)
{
	struct note note;

	while (notes_next(&it, &note)) {
		if (!note_is(&note, ELF_NOTE_GNU, NT_GNU_BUILD_ID) || note.size == 0
		    || note.size > sizeof id->bytes)
			continue;
		id->size = note.size;
		memcpy(id->bytes, note.bytes, note.size);
		return true;
	}
	return false;
}

struct build_id
build_id_read(const void *bytes, uint64_t size)
{
	struct build_id id = { .size = 0 };
	struct headers h;
	unsigned tried = 0;

	if (!headers_init(&h, bytes, size))
		return id;
	for (uint64_t i = 0; i < h.count && i < HEADERS_MOST; i++) {
		Elf64_Phdr p = headers_at(&h, i);
		struct notes it = { .align = p.p_align };

		if (p.p_type != PT_NOTE || tried++ == SEGMENTS_MOST)
			continue;
		it.bytes = headers_bytes(&h, p.p_offset,
		    p.p_filesz < NOTES_MOST ? p.p_filesz : NOTES_MOST, &it.size);
		if (it.bytes && find_in_notes(&id, it))
			break;
	}
	return id;
}

struct build_id
build_id_at(const struct core *core, hs_addr a)
{
	const struct segment *s = core_segment_at(core, a);
	uint64_t before = s ? a - s->range.start : 0;

	if (!s || s->have <= before)
		return (struct build_id) { .size = 0 };
	return build_id_read(s->bytes + before, s->have - before);
}
