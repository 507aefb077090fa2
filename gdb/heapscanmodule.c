/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * _heapscan: the library as a module of the Python inside gdb.
 *
 * heapscan.py, beside this file, knows gdb and no heap; the library knows
 * heaps and no gdb.  This module carries values from one to the other and
 * decides nothing, but for one thing: the memory of a process of this machine
 * is read from /proc, since gdb's own way takes a round trip through Python
 * for each piece.
 *
 * An analysis is a capsule.  Whatever the library must find unchanged for as
 * long as it lives (names, call-backs) is kept alive by it.  The library calls
 * back into Python while it works; an exception there ends the call as soon as
 * the library asks whether to go on, and is raised by us, not by it.
 *
 * The limited API of Python 3.6 makes one build fit every gdb.  It has no
 * buffer protocol, so memory comes and goes as bytes.
 */
#define Py_LIMITED_API 0x03060000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "heapscan.h"

#define CAPSULE "_heapscan.analysis"

/* ---- Objects that go away with the variable that holds them */

static inline void
unref(PyObject **o)
{
	Py_XDECREF(*o);
}

#define autounref __attribute__((cleanup(unref)))

static inline void
release(void *p)
{
	PyMem_Free(*(void **)p);
}

#define autorelease __attribute__((cleanup(release)))

/* n zeroed elements, or NULL with an exception. */
static void *
make(size_t n, size_t size)
{
	/* PyMem_Calloc() is not in the limited API before 3.10. */
	void *p = n < PY_SSIZE_T_MAX / size ? PyMem_Malloc((n + 1) * size) : NULL;

	return p ? memset(p, 0, (n + 1) * size) : PyErr_NoMemory();
}

/* ---- Values from Python */

static PyObject *error_type; /* _heapscan.Error */

static void *
raise_error(const struct hs_error *err)
{
	if (PyErr_Occurred())
		return NULL; /* a call-back's: it says more */
	if (err->status == HS_INTERRUPTED)
		PyErr_SetNone(PyExc_KeyboardInterrupt);
	else
		PyErr_SetString(error_type, err->text);
	return NULL;
}

/*
 * The bytes of a str that may be a name of a file, alive as long as *keep, a
 * list.  None is NULL.  False with an exception when it is no such thing.
 */
static bool
take_text(PyObject *o, PyObject *keep, const char **text)
{
	autounref PyObject *bytes = NULL;

	*text = NULL;
	if (o == Py_None)
		return true;
	if (!PyUnicode_FSConverter(o, &bytes) || PyList_Append(keep, bytes) < 0)
		return false;
	*text = PyBytes_AsString(bytes);
	return *text;
}

/* A sequence of str as a NULL-terminated array; free with PyMem_Free(). */
static const char **
take_texts(PyObject *all, PyObject *keep)
{
	Py_ssize_t n = PySequence_Size(all);
	autorelease const char **texts = n < 0 ? NULL : make((size_t)n, sizeof *texts);

	for (Py_ssize_t i = 0; texts && i < n; i++) {
		autounref PyObject *o = PySequence_GetItem(all, i);

		if (!o || !take_text(o, keep, &texts[i]))
			return NULL;
	}
	const char **result = texts;
	texts = NULL;
	return result;
}

/* ---- A process */

/* How its memory is reached. */
struct reach {
	int mem, pagemap; /* of /proc/PID, or -1 */
	PyObject *read;   /* called with address and size: bytes, or None */
};

static size_t
read_file(int fd, hs_addr a, void *to, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t some =
		    pread(fd, (char *)to + done, n - done, (off_t)(a + done));

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			break;
		done += (size_t)some;
	}
	return done;
}

static size_t
on_read(void *arg, hs_addr a, void *to, size_t n)
{
	const struct reach *r = arg;

	if (r->mem >= 0)
		return read_file(r->mem, a, to, n);
	if (PyErr_Occurred())
		return 0;
	autounref PyObject *o = PyObject_CallFunction(r->read, "Kn",
	    (unsigned long long)a, (Py_ssize_t)n);
	char *bytes;
	Py_ssize_t size;

	if (!o || o == Py_None || PyBytes_AsStringAndSize(o, &bytes, &size) < 0)
		return 0;
	if ((size_t)size < n)
		n = (size_t)size;
	memcpy(to, bytes, n);
	return n;
}

/*
 * A word for each page, of which bit 63 says that it is in memory and bit 62
 * that it is swapped out (Linux, Documentation/admin-guide/mm/pagemap.rst).
 */
