/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Progress in words, for those who watch. */
#include "heapscan.h"

#include "out/words.h"

#include <stdio.h>

enum {
	SOON = 1,    /* second: what was read before that tells no speed */
	MOST = 9999, /* hours: nobody waits that long */
};

/* "7 s": rounded up, in the largest unit that leaves two digits or more. */
static const char *
words_time(char text[WORDS_TEXT], double seconds)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "h", 3600 }, { "min", 60 }, { "s", 1 } };
	unsigned u = 0;
	double n;

	while (u < 2 && seconds < 10 * units[u].seconds)
		u++;
	n = seconds / units[u].seconds;
	n = n < MOST ? n : MOST;
	snprintf(text, WORDS_TEXT, "%u %s", (unsigned)n + (n > (unsigned)n),
	    units[u].name);
	return text;
}

const char *
hs_progress_text(const struct hs_progress *p, double seconds, char *text, size_t size)
{
	bool fast = p->done > 0 && seconds >= SOON;
	bool ends = fast && p->done < p->all && p->percent > 0;
	char far[WORDS_TEXT], rate[WORDS_TEXT], left[WORDS_TEXT];

	if (p->done > 0 && p->all == 0)
		words_size(far, p->done);
	else
		snprintf(far, sizeof far, "%d %%", p->percent);
	if (fast)
		words_size(rate, (uint64_t)((double)p->done / seconds));
	if (ends)
		words_time(left,
		    seconds / (double)p->done * (double)(p->all - p->done));
	snprintf(text, size, "%s %s%s%s%s%s%s%s", p->stage, far, fast ? ", " : "",
	    fast ? rate : "", fast ? "/s" : "", ends ? ", " : "", ends ? left : "",
	    ends ? " left" : "");
	return text;
}
