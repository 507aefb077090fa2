/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file itself.
 *
 * A core is mapped, never read into memory: it may be larger than that, and
 * what nobody looks at costs nothing.  Later stages go through it in the order
 * of addresses, which is that of the file, so the kernel is told to read ahead.
 *
 * Holes.  A sparse core of 20 GB may have 20 MB on disk.  Reading a hole
 * through the mapping would fill the page cache with zeros, a page each.  So
 * holes are listed, for those who read all there is, and large ones are
 * covered with anonymous memory that is never written to, for all others: the
 * kernel has one page of zeros for all of it.
 */
#include "core/input.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "core/unpack.h"

enum {
	HOLE_LEAST = 1 << 14, /* bytes that are worth a place in the list */
	HOLES_MOST = 1 << 20,
	COVER_LEAST = 1 << 20, /* bytes: below that a cover costs more than it saves */
	COVERS_MOST = 10000, /* a process may have 65,530 mappings */
};

static int
open_path(const char *path)
{
	return strcmp(path, "-") == 0 ? STDIN_FILENO
				      : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

static bool
can_be_a_core(const struct stat *st, struct hs_error *err)
{
	if (S_ISDIR(st->st_mode))
		return fail(err, "is a directory: name the core file in it");
	if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode) && !S_ISSOCK(st->st_mode))
		return fail(err, "is neither a file nor a pipe: name a core file");
	return true;
}

static void
find_holes(struct core *core, int fd)
{
	off_t was = lseek(fd, 0, SEEK_CUR); /* standard input is not ours alone */
	off_t hole, data = 0;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; data >= 0 && i < HOLES_MOST; i++) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0 || (uint64_t)hole >= core->size)
			break;
		data = lseek(fd, hole, SEEK_DATA);
		uint64_t start = align_up((uint64_t)hole, page), end = core->size;
		if (data >= 0 && (uint64_t)data < end)
			end = align_down((uint64_t)data, page);
		if (end > start && end - start >= HOLE_LEAST)
			vec_push(&core->holes, (struct range) { start, end });
	}
	if (was >= 0)
		(void)!lseek(fd, was, SEEK_SET);
}

static void
cover_holes(const struct core *core)
{
	unsigned covers = 0;

	for (size_t i = 0; i < core->holes.n && covers < COVERS_MOST; i++) {
		struct range r = core->holes.at[i];

		if (range_size(r) < COVER_LEAST)
			continue;
		if (mmap((void *)(core->map + r.start), range_size(r), PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0)
		    == MAP_FAILED)
			break;
		covers++;
	}
}

/*
 * Reading ahead from a page between holes reads the holes, megabytes of them.
 * So in a file that is mostly holes it is for long stretches of data only.
 */
static void
spare_holes(const struct core *core)
{
	uint64_t holes = 0, from = 0;
	unsigned stretches = 0;

	for (size_t i = 0; i < core->holes.n; i++)
		holes += range_size(core->holes.at[i]);
	if (holes < core->size / 2)
		return;
	(void)madvise((void *)core->map, core->size, MADV_RANDOM);
	for (size_t i = 0; i <= core->holes.n && stretches < COVERS_MOST; i++) {
		bool last = i == core->holes.n;
		uint64_t end = last ? core->size : core->holes.at[i].start;

		if (end - from >= COVER_LEAST) {
			(void)madvise((void *)(core->map + from), end - from,
			    MADV_NORMAL);
			stretches++;
		}
		from = last ? end : core->holes.at[i].end;
	}
}

bool
input_map(struct core *core, int fd, uint64_t size, struct hs_error *err)
{
	if (size == 0)
		return fail(err,
		    "is empty: was the disk full when the core was written?");
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* mappings heed it too */
	void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return fail(err, "cannot map %llu bytes: %s",
		    (unsigned long long)size, strerror(errno));
	core->map = map;
	core->size = size;
	find_holes(core, fd);
	cover_holes(core);
	spare_holes(core);
	return fault_watch(map, size) ? true : fail_nomem(err);
}

static bool
map_unpacked(struct core *core, int fd, uint64_t size,
    const struct progress *progress, struct hs_error *err)
{
	scoped(spool_close) struct spool out = SPOOL_EMPTY;
	autofree struct stream *in = calloc(1, sizeof *in);

	if (!in)
		return fail_nomem(err);
	in->fd = fd;
	in->size = size;
	in->progress = progress;
	return spool_open(&out, err) && unpack(in, &out, &core->cut, &core->notes, err)
	    && input_map(core, out.fd, spool_size(&out), err);
}

/* In place, when it is a file and not compressed. */
static bool
map_input(struct core *core, int fd, const struct progress *progress,
    struct hs_error *err)
{
	unsigned char magic[MAGIC_MOST];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(err, "%s", strerror(errno));
	if (!can_be_a_core(&st, err))
		return false;
	if (!S_ISREG(st.st_mode))
		return map_unpacked(core, fd, 0, progress, err);
	ssize_t n = pread(fd, magic, sizeof magic, 0);
	if (n < 0)
		return fail(err, "cannot read: %s", strerror(errno));
	if (!format_find(magic, (size_t)n))
		return input_map(core, fd, (uint64_t)st.st_size, err);
	return lseek(fd, 0, SEEK_SET) < 0
	    ? fail(err, "%s", strerror(errno))
	    : map_unpacked(core, fd, (uint64_t)st.st_size, progress, err);
}

bool
input_open(struct core *core, const char *path, const struct progress *progress,
    struct hs_error *err)
{
	int fd = open_path(path);

	if (fd < 0)
		return fail(err, "%s", strerror(errno));
	bool ok = map_input(core, fd, progress, err);
	if (fd != STDIN_FILENO)
		close(fd);
	return ok;
}

void
core_read_ahead(const struct core *core, bool ahead)
{
	(void)madvise((void *)core->map, core->size, ahead ? MADV_NORMAL : MADV_RANDOM);
	if (ahead)
		spare_holes(core);
}

void
input_close(struct core *core)
{
	if (!core->map)
		return;
	fault_unwatch(core->map);
	munmap((void *)core->map, core->size);
	core->map = NULL;
}

bool
core_is_core(const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	unsigned char head[EI_NIDENT + 2];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	ssize_t n = pread(fd, head, sizeof head, 0);
	if (n == sizeof head && memcmp(head, ELFMAG, SELFMAG) == 0)
		return head[head[EI_DATA] == ELFDATA2MSB ? EI_NIDENT + 1 : EI_NIDENT]
		    == ET_CORE;
	return n > 0 && format_find(head, (size_t)n);
}