static hs_addr
on_touched(void *arg, hs_addr a, hs_addr end)
{
	const struct reach *r = arg;
	uint64_t word[512], page = (uint64_t)sysconf(_SC_PAGESIZE);

	while (a < end) {
		uint64_t n = (end - a + page - 1) / page;

		if (n > sizeof word / sizeof *word)
			n = sizeof word / sizeof *word;
		n = read_file(r->pagemap, a / page * sizeof *word, word,
			n * sizeof *word)
		    / sizeof *word;
		if (n == 0)
			return a;
		for (uint64_t i = 0; i < n; i++, a += page)
			if (word[i] >> 62)
				return a;
	}
	return end;
}

/* What heapscan.py says of a process, in the terms of the library. */
struct process {
	struct hs_target target;
	struct reach reach;
	struct hs_mapping *mappings;
	struct hs_thread *threads;
	struct hs_register **registers; /* of each thread */
	struct hs_auxv *auxv;
};

static void
process_fini(struct process *p)
{
	for (size_t i = 0; i < p->target.nthreads; i++)
		PyMem_Free(p->registers[i]);
	PyMem_Free(p->mappings);
	PyMem_Free(p->threads);
	PyMem_Free(p->registers);
	PyMem_Free(p->auxv);
}

/* (start, end, "rw-p", offset, path) */
static bool
take_mapping(PyObject *o, PyObject *keep, struct hs_mapping *m)
{
	unsigned long long start, end, offset;
	const char *access;
	PyObject *path;

	if (!PyArg_ParseTuple(o, "KKsKO", &start, &end, &access, &offset, &path))
		return false;
	*m = (struct hs_mapping) {
		.start = start,
		.end = end,
		.offset = offset,
		.readable = strchr(access, 'r'),
		.writable = strchr(access, 'w'),
		.executable = strchr(access, 'x'),
		.shared = strchr(access, 's'),
	};
	return take_text(path, keep, &m->path);
}

/* (number, tid, {name: value}, bytes) */
static bool
take_thread(PyObject *o, PyObject *keep, struct hs_thread *t, struct hs_register **regs)
{
	PyObject *names, *name, *value, *vector;
	Py_ssize_t at = 0;
	char *bytes;
	Py_ssize_t size;

	if (!PyArg_ParseTuple(o, "IiOO", &t->number, &t->tid, &names, &vector)
	    || PyBytes_AsStringAndSize(vector, &bytes, &size) < 0
	    || PyList_Append(keep, vector) < 0)
		return false;
	t->vector = bytes;
	t->vector_size = (size_t)size;
	t->registers = *regs = make((size_t)PyDict_Size(names), sizeof **regs);
	while (*regs && PyDict_Next(names, &at, &name, &value)) {
		struct hs_register *r = &(*regs)[t->nregisters++];

		r->value = PyLong_AsUnsignedLongLong(value);
		if (PyErr_Occurred() || !take_text(name, keep, &r->name))
			return false;
	}
	return *regs;
}

/* (type, value) */
static bool
take_auxv(PyObject *o, struct hs_auxv *v)
{
	unsigned long long type, value;

	if (!PyArg_ParseTuple(o, "KK", &type, &value))
		return false;
	*v = (struct hs_auxv) { type, value };
	return true;
}

static bool
take_lists(struct process *p, PyObject *mappings, PyObject *threads, PyObject *auxv,
    PyObject *keep)
{
	Py_ssize_t m = PyList_Size(mappings), t = PyList_Size(threads),
		   v = PyList_Size(auxv);

	if (m < 0 || t < 0 || v < 0
	    || !(p->mappings = make((size_t)m, sizeof *p->mappings))
	    || !(p->threads = make((size_t)t, sizeof *p->threads))
	    || !(p->registers = make((size_t)t, sizeof *p->registers))
	    || !(p->auxv = make((size_t)v, sizeof *p->auxv)))
		return false;
	p->target.nmappings = (size_t)m;
	p->target.nthreads = (size_t)t;
	p->target.nauxv = (size_t)v;
	for (Py_ssize_t i = 0; i < m; i++)
		if (!take_mapping(PyList_GetItem(mappings, i), keep, &p->mappings[i]))
			return false;
	for (Py_ssize_t i = 0; i < t; i++)
		if (!take_thread(PyList_GetItem(threads, i), keep, &p->threads[i],
			&p->registers[i]))
			return false;
	for (Py_ssize_t i = 0; i < v; i++)
		if (!take_auxv(PyList_GetItem(auxv, i), &p->auxv[i]))
			return false;
	return true;
}

/* (name, pid, mappings, threads, auxv, mem, pagemap, read) */
static bool
take_process(struct process *p, PyObject *o, PyObject *keep)
{
	PyObject *name, *mappings, *threads, *auxv;

	if (!PyArg_ParseTuple(o, "OiOOOiiO", &name, &p->target.pid, &mappings,
		&threads, &auxv, &p->reach.mem, &p->reach.pagemap, &p->reach.read)
	    || !take_text(name, keep, &p->target.name)
	    || !take_lists(p, mappings, threads, auxv, keep))
		return false;
	p->target.mappings = p->mappings;
	p->target.threads = p->threads;
	p->target.auxv = p->auxv;
	p->target.read = on_read;
	p->target.touched = p->reach.pagemap >= 0 ? on_touched : NULL;
	p->target.arg = &p->reach;
	return true;
}

