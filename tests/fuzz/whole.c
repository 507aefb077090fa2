/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a core, and every command on it. */
#include "fuzz/fuzz.h"

#include "base/scoped.h"
#include "heapscan.h"

static bool
swallow(void *arg, const char *text, size_t n)
{
	(void)arg, (void)text, (void)n;
	return true;
}

static void
run_all(struct hs_scan *s, bool json)
{
	for (const struct hs_command *c = hs_commands(); c->name; c++) {
		char name[32], address[] = "0x7ffff7dd0000", option[] = "--json";
		char *argv[4] = { name };
		int argc = 1;
		struct hs_error err;

		snprintf(name, sizeof name, "%s", c->name);
		if (json)
			argv[argc++] = option;
		if (c->args)
			argv[argc++] = address;
		MUST(hs_run(s, argc, argv, &err) <= HS_INCOMPLETE);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(fuzz_file_fini) struct fuzz_file f = fuzz_file(bytes, n);
	const char *const nowhere[] = { NULL };
	struct hs_options o = { .core = f.path,
		.sysroot = "/nonexistent",
		.debug_dirs = nowhere,
		.threads = 1,
		.write = swallow };
	struct hs_error err;
	struct hs_scan *s = hs_open(&o, &err);

	if (!s) {
		MUST(err.text[0] && err.status == HS_FAILED);
		return 0;
	}
	run_all(s, false);
	run_all(s, true);
	hs_close(s);
	return 0;
}
