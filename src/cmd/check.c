/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check: is the heap damaged, where, and who did it?
 *
 * For people each damage is a paragraph, since so much is to be said of it; for
 * tools it is a row of "findings".  Dangling pointers come after that, in a list
 * of their own: they are no damage, and most of them are harmless.
 */
#include "cmd/command.h"
#include "find/damage.h"
#include "out/words.h"

enum { MANY = 10 /* damages, and holders of dangling pointers, that people see */ };

struct checkup {
	struct damages damages;
	struct scenes scenes;
	struct suspects suspects;
	struct dangling dangling;
	bool certain;
};

static void
checkup_fini(struct checkup *k)
{
	vec_free(&k->damages);
	vec_free(&k->scenes);
	vec_free(&k->suspects);
	dangling_fini(&k->dangling);
}

static uint64_t
lost_bytes(const struct heap *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i < h->arenas.n; i++)
		n += h->arenas.at[i].lost_bytes;
	return n;
}

static struct value
blocks_value(struct call *c, struct tally t)
{
	char count[WORDS_TEXT], bytes[WORDS_TEXT];

	return value_text(report_text(&c->out, "%s in use, %s",
	    words_many(count, t.count, "block"), words_bytes(bytes, t.bytes)));
}

static struct value
verdict_value(struct call *c, const struct checkup *k)
{
	char places[WORDS_TEXT];
	struct value v;

	if (k->damages.n > 0) {
		v = value_text(report_text(&c->out, "damaged in %s",
		    words_many(places, k->damages.n, "place")));
		v.mood = MOOD_BAD;
	} else if (c->status == HS_INCOMPLETE) {
		v = value_text("no damage in what is there");
		v.mood = MOOD_DOUBTFUL;
	} else {
		v = value_text("no damage was found");
		v.mood = MOOD_GOOD;
	}
	return v;
}

static struct value
dangling_value(struct call *c, const struct dangling *d)
{
	char words[WORDS_TEXT], places[WORDS_TEXT];

	if (d->words == 0)
		return value_none();
	return value_text(report_text(&c->out, "%s in %s: stale, most often",
	    words_many(words, d->words, "word"),
	    words_many(places, d->holders, "place")));
}

static void
show_verdict(struct call *c, const struct checkup *k)
{
	static const struct column people[] = {
		COLUMN_PEOPLE("heap"),
		COLUMN_PEOPLE("undamaged"),
		COLUMN_PEOPLE("skipped"),
		COLUMN_PEOPLE("dangling"),
		COLUMNS_END,
	};
	static const struct column tools[] = {
		COLUMN_TOOLS("damages"),
		COLUMN_TOOLS("undamaged_count"),
		COLUMN_TOOLS("undamaged_bytes"),
		COLUMN_TOOLS("skipped_bytes"),
		COLUMN_TOOLS("dangling_words"),
		COLUMN_TOOLS("dangling_holders"),
		COLUMNS_END,
	};
	const struct heap *heap = &c->scan->heap;
	struct tally good = damage_untouched(heap, &k->scenes);
	uint64_t lost = lost_bytes(heap);

	report_fields(&c->out, NULL, people, verdict_value(c, k),
	    blocks_value(c, good), lost ? value_bytes(lost) : value_none(),
	    dangling_value(c, &k->dangling));
	report_fields(&c->out, "summary", tools, value_count(k->damages.n),
	    value_count(good.count), value_bytes(good.bytes), value_bytes(lost),
	    value_count(k->dangling.words), value_count(k->dangling.holders));
}

/* "block 0x55d0c0ffee10", or a root in words. */
static const char *
holder_text(struct call *c, const struct holder *h)
{
	struct hs_scan *s = c->scan;
	struct root word = { .at = h->at, .region = h->region };
	char text[ROOT_TEXT];

	if (h->block)
		return report_text(&c->out, "block 0x%llx",
		    (unsigned long long)h->block);
	return report_text(&c->out, "%s", root_text(&word, &s->roots, &s->image, text));
}

/* ---- One damage */

/* "0x55d0c0ffee10, 40 bytes, in-use" */
static struct value
chunk_value(struct call *c, bool there, const struct block *b)
{
	char bytes[WORDS_TEXT];

	if (!there)
		return value_none();
	return value_text(
	    report_text(&c->out, "0x%llx, %s, %s", (unsigned long long)b->address,
		words_bytes(bytes, b->size), state_name[b->state]));
}