/* ---- An analysis */

struct analysis {
	struct hs_scan *scan;
	PyObject *keep; /* a list: all that strings of the options are parts of */
	PyObject *write, *progress;
	const char **debug_dirs, **files;
};

static void
analysis_free(struct analysis *a)
{
	hs_close(a->scan);
	PyMem_Free(a->debug_dirs);
	PyMem_Free(a->files);
	Py_XDECREF(a->keep);
	Py_XDECREF(a->write);
	Py_XDECREF(a->progress);
	PyMem_Free(a);
}

static void
on_capsule_end(PyObject *capsule)
{
	analysis_free(PyCapsule_GetPointer(capsule, CAPSULE));
}

static bool
on_write(void *arg, const char *text, size_t n)
{
	const struct analysis *a = arg;

	if (PyErr_Occurred())
		return false;
	autounref PyObject *done =
	    PyObject_CallFunction(a->write, "y#", text, (Py_ssize_t)n);
	return done;
}

/* Asks for ^C, too, which Python hears of between its own steps only. */
static bool
on_progress(void *arg, const struct hs_progress *p)
{
	const struct analysis *a = arg;

	if (PyErr_Occurred() || PyErr_CheckSignals() < 0)
		return false;
	autounref PyObject *done = PyObject_CallFunction(a->progress, "siKK", p->stage,
	    p->percent, (unsigned long long)p->done, (unsigned long long)p->all);
	return done;
}

static bool
take_options(struct analysis *a, struct hs_options *o, PyObject *args,
    PyObject *names, PyObject **target)
{
	static const char *const keys[] = { "core", "target", "exe", "sysroot",
		"debug_dirs", "files", "prefix", "write", "progress", NULL };
	PyObject *core, *exe, *sysroot, *dirs, *files, *prefix, *write, *progress;

	if (!PyArg_ParseTupleAndKeywords(args, names, "OOOOOOOOO", (char **)keys, &core,
		target, &exe, &sysroot, &dirs, &files, &prefix, &write, &progress))
		return false;
	Py_INCREF(a->write = write);
	Py_INCREF(a->progress = progress);
	o->write = on_write;
	o->progress = on_progress;
	o->write_arg = o->progress_arg = a;
	a->keep = PyList_New(0);
	return a->keep && take_text(core, a->keep, &o->core)
	    && take_text(exe, a->keep, &o->exe)
	    && take_text(sysroot, a->keep, &o->sysroot)
	    && take_text(prefix, a->keep, &o->prefix)
	    && (o->debug_dirs = a->debug_dirs = take_texts(dirs, a->keep))
	    && (o->files = a->files = take_texts(files, a->keep));
}

static bool
open_scan(struct analysis *a, struct hs_options *o, PyObject *target)
{
	struct process p = { .target = { .name = NULL } };
	struct hs_error err = { .status = HS_CLEAN };
	bool ready = target == Py_None || take_process(&p, target, a->keep);

	if (ready) {
		o->target = target == Py_None ? NULL : &p.target;
		a->scan = hs_open(o, &err);
	}
	process_fini(&p);
	return ready && ((a->scan && !PyErr_Occurred()) || raise_error(&err));
}

PyDoc_STRVAR(open_about,
    "open(core, target, exe, sysroot, debug_dirs, files, prefix, write, progress)\n\n"
    "Opens a core (a path) or a process (a tuple; the other is None).  Returns an\n"
    "analysis, which is closed when nothing refers to it.  write(bytes) takes reports,\n"
    "progress(stage, percent, done, all) is called now and then, as struct hs_progress\n"
    "has it.");

static PyObject *
module_open(PyObject *self, PyObject *args, PyObject *names)
{
	struct analysis *a = make(1, sizeof *a);
	struct hs_options o = { .core = NULL };
	PyObject *target, *capsule = NULL;

	(void)self;
	if (!a)
		return NULL;
	if (take_options(a, &o, args, names, &target) && open_scan(a, &o, target))
		capsule = PyCapsule_New(a, CAPSULE, on_capsule_end);
	if (!capsule)
		analysis_free(a);
	return capsule;
}

PyDoc_STRVAR(run_about,
    "run(analysis, argv, columns) -> (status, text)\n\n"
    "Runs a command with its arguments, for a terminal so wide (0: any).  text says\n"
    "why a report may be wrong, and is None when it is complete.");

