/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roots told in words. */
#include "root/root.h"

#include <inttypes.h>
#include <stdio.h>

/* " of thread 3", or nothing for memory that is no thread's. */
static const char *
of_thread(const struct region *g, const struct image *image, char text[32])
{
	text[0] = '\0';
	if (g->thread < image->threads.n)
		snprintf(text, 32, " of thread %u",
		    image->threads.at[g->thread].number);
	return text;
}

static void
say_register(const struct root *r, const struct image *image, const char *thread,
    char *text)
{
	const struct machine *m = image->core->machine;

	if (r->at < m->nregs)
		snprintf(text, ROOT_TEXT, "register %s%s", m->reg_names[r->at], thread);
	else
		snprintf(text, ROOT_TEXT, "vector registers%s, byte %" PRIu64,
		    thread, (r->at - ROOT_VECTOR) * m->word);
}

static void
say_place(const struct place *p, const char *what, const char *thread, char *text)
{
	char plus[24] = "";

	if (p->symbol && p->offset)
		snprintf(plus, sizeof plus, "+%" PRIu64, p->offset);
	if (p->symbol)
		snprintf(text, ROOT_TEXT, "%s%s in %s%s", p->symbol, plus,
		    p->module->name, thread);
	else
		snprintf(text, ROOT_TEXT, "%s of %s+0x%" PRIx64 "%s", what,
		    p->module->name, p->offset, thread);
}

static void
say_mapping(const struct root *r, const struct image *image, char *text)
{
	const struct piece *p = space_at(image->space, r->at);
	const char *path = p && p->file ? p->file->path : NULL;
	const char *slash = path ? strrchr(path, '/') : NULL;

	snprintf(text, ROOT_TEXT, "%s%s at 0x%" PRIx64,
	    path ? "mapping of " : "mapping",
	    slash      ? slash + 1
		: path ? path
		       : "",
	    r->at);
}

const char *
root_text(const struct root *r, const struct roots *roots, struct image *image,
    char text[ROOT_TEXT])
{
	const struct region *g = &roots->regions.at[r->region];
	char buffer[32];
	const char *thread = of_thread(g, image, buffer);
	struct place place;

	switch (g->kind) {
	case ROOT_REGISTER: say_register(r, image, thread, text); break;
	case ROOT_STACK:
		snprintf(text, ROOT_TEXT, "stack%s at 0x%" PRIx64, thread, r->at);
		break;
	case ROOT_SIGNAL_STACK:
		snprintf(text, ROOT_TEXT,
		    "signal or coroutine stack%s at 0x%" PRIx64, thread, r->at);
		break;
	case ROOT_TLS:
		if (image_tls_place(image, image->threads.at[g->thread].tp, r->at,
			&place))
			say_place(&place, "thread-local data", thread, text);
		else
			snprintf(text, ROOT_TEXT,
			    "thread-local memory%s at 0x%" PRIx64, thread, r->at);
		break;
	case ROOT_DTV:
		snprintf(text, ROOT_TEXT, "dtv%s",
		    *thread ? thread : " of a thread that is gone");
		break;
	case ROOT_GLOBAL:
		if (image_place(image, r->at, &place))
			say_place(&place, "data", "", text);
		else
			say_mapping(r, image, text);
		break;
	case ROOT_MAPPING:
	case ROOT_KINDS: say_mapping(r, image, text); break;
	case ROOT_DAMAGED:
		snprintf(text, ROOT_TEXT, "damaged part of the heap at 0x%" PRIx64,
		    r->at);
		break;
	}
	return text;
}