static const char *
writer_text(struct call *c, const struct scene *s)
{
	unsigned long long who = s->culprit;

	switch (s->writer) {
	case WRITER_LEFT:
		return report_text(&c->out,
		    "most likely an overflow of the block before, 0x%llx", who);
	case WRITER_LEFT_RUN:
		return report_text(&c->out,
		    "an overflow of the block before, 0x%llx: the %s at its end %s on",
		    who, look_name[s->written],
		    s->written == LOOK_POINTERS ? "run" : "runs");
	case WRITER_LEFT_BYTE:
		return report_text(&c->out,
		    "an overflow of the block before, 0x%llx, by one byte, a zero",
		    who);
	case WRITER_AFTER_FREE:
		if (!s->holder.words)
			return "a use after free(), through a pointer that is no more";
		return report_text(&c->out,
		    "a use after free(): %s still points to the block",
		    holder_text(c, &s->holder));
	case WRITER_FREE_TWICE: return "most likely a second free()";
	case WRITER_UNKNOWN:
	case WRITERS: break;
	}
	return NULL;
}

static struct value
resumed_value(struct call *c, const struct damage *d)
{
	if (!d->resumed)
		return d->skipped ? value_text("no chunk was found behind it")
				  : value_none();
	return value_text(report_text(&c->out,
	    "the walk goes on at 0x%llx, %llu bytes were skipped",
	    (unsigned long long)d->resumed, (unsigned long long)d->skipped));
}

static void
say_scene(struct call *c, const struct scene *s, size_t number)
{
	static const struct column columns[] = {
		COLUMN_PEOPLE("  kind"),
		COLUMN_PEOPLE("  word"),
		COLUMN_PEOPLE("  in"),
		COLUMN_PEOPLE("  before"),
		COLUMN_PEOPLE("  behind"),
		COLUMN_PEOPLE("  looks like"),
		COLUMN_PEOPLE("  by"),
		COLUMN_PEOPLE("  then"),
		COLUMNS_END,
	};
	const char *writer = writer_text(c, s);

	report_title(&c->out, report_text(&c->out, "%zu. %s", number, s->damage->text));
	report_fields(&c->out, NULL, columns, value_word(damage_name[s->damage->kind]),
	    value_addr(s->damage->at), chunk_value(c, s->has_chunk, &s->chunk),
	    chunk_value(c, s->has_left, &s->left),
	    chunk_value(c, s->has_right, &s->right),
	    s->written ? value_word(look_name[s->written]) : value_none(),
	    writer ? value_text(writer) : value_none(), resumed_value(c, s->damage));
}

static const struct column finding_columns[] = {
	COLUMN_TOOLS("kind"),
	COLUMN_TOOLS("address"),
	COLUMN_TOOLS("text"),
	COLUMN_TOOLS("certain"),
	COLUMN_TOOLS("chunk"),
	COLUMN_TOOLS("chunk_size_bytes"),
	COLUMN_TOOLS("chunk_state"),
	COLUMN_TOOLS("left"),
	COLUMN_TOOLS("left_size_bytes"),
	COLUMN_TOOLS("left_state"),
	COLUMN_TOOLS("right"),
	COLUMN_TOOLS("right_size_bytes"),
	COLUMN_TOOLS("right_state"),
	COLUMN_TOOLS("written"),
	COLUMN_TOOLS("left_tail"),
	COLUMN_TOOLS("writer"),
	COLUMN_TOOLS("culprit"),
	COLUMN_TOOLS("resumed"),
	COLUMN_TOOLS("skipped_bytes"),
	COLUMNS_END,
};

static struct value
some_addr(hs_addr a)
{
	return a ? value_addr(a) : value_none();
}

static struct value
look_value(enum look look)
{
	return look ? value_word(look_name[look]) : value_none();
}

#define BLOCK_VALUES(there, b)                               \
	(there) ? value_addr((b)->address) : value_none(),   \
	    (there) ? value_bytes((b)->size) : value_none(), \
	    (there) ? value_word(state_name[(b)->state]) : value_none()

static void
show_finding(struct call *c, const struct scene *s, bool certain)
{
	const struct damage *d = s->damage;

	report_row(&c->out, value_word(damage_name[d->kind]), value_addr(d->at),
	    value_text(d->text), value_truth(certain),
	    BLOCK_VALUES(s->has_chunk, &s->chunk), BLOCK_VALUES(s->has_left, &s->left),
	    BLOCK_VALUES(s->has_right, &s->right), look_value(s->written),
	    look_value(s->left_tail), value_word(writer_name[s->writer]),
	    some_addr(s->culprit), some_addr(d->resumed), value_bytes(d->skipped));
}