static PyObject *
module_run(PyObject *self, PyObject *args)
{
	struct hs_error err = { .status = HS_CLEAN };
	PyObject *capsule, *words;
	unsigned columns;

	(void)self;
	if (!PyArg_ParseTuple(args, "OOI", &capsule, &words, &columns))
		return NULL;
	struct analysis *a = PyCapsule_GetPointer(capsule, CAPSULE);
	autounref PyObject *keep = a ? PyList_New(0) : NULL;
	autorelease const char **argv = keep ? take_texts(words, keep) : NULL;
	if (!argv)
		return NULL;
	hs_set_columns(a->scan, columns);
	int status =
	    hs_run(a->scan, (int)PyList_Size(keep), (char *const *)argv, &err);
	if (PyErr_Occurred()
	    || (status != HS_CLEAN && status != HS_FOUND && status != HS_INCOMPLETE))
		return raise_error(&err);
	return Py_BuildValue("iz", status, status == HS_INCOMPLETE ? err.text : NULL);
}

PyDoc_STRVAR(progress_text_about,
    "progress_text(stage, percent, done, all, seconds) -> text\n\n"
    "The words of a progress line, as hs_progress_text() has them.");

static PyObject *
module_progress_text(PyObject *self, PyObject *args)
{
	unsigned long long done, all;
	struct hs_progress p;
	double seconds;
	char text[128];

	(void)self;
	if (!PyArg_ParseTuple(args, "siKKd", &p.stage, &p.percent, &done, &all, &seconds))
		return NULL;
	p.done = done;
	p.all = all;
	return PyUnicode_FromString(hs_progress_text(&p, seconds, text, sizeof text));
}

PyDoc_STRVAR(at_about,
    "at(analysis, address) -> (kind, block, size)\n\n"
    "What lies at an address, as hs_at() has it.");

static PyObject *
module_at(PyObject *self, PyObject *args)
{
	struct hs_error err = { .status = HS_CLEAN };
	unsigned long long address;
	struct hs_place place;
	PyObject *capsule;

	(void)self;
	if (!PyArg_ParseTuple(args, "OK", &capsule, &address))
		return NULL;
	struct analysis *a = PyCapsule_GetPointer(capsule, CAPSULE);
	if (!a)
		return NULL;
	if (hs_at(a->scan, address, &place, &err) != HS_CLEAN || PyErr_Occurred())
		return raise_error(&err);
	return Py_BuildValue("sKK", place.kind, (unsigned long long)place.block,
	    (unsigned long long)place.size);
}

/* ---- The table of commands */

static PyObject *
list_options(const struct hs_option *o)
{
	autounref PyObject *list = PyList_New(0);

	for (; list && o->name; o++) {
		autounref PyObject *one =
		    Py_BuildValue("szs", o->name, o->arg, o->about);

		if (!one || PyList_Append(list, one) < 0)
			return NULL;
	}
	Py_XINCREF(list);
	return list;
}

PyDoc_STRVAR(commands_about,
    "commands() -> [(name, args, about, help, [(name, arg, about)])]\n\n"
    "hs_commands(), with None for what is not there.");

static PyObject *
module_commands(PyObject *self, PyObject *args)
{
	autounref PyObject *list = PyList_New(0);

	(void)self;
	(void)args;
	for (const struct hs_command *c = hs_commands(); list && c->name; c++) {
		autounref PyObject *options = list_options(c->options);
		autounref PyObject *one = options ? Py_BuildValue("szszO", c->name,
					      c->args, c->about, c->help, options)
						  : NULL;

		if (!one || PyList_Append(list, one) < 0)
			return NULL;
	}
	Py_XINCREF(list);
	return list;
}

/* ---- The module */

static PyMethodDef methods[] = {
	{ "open", (PyCFunction)(void (*)(void))module_open,
	    METH_VARARGS | METH_KEYWORDS, open_about },
	{ "run", module_run, METH_VARARGS, run_about },
	{ "at", module_at, METH_VARARGS, at_about },
	{ "progress_text", module_progress_text, METH_VARARGS, progress_text_about },
	{ "commands", module_commands, METH_NOARGS, commands_about },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_heapscan",
	.m_doc = "heapscan.h, for heapscan.py",
	.m_size = -1,
	.m_methods = methods,
};

PyMODINIT_FUNC PyInit__heapscan(void);

PyMODINIT_FUNC
PyInit__heapscan(void)
{
	autounref PyObject *m = PyModule_Create(&module);

	error_type = PyErr_NewException("_heapscan.Error", NULL, NULL);
	if (!m || !error_type
	    || PyModule_AddStringConstant(m, "version", hs_version()) < 0)
		return NULL;
	Py_INCREF(error_type);
	if (PyModule_AddObject(m, "Error", error_type) < 0)
		return NULL;
	Py_INCREF(m);
	return m;
}
