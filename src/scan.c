/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pipeline: runs the stages, owns what they make. */
#include "scan.h"

#include "base/fault.h"

/* CORE and EXE the other way round are understood. */
static void
put_in_order(struct hs_options *o)
{
	const char *core = o->core;

	if (o->exe && strcmp(core, "-") != 0 && !core_is_core(core)
	    && core_is_core(o->exe)) {
		o->core = o->exe;
		o->exe = core;
	}
}

static bool
open_input(struct hs_scan *s, struct hs_error *err)
{
	const struct hs_options *o = &s->options;

	return o->target
	    ? core_of_target(&s->core, o->target, &s->progress, err)
	    : core_open_as(&s->core, o->core, o->core_name, &s->progress, err);
}

static bool
open_all(struct hs_scan *s, struct hs_error *err)
{
	return open_input(s, err) && space_build(&s->space, &s->core, &s->lookup, err)
	    && image_load(&s->image, &s->space, &s->lookup, err)
	    && verdict_on_image(&s->verdict, &s->image, err) && scan_sound(s, err);
}

struct hs_scan *
hs_open(const struct hs_options *o, struct hs_error *err)
{
	struct hs_scan *s = calloc(1, sizeof *s);

	if (!s) {
		fail_nomem(err);
		return NULL;
	}
	s->options = *o;
	if (!o->target)
		put_in_order(&s->options);
	s->lookup = (struct lookup) { .exe = s->options.exe,
		.files = o->files,
		.sysroot = o->sysroot,
		.debug_dirs = o->debug_dirs };
	s->progress =
	    (struct progress) { .call = o->progress, .arg = o->progress_arg };
	s->crew = (struct crew) {
		.threads = o->threads ? o->threads : crew_cpus(),
		.progress = &s->progress,
		.memory = o->memory,
	};
	fault_guard();
	bool ok = open_all(s, err);
	fault_release();
	if (ok)
		return s;
	hs_close(s);
	return NULL;
}

void
hs_close(struct hs_scan *s)
{
	if (!s)
		return;
	verdict_fini(&s->verdict);
	paths_fini(&s->paths);
	graph_fini(&s->graph);
	roots_fini(&s->roots);
	heap_fini(&s->heap);
	image_fini(&s->image);
	space_fini(&s->space);
	core_fini(&s->core);
	free(s);
}

void
hs_set_columns(struct hs_scan *s, unsigned columns)
{
	s->options.columns = columns;
}

bool
scan_heap(struct hs_scan *s, struct hs_error *err)
{
	if (s->done >= SCAN_HEAP)
		return true;
	heap_fini(&s->heap); /* of a try that failed after its walk */
	if (!heap_walk(&s->heap, &s->space, &s->image, &s->crew, err))
		return false;
#ifdef HS_DEBUG
	if (heap_invalid(&s->heap))
		return fail(err, "heapscan is wrong: %s", heap_invalid(&s->heap));
#endif
	if (!verdict_on_heap(&s->verdict, &s->heap, &s->image, err))
		return false;
	s->done = SCAN_HEAP;
	return true;
}

bool
scan_blocks(struct hs_scan *s, struct hs_error *err)
{
	if (!scan_heap(s, err))
		return false;
	if (s->heap.allocator || !s->heap.other)
		return true;
	return fail(err,
	    "%s: the program's allocator is %s, which heapscan cannot read yet",
	    s->core.path, s->heap.other);
}

bool
scan_roots(struct hs_scan *s, struct hs_error *err)
{
	if (s->done >= SCAN_ROOTS)
		return true;
	if (!scan_heap(s, err)
	    || !roots_collect(&s->roots, &s->image, &s->heap, &s->progress, err))
		return false;
	s->done = SCAN_ROOTS;
	return true;
}

bool
scan_graph(struct hs_scan *s, struct hs_error *err)
{
	if (s->done >= SCAN_GRAPH)
		return true;
	if (!scan_roots(s, err)
	    || !graph_mark(&s->graph, &s->heap, &s->image, &s->roots,
		s->verdict.missing, &s->crew, err))
		return false;
	s->done = SCAN_GRAPH;
	return true;
}

bool
scan_edges(struct hs_scan *s, struct hs_error *err)
{
	if (!scan_graph(s, err))
		return false;
	if (s->heap.nchunks > 0
	    && (s->graph.edges.nparts == 0 || s->graph.edges.among_lost))
		return fail(err,
		    "there was no memory for all pointers between blocks%s",
		    s->options.memory ? ": raise --memory" : "");
	return true;
}

bool
scan_paths(struct hs_scan *s, struct hs_error *err)
{
	if (s->paths.before)
		return true;
	if (!scan_edges(s, err))
		return false;
	scoped(paths_fini) struct paths paths = PATHS_EMPTY;
	if (!paths_find(&paths, &s->graph, &s->heap, &s->image, &s->roots,
		&s->progress, err))
		return false;
	s->paths = paths;
	paths = PATHS_EMPTY;
	return true;
}

static bool
fail_shrunk(struct hs_error *err, const char *path, uint64_t offset)
{
	return fail(err,
	    "%s: the file shrank or failed while it was read, at offset %llu", path,
	    (unsigned long long)offset);
}

bool
scan_sound(const struct hs_scan *s, struct hs_error *err)
{
	uint64_t offset;

	if (fault_met(s->core.map, &offset))
		return fail_shrunk(err, s->core.path, offset);
	for (size_t i = 0; i < s->space.files.all.n; i++)
		if (fault_met(s->space.files.all.at[i]->map, &offset))
			return fail_shrunk(err, s->space.files.all.at[i]->path, offset);
	return true;
}
