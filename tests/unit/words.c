/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words that make a world: see world.h. */
#include "unit/world.h"

#include <stdarg.h>
#include <stdio.h>

enum { WORDS_MOST = 4 };

static void __attribute__((noreturn)) PRINTF_LIKE(1, 2) wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

/* ---- Numbers and addresses */

static bool
is_number(const char *text, uint64_t *to)
{
	char *end;

	*to = strtoull(text, &end, 0);
	return end != text && *end == '\0';
}

static uint64_t
number(const char *text)
{
	uint64_t n;

	if (!is_number(text, &n))
		wrong("%s is no number", text);
	return n;
}

/* An address: NAME, NAME+4 or NAME-4.  *whole: a place was named, and no word of it. */
static hs_addr
address(const struct world *w, const char *text, bool *whole)
{
	size_t n = strcspn(text, "+-");
	char name[24];
	hs_addr at;

	snprintf(name, sizeof name, "%.*s", (int)n, text);
	*whole = world_place(w, name, &at) && !text[n];
	if (!world_place(w, name, &at))
		at = world_at(w, name);
	return at + (text[n] ? number(text + n) : 0);
}

static uint64_t
value(const struct world *w, const char *text)
{
	uint64_t n;
	bool whole;

	return is_number(text, &n) ? n : address(w, text, &whole);
}

/* Where the word goes that a statement puts: of a whole place, the first that is 0. */
static hs_addr
place(struct world *w, const char *text)
{
	bool whole;
	hs_addr at = address(w, text, &whole);

	while (whole && memory_get(&w->memory, at))
		at += 8;
	return at;
}

/* The register of the thread at hand with this name, or NULL. */
static uint64_t *
reg(struct world *w, const char *name)
{
	struct world_thread *t = &w->threads.at[w->at];
	size_t n = 0;

	for (unsigned i = 0; i < machines[0]->nregs; i++)
		if (strcmp(machines[0]->reg_names[i], name) == 0)
			return &t->reg[i];
	if (strcmp(name, "vector") != 0)
		return NULL;
	while (t->vector[n])
		n++;
	return &t->vector[n];
}

/* ---- Chunks */

/* A thread has a tcache before its first block, but for lazy ones. */
static void
prepare(struct world *w)
{
	if (!w->draft.glibc->lazy)
		(void)world_tcache(w);
}

static void
tell_block(struct world *w, char *const *arg, uint64_t kind UNUSED)
{
	prepare(w);
	world_name(w, arg[0], draft_block(&w->draft, number(arg[1])));
}

static void
tell_free(struct world *w, char *const *arg, uint64_t kind)
{
	prepare(w);
	world_name(w, arg[0], draft_free(&w->draft, number(arg[1]), (enum state)kind));
}

static void
tell_tcache(struct world *w, char *const *arg, uint64_t kind UNUSED)
{
	hs_addr tcache = world_tcache(w);

	world_name(w, arg[0], draft_cached(&w->draft, tcache, number(arg[1])));
}

static void
tell_list(struct world *w, char *const *arg, uint64_t kind UNUSED)
{
	uint64_t n = number(arg[1]);
	hs_addr before = 0;
	char last[24];

	prepare(w);
	for (uint64_t i = 0; i < n; i++) {
		hs_addr at = draft_block(&w->draft, number(arg[2]));

		if (i == 0)
			world_name(w, arg[0], at);
		else
			world_put(w, before, at);
		before = at;
	}
	snprintf(last, sizeof last, "%.20s'", arg[0]);
	world_name(w, last, before);
}

static void
tell_mapped(struct world *w, char *const *arg, uint64_t kind UNUSED)
{
	world_name(w, arg[0],
	    draft_mapped(&w->draft, number(arg[1]), arg[2] ? number(arg[2]) : 0));
}

static void
tell_decoy(struct world *w, char *const *arg, uint64_t kind UNUSED)
{
	world_name(w, arg[0], draft_decoy(&w->draft, number(arg[1])));
}

/* ---- Where, and who */

static void
tell_foreign(struct world *w, char *const *arg, uint64_t kind UNUSED)
{
	draft_foreign(&w->draft, number(arg[0]));
}

static void
tell_segment(struct world *w, char *const *arg UNUSED, uint64_t kind UNUSED)
{
	draft_segment(&w->draft);
}

static void
tell_arena(struct world *w, char *const *arg UNUSED, uint64_t kind UNUSED)
{
	draft_arena(&w->draft);
}

static void
tell_heap(struct world *w, char *const *arg UNUSED, uint64_t kind UNUSED)
{
	draft_heap(&w->draft);
}

static void
tell_main(struct world *w, char *const *arg UNUSED, uint64_t kind UNUSED)
{
	draft_go(&w->draft, 0);
}

static void
tell_library(struct world *w, char *const *arg UNUSED, uint64_t kind UNUSED)
{
	if (w->draft.libraries.n == WORLD_LIBRARIES)
		wrong("there are %d libraries already", WORLD_LIBRARIES);
	world_add_library(w);
}

static void
tell_thread(struct world *w, char *const *arg UNUSED, uint64_t kind)
{
	world_add_thread(w, kind != 0);
}

