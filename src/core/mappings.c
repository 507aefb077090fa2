/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NT_FILE: which files were mapped where.  Words, then strings:
 *
 *	count, page size
 *	start, end, offset in pages     count times
 *	path, NUL                       count times, in the same order
 */
#include "core/parts.h"

#include <inttypes.h>
#include <string.h>

enum { PAGE_MOST = 1 << 26 };

bool
mapping_add(struct core *core, struct file_mapping f)
{
	if (f.range.start >= f.range.end || f.offset > UINT64_MAX >> 1)
		return false;
	vec_push(&core->files, f);
	return true;
}

static bool
add(struct core *core, const unsigned char *words, uint64_t page, const char *path)
{
	unsigned word = core->machine->word;
	struct file_mapping f = {
		.range = { core_word(core, words), core_word(core, words + word) },
		.offset = core_word(core, words + 2 * word),
		.path = path,
	};

	if (f.offset > (UINT64_MAX >> 1) / page)
		return false;
	f.offset *= page;
	return mapping_add(core, f);
}

static int
by_address(const void *one, const void *other)
{
	const struct file_mapping *a = one, *b = other;

	if (a->range.start != b->range.start)
		return a->range.start < b->range.start ? -1 : 1;
	if (a->range.end != b->range.end)
		return a->range.end > b->range.end ? -1 : 1;
	return a->path < b->path ? -1 : a->path > b->path;
}

/* Sound lists have no overlaps: what overlaps the one before it goes. */
void
mappings_settle(struct core *core)
{
	size_t kept = 0;
	hs_addr end = 0;

	vec_sort(&core->files, by_address);
	for (size_t i = 0; i < core->files.n; i++) {
		struct file_mapping f = core->files.at[i];

		if (f.range.start < end) {
			lines_add(&core->notes,
			    "the file mapped at 0x%" PRIx64
			    " overlaps another: left out",
			    f.range.start);
			continue;
		}
		end = f.range.end;
		core->files.at[kept++] = f;
	}
	core->files.n = kept;
}

/* The part of the note behind its two first words. */
static bool
read_list(struct core *core, const unsigned char *at, uint64_t left, uint64_t count,
    uint64_t page)
{
	uint64_t words = 3 * (uint64_t)core->machine->word;
	bool sound = true;

	if (count > left / words)
		return false;
	const char *path = (const char *)at + count * words;
	left -= count * words;
	for (uint64_t i = 0; i < count; i++) {
		const char *end = left > 0 ? memchr(path, '\0', left) : NULL;

		if (!end)
			return false;
		sound &= add(core, at + i * words, page, path);
		left -= (uint64_t)(end + 1 - path);
		path = end + 1;
	}
	return sound;
}

void
files_read(struct core *core, const struct note *note)
{
	unsigned word = core->machine->word;

	if (core->has_files || note->size < 2 * word)
		return;
	uint64_t count = core_word(core, note->bytes);
	uint64_t page = core_word(core, note->bytes + word);
	core->has_files = true;
	if (page == 0 || page > PAGE_MOST
	    || !read_list(core, note->bytes + 2 * word, note->size - 2 * word,
		count, page))
		lines_add(&core->notes,
		    "the list of mapped files is damaged: only what makes sense of it is used");
	mappings_settle(core);
}
