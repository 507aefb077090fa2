/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Notes: what the kernel or gdb says about the process.
 *
 * A thread begins with its NT_PRSTATUS; what else a thread has, its vector
 * registers, follows until the next one.  The first thread is the one that
 * died, or the one that gdb had selected.
 */
#include "core/parts.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

enum {
	CURSIG = 12, /* byte of NT_PRSTATUS with the signal, on every machine */
	/* NT_PRPSINFO ends alike on every machine: four pids, a name, arguments. */
	NAME = 16,
	ARGUMENTS = 80,
	PIDS = 4 * 4,
};

static void
read_thread(struct core *core, const struct note *note)
{
	const struct machine *m = core->machine;
	struct core_thread t = { .number = (unsigned)core->threads.n + 1 };
	uint16_t signal;

	if (note->size != m->prstatus_size) {
		lines_add(&core->notes,
		    "the registers of a thread take %" PRIu32
		    " bytes, not %u: left out",
		    note->size, m->prstatus_size);
		return;
	}
	memcpy(&t.tid, note->bytes + m->prstatus_tid, sizeof t.tid);
	for (unsigned i = 0; i < m->nregs; i++)
		t.reg[i] =
		    core_word(core, note->bytes + m->prstatus_regs + i * m->word);
	if (m->read_note)
		t.reg[m->tp] = 0; /* another note has it */
	thread_name_registers(&t, m);
	if (core->threads.n == 0) {
		memcpy(&signal, note->bytes + CURSIG, sizeof signal);
		core->signal = signal;
		if (core->pid == 0)
			core->pid = t.tid;
	}
	vec_push(&core->threads, t);
}

/* The larger note holds what the smaller one does. */
static void
read_vector(struct core *core, const struct note *note)
{
	if (core->threads.n == 0)
		return;
	struct core_thread *t = &core->threads.at[core->threads.n - 1];
	if (note->size > t->vector_size) {
		t->vector = note->bytes;
		t->vector_size = note->size;
	}
}

/* A note of a thread in which its machine may have the thread pointer. */
static void
read_other(struct core *core, const struct note *note)
{
	if (core->threads.n > 0 && core->machine->read_note
	    && note->owner_size == strlen("LINUX")
	    && memcmp(note->owner, "LINUX", note->owner_size) == 0)
		core->machine->read_note(&core->threads.at[core->threads.n - 1],
		    note->type, note->bytes, note->size);
}

static void
read_process(struct core *core, const struct note *note)
{
	const unsigned char *end = note->bytes + note->size;

	if (note->size < PIDS + NAME + ARGUMENTS || core->command)
		return;
	memcpy(&core->pid, end - ARGUMENTS - NAME - PIDS, sizeof core->pid);
	memcpy(core->program, end - ARGUMENTS - NAME, NAME);
	core->command = strndup((const char *)end - ARGUMENTS, ARGUMENTS);
	for (size_t n = core->command ? strlen(core->command) : 0;
	     n > 0 && core->command[n - 1] == ' '; n--)
		core->command[n - 1] = '\0'; /* the kernel puts one behind each word */
}

static void
read_auxv(struct core *core, const struct note *note)
{
	unsigned word = core->machine->word;

	for (uint32_t at = 0; note->size - at >= 2 * word; at += 2 * word) {
		struct auxv v = { core_word(core, note->bytes + at),
			core_word(core, note->bytes + at + word) };

		if (v.type == AT_NULL)
			break;
		vec_push(&core->auxv, v);
	}
}

static void
read_siginfo(struct core *core, const struct note *note)
{
	if (note->size >= sizeof(int32_t) && core->signal == 0)
		memcpy(&core->signal, note->bytes, sizeof(int32_t));
}

static void
read_note(struct core *core, const struct note *note)
{
	if (note_is(note, "CORE", NT_PRSTATUS))
		read_thread(core, note);
	else if (note_is(note, "CORE", NT_FPREGSET)
	    || note_is(note, "LINUX", NT_X86_XSTATE)
	    || note_is(note, "LINUX", NT_PRXFPREG)
	    || note_is(note, "LINUX", NT_ARM_SVE))
		read_vector(core, note);
	else if (note_is(note, "CORE", NT_PRPSINFO))
		read_process(core, note);
	else if (note_is(note, "CORE", NT_AUXV))
		read_auxv(core, note);
	else if (note_is(note, "CORE", NT_SIGINFO))
		read_siginfo(core, note);
	else if (note_is(note, "CORE", NT_FILE))
		files_read(core, note);
	else
		read_other(core, note);
}

static void
read_segment(struct core *core, const struct headers *h, const Elf64_Phdr *p)
{
	uint64_t have;
	const unsigned char *bytes = headers_bytes(h, p->p_offset, p->p_filesz, &have);
	struct notes it = { .bytes = bytes, .size = have, .align = 4 };
	struct note note;

	if (have < p->p_filesz) {
		core_was_cut(core, "notes");
		if (__builtin_add_overflow(core->missing, p->p_filesz - have,
			&core->missing))
			core->missing = UINT64_MAX;
	}
	if (!bytes)
		return;
	while (notes_next(&it, &note))
		read_note(core, &note);
	if (it.broken)
		lines_add(&core->notes,
		    "the note at offset 0x%" PRIx64 " runs past the end of the notes: "
		    "left out with what follows",
		    p->p_offset + it.at);
}

bool
notes_read(struct core *core, const struct headers *h, struct hs_error *err)
{
	for (uint64_t i = 0; i < h->count; i++) {
		Elf64_Phdr p = headers_at(h, i);

		if (p.p_type == PT_NOTE)
			read_segment(core, h, &p);
	}
	/* A stop is how gdb got hold of the process, and ends none. */
	if (core->signal == SIGSTOP || core->signal < 0 || core->signal > SIGRTMAX)
		core->signal = 0;
	if (core->threads.n == 0)
		lines_add(&core->notes, "there are no threads' registers in it");
	return core->threads.broke || core->auxv.broke ? fail_nomem(err) : true;
}