static void
tell_lost(struct world *w, char *const *arg UNUSED, uint64_t kind UNUSED)
{
	world_add_lost(w);
}

/* ---- Words and facts */

static void
tell_word(struct world *w, const char *left, const char *right)
{
	uint64_t *r = reg(w, left);

	if (r)
		*r = value(w, right);
	else if (strcmp(left, "dtv") == 0)
		world_put_dtv(w, value(w, right));
	else
		world_put(w, place(w, left), value(w, right));
}

static void
tell_fact(struct world *w, const char *what, const char *wanted)
{
	struct fact f;

	snprintf(f.what, sizeof f.what, "%s", what);
	snprintf(f.wanted, sizeof f.wanted, "%s", wanted);
	vec_push(&w->facts, f);
}

/* Statements whose second word says what they are. */
static bool
tell_infix(struct world *w, char *const *word, unsigned n)
{
	if (n != 3)
		return false;
	if (strcmp(word[1], "->") == 0 || strcmp(word[1], "=") == 0)
		tell_word(w, word[0], word[2]);
	else if (strcmp(word[1], "~>") == 0)
		world_put_jump(w, place(w, word[0]), value(w, word[2]));
	else if (strcmp(word[1], "is") == 0 || strcmp(word[1], "are") == 0)
		tell_fact(w, word[0], word[2]);
	else
		return false;
	return true;
}

/* ---- Statements */

static const struct statement {
	const char *word;
	unsigned least, most; /* words after it */
	void (*tell)(struct world *w, char *const *arg, uint64_t kind);
	uint64_t kind; /* what several that are alike differ in */
} statements[] = {
	{ "block", 2, 2, tell_block, 0 },
	{ "tcache", 2, 2, tell_tcache, 0 },
	{ "fast", 2, 2, tell_free, STATE_FAST },
	{ "unsorted", 2, 2, tell_free, STATE_UNSORTED },
	{ "bin", 2, 2, tell_free, STATE_SMALL },
	{ "loose", 2, 2, tell_free, STATE_LOOSE },
	{ "list", 3, 3, tell_list, 0 },
	{ "mapped", 2, 3, tell_mapped, 0 },
	{ "decoy", 2, 2, tell_decoy, 0 },
	{ "foreign", 1, 1, tell_foreign, 0 },
	{ "segment", 0, 0, tell_segment, 0 },
	{ "arena", 0, 0, tell_arena, 0 },
	{ "heap", 0, 0, tell_heap, 0 },
	{ "main", 0, 0, tell_main, 0 },
	{ "library", 0, 0, tell_library, 0 },
	{ "thread", 0, 0, tell_thread, false },
	{ "spare", 0, 0, tell_thread, true },
	{ "lost", 0, 0, tell_lost, 0 },
	{ .word = NULL },
};

static void
tell(struct world *w, char *const *word, unsigned n)
{
	for (const struct statement *s = statements; s->word; s++) {
		if (strcmp(s->word, word[0]) != 0 || n - 1 < s->least || n - 1 > s->most)
			continue;
		s->tell(w, word + 1, s->kind);
		return;
	}
	if (!tell_infix(w, word, n))
		wrong("\"%s%s%s ...\" is no statement of %u words", word[0],
		    n > 1 ? " " : "", n > 1 ? word[1] : "", n);
}

/* The first statement may name the release; all others need one. */
static void
begin(struct world *w, char *const *word, unsigned n)
{
	bool named = strcmp(word[0], "glibc") == 0 && n == 2;
	const struct glibc *glibc = glibc_of(named ? word[1] : "2.35");

	if (!glibc)
		wrong("glibc %s is not among those that can be drafted", word[1]);
	world_begin(w, glibc);
	if (!named)
		tell(w, word, n);
}

/* One statement, which is torn into words. */
static void
read_statement(struct world *w, char *text)
{
	char *word[WORDS_MOST + 1] = { NULL }, *rest;
	unsigned n = 0;

	for (char *t = strtok_r(text, " \t", &rest); t && n < WORDS_MOST;
	     t = strtok_r(NULL, " \t", &rest))
		word[n++] = t;
	if (n == 0)
		return;
	if (w->threads.n == 0)
		begin(w, word, n);
	else
		tell(w, word, n);
}

void
world_write(struct world *w, const char *text)
{
	autofree char *copy = strdup(text);
	char *rest;

	if (!copy)
		abort();
	for (char *c = copy; (c = strchr(c, '#')); c++) /* comments become blanks */
		memset(c, ' ', strcspn(c, "\n"));
	for (char *t = strtok_r(copy, ";\n", &rest); t;
	     t = strtok_r(NULL, ";\n", &rest))
		read_statement(w, t);
	if (w->threads.n == 0)
		wrong("there is nothing in this world");
	draft_finish(&w->draft);
	world_link(w);
}

char *
world_text(const char *path)
{
	FILE *f = fopen(path, "re");
	struct VEC(char) text = { .n = 0 };
	int c;

	if (!f)
		return NULL;
	while ((c = fgetc(f)) != EOF)
		vec_push(&text, (char)c);
	vec_push(&text, '\0');
	fclose(f);
	return text.at;
}
