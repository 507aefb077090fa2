/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A core file: its segments, its notes, its threads; or a stopped process,
 * copied to a temporary file and from then on the same.
 *
 * Says what is in the file and how far the file goes; what was at an address
 * is space/'s business.  All bytes are used in place, from a mapping of the
 * file, and all of it may be hostile.
 */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "base/error.h"
#include "base/line.h"
#include "base/progress.h"
#include "base/range.h"
#include "base/vec.h"

#include <elf.h>

struct core;
struct core_thread;

/* What differs between machines; see core/machines.c.  To add one, write
 * src/core/NAME.c with a const struct machine and name it in machines[]. */
struct machine {
	const char *name;  /* "x86-64" */
	int elf_machine;   /* EM_* */
	int elf_class;     /* ELFCLASS* */
	unsigned word;     /* bytes of a pointer */
	unsigned red_zone; /* bytes below SP that a leaf function may use */
	unsigned tag_bits; /* top bits of an address that the machine ignores */
	bool tls_above; /* static TLS lies above the thread pointer, and the descriptor below */
	unsigned nregs; /* general registers, in NT_PRSTATUS but for .tp of some machines */
	const char *const *reg_names;
	unsigned prstatus_size, prstatus_tid, prstatus_regs; /* bytes */
	unsigned sp, pc, tp;                 /* indices of registers */
	bool (*holds_pointer)(unsigned reg); /* false for flags, selectors and the like */
	/* Where NT_PRSTATUS lacks the thread pointer, else NULL.  Takes it from another
	 * note of the thread, if that has it. */
	void (*read_note)(struct core_thread *t, uint32_t type,
	    const unsigned char *bytes, uint32_t size);
	/* Gives threads that are still without one theirs; those without any are .lost then. */
	void (*find_pointers)(struct core *core);
};

/* The bits of a word that make an address; all are set where no tags are. */
static inline uint64_t
machine_address_mask(const struct machine *m)
{
	return UINT64_MAX >> m->tag_bits;
}

/* Ends with NULL. */
extern const struct machine *const machines[];

enum { CORE_MAX_REGS = 40 };

struct segment {
	struct range range;         /* in the memory of the process */
	const unsigned char *bytes; /* the first `have` bytes of it */
	uint64_t have;              /* bytes that are in the file */
	uint64_t promised; /* p_filesz: have < promised when the file is cut,
			    * or when memory of a process could not be read */
	unsigned flags;    /* PF_R, PF_W, PF_X */
};

struct core_thread {
	unsigned number; /* what reports call it, from 1 */
	int32_t tid;
	bool lost; /* its registers are not known: those that are not are 0 */
	hs_addr sp, pc,
	    tp; /* tp: the thread pointer, fs_base or gs_base on x86; 0: unknown */
	uint64_t reg[CORE_MAX_REGS]; /* machine->nregs of them */
	const unsigned char *vector; /* floating-point and vector registers as the note has */
	size_t vector_size; /* them (the largest note of the thread), or NULL and 0 */
};

/* A file that was mapped, from NT_FILE or from the list of mappings. */
struct file_mapping {
	struct range range;
	uint64_t offset;  /* of range.start in the file, bytes */
	const char *path; /* as recorded: " (deleted)" may be at its end */
};

struct auxv {
	uint64_t type, value;
};

struct core {
	const char *path; /* as given, or the name of the process: for messages */
	const struct machine *machine;
	const unsigned char *map; /* the whole file, which may be a temporary one */
	uint64_t size;            /* bytes of the file, after decompression */
	uint64_t missing;         /* bytes that a cut file lost, as far as known */
	/* Of the map: large holes of the file, which are zeros; sorted. */
	struct VEC(struct range) holes;
	bool cut;       /* the file ends before its contents do */
	bool has_files; /* it is known which files were mapped: NT_FILE was there */
	struct VEC(struct segment) segments; /* sorted by address, not overlapping */
	struct VEC(struct core_thread) threads; /* as noted or given; the one that died is first */
	struct VEC(struct file_mapping) files; /* sorted by address */
	struct VEC(struct auxv) auxv;
	int32_t pid;
	int signal;         /* that ended it, 0 if none */
	char program[17];   /* the kernel's short name of it, "" if unknown */
	char *command;      /* its command line, owned; NULL if unknown */
	struct lines notes; /* what is odd in the file */
};

#define CORE_EMPTY ((struct core) { .map = NULL })

/*
 * Opens path ("-": standard input), decompresses it when it is .zst, .xz,
 * .gz, .lz4 or .bz2 (told by its first bytes), and reads headers and notes.  False when it
 * is no core that we can read; *core is then untouched.  A cut file is no
 * failure: .cut says so.
 */
bool core_open(struct core *core, const char *path, const struct progress *progress,
    struct hs_error *err) MUST_CHECK;

/* The same, but messages call the core by that name; NULL: by its path. */
bool core_open_as(struct core *core, const char *path, const char *name,
    const struct progress *progress, struct hs_error *err) MUST_CHECK;

/*
 * Copies the memory of a stopped process, and takes from *target all that the
 * core has: nothing of it but its name is used afterwards.  False when there
 * is nothing to read; *core is then untouched.  Memory that could not be read
 * is no failure: its segment promises more than it has.
 */
bool core_of_target(struct core *core, const struct hs_target *target,
    const struct progress *progress, struct hs_error *err) MUST_CHECK;

void core_fini(struct core *core);

/*
 * Shall the kernel read ahead?  At first it does, as for a file that is read
 * from front to back.  Where the next word may be anywhere that is in vain,
 * and a core larger than memory would be read over and over.
 */
void core_read_ahead(const struct core *core, bool ahead);

/*
 * Does the file at path look like a core?  True also of a compressed file,
 * since nothing else that we are given is.  False when it cannot be read.
 */
bool core_is_core(const char *path);

/* The value of auxv entry `type`; false when there is none. */
bool core_auxv(const struct core *core, uint64_t type, uint64_t *value);

/*
 * Of n bytes of the map, n > 0: how many, from the first on, are of one kind.
 * *hole: zeros that need not be looked at; reading them costs a page fault each.
 */
uint64_t core_stretch(const struct core *core, const unsigned char *bytes,
    uint64_t n, bool *hole);

/* The mapping of a file that holds a, or NULL. */
const struct file_mapping *core_file_at(const struct core *core, hs_addr a);

/* The part of the core where a lies, or NULL when no segment covers it. */
const struct segment *core_segment_at(const struct core *core, hs_addr a);

#endif