static void
show_findings(struct call *c, const struct checkup *k, uint64_t limit)
{
	size_t n = k->scenes.n < limit ? k->scenes.n : (size_t)limit;

	if (n > 0 && c->scan->verdict.missing)
		report_say(&c->out,
		    "Memory is missing: what follows may be for want of it.");
	else if (n > 0 && !k->certain)
		report_say(&c->out,
		    "The thread was stopped in the C library: what follows may be "
		    "half of a change.");
	for (size_t i = 0; i < n; i++)
		say_scene(c, &k->scenes.at[i], i + 1);
	report_rows(&c->out, "findings", finding_columns);
	for (size_t i = 0; i < n && !report_broken(&c->out); i++)
		show_finding(c, &k->scenes.at[i], k->certain);
	report_rows_end(&c->out);
	if (n < k->scenes.n)
		report_say(&c->out, "  and %zu more: --limit=%zu shows them",
		    k->scenes.n - n, k->scenes.n);
}

/* ---- Dangling pointers */

static const struct column holder_columns[] = {
	COLUMN("block", "block"),
	COLUMN("size_bytes", "bytes"),
	COLUMN("root", "or root"),
	COLUMN("words", "words"),
	COLUMN("starts", "to a start"),
	COLUMN("address", "the first at"),
	COLUMN("target", "points into"),
	COLUMNS_END,
};

static void
show_holder(struct call *c, const struct holder *h)
{
	bool is_register =
	    !h->block && c->scan->roots.regions.at[h->region].kind == ROOT_REGISTER;

	report_row(&c->out, some_addr(h->block),
	    h->block ? value_bytes(h->size) : value_none(),
	    h->block ? value_none() : value_text(holder_text(c, h)),
	    value_count(h->words), value_count(h->starts),
	    is_register ? value_none() : value_addr(h->at), value_addr(h->to));
}

static void
show_dangling(struct call *c, const struct dangling *d)
{
	if (d->most.n > 0)
		report_title(&c->out,
		    "Pointers into free blocks, who holds most first; no damage, and harmless "
		    "when nobody follows them");
	report_rows(&c->out, "dangling", holder_columns);
	for (size_t i = 0; i < d->most.n && !report_broken(&c->out); i++)
		show_holder(c, &d->most.at[i]);
	report_rows_end(&c->out);
	if (d->most.n < d->holders)
		report_say(&c->out, "  and %llu more: --limit=%llu shows them",
		    (unsigned long long)(d->holders - d->most.n),
		    (unsigned long long)d->holders);
}

/* ---- All of it */

static bool
look(struct checkup *k, struct hs_scan *s, uint64_t limit, struct hs_error *err)
{
	if (!heap_check(&s->heap, !s->verdict.missing, &k->damages, err)
	    || !damage_scenes(&k->scenes, &s->heap, &k->damages, err)
	    || !damage_suspects(&k->suspects, &k->scenes, err)
	    || !dangling_find(&k->dangling, &s->heap, &s->image, &s->roots, limit,
		&k->suspects, &s->progress, err))
		return false;
	damage_accuse(&k->scenes, &k->suspects);
	k->certain = !s->verdict.missing && !damage_is_doubtful(&s->heap, &s->image);
	return true;
}

static bool
check_run(struct call *c, struct hs_error *err)
{
	scoped(checkup_fini) struct checkup k = { 0 };
	uint64_t limit;

	if (!call_limit(c, &limit, MANY, err) || !scan_blocks(c->scan, err)
	    || !scan_roots(c->scan, err) || !look(&k, c->scan, limit, err)
	    || !call_begin(c, err))
		return false;
	show_verdict(c, &k);
	show_findings(c, &k, limit);
	show_dangling(c, &k.dangling);
	show_notes(c);
	if (c->status == HS_CLEAN && k.damages.n > 0)
		c->status = HS_FOUND;
	return true;
}

static const struct hs_option options[] = {
	{ "limit", "N", "no more than N damages and N holders; 10 unless told" },
	OPTIONS_END,
};

const struct command cmd_check = {
	.info = {
		.name = "check",
		.about = "look for damage: who wrote where he should not have",
		.help = "Compares what malloc keeps twice: sizes, flags, links of free lists, counts,\n"
			"totals.  Of each damage: what is wrong, the blocks on both sides, what the\n"
			"wrong word looks like, who wrote it most likely, where the walk went on.\n"
			"Blocks that no damage touches are counted.\n"
			"\n"
			"Also lists who holds pointers into free blocks.  These are no damage: most\n"
			"are stale words that nobody will use.\n"
			"\n"
			"Exit status 1: there is damage.",
		.options = options,
	},
	.run = check_run,
	.finds_damage = true,
};
