/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that shrink under a mapping. */
#include "base/fault.h"
#include "unit/check.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 4 };

/* A mapped file of so many pages of 'x', and its descriptor. */
struct mapped {
	int fd;
	size_t size, page;
	volatile char *map;
};

static struct mapped
map_file(void)
{
	char name[] = "fault.XXXXXX";
	struct mapped m = { .fd = mkstemp(name) };

	m.page = (size_t)sysconf(_SC_PAGESIZE);
	m.size = PAGES * m.page;
	for (size_t i = 0; i < m.size; i++)
		if (write(m.fd, "x", 1) != 1)
			abort();
	unlink(name);
	m.map = mmap(NULL, m.size, PROT_READ, MAP_PRIVATE, m.fd, 0);
	return m;
}

static void
unmap_file(struct mapped *m)
{
	fault_unwatch((void *)m->map);
	munmap((void *)m->map, m->size);
	close(m->fd);
}

static void
lost_page_reads_as_zeros_and_is_remembered(void)
{
	struct mapped m = map_file();
	uint64_t offset = 0;

	CHECK(fault_watch((void *)m.map, m.size));
	fault_guard();
	CHECK(!fault_met((void *)m.map, &offset));
	CHECK(ftruncate(m.fd, (off_t)m.page) == 0);
	CHECK(m.map[2 * m.page + 5] == 0);
	CHECK(m.map[0] == 'x');
	CHECK(fault_met((void *)m.map, &offset) && offset == 2 * m.page + 5);
	CHECK(m.map[3 * m.page] == 0);
	CHECK(fault_met((void *)m.map, &offset) && offset == 2 * m.page + 5);
	fault_release();
	unmap_file(&m);
}

static void
mappings_are_told_apart(void)
{
	struct mapped a = map_file(), b = map_file();
	uint64_t offset;

	CHECK(fault_watch((void *)a.map, a.size));
	CHECK(fault_watch((void *)b.map, b.size));
	fault_guard();
	CHECK(ftruncate(b.fd, 0) == 0);
	CHECK(b.map[1] == 0);
	CHECK(!fault_met((void *)a.map, &offset));
	CHECK(fault_met((void *)b.map, &offset) && offset == 1);
	fault_release();
	unmap_file(&a);
	unmap_file(&b);
}

static void
forgotten_mapping_is_new_when_watched_again(void)
{
	struct mapped m = map_file();
	uint64_t offset;

	CHECK(fault_watch((void *)m.map, m.size));
	fault_guard();
	CHECK(ftruncate(m.fd, 0) == 0);
	CHECK(m.map[0] == 0);
	fault_unwatch((void *)m.map);
	CHECK(!fault_met((void *)m.map, &offset));
	CHECK(fault_watch((void *)m.map, m.size));
	CHECK(!fault_met((void *)m.map, &offset));
	fault_release();
	unmap_file(&m);
}

static volatile sig_atomic_t others;

static void
count_other(int sig)
{
	(void)sig;
	others++;
}

static void
what_is_not_ours_goes_to_who_was_there_before(void)
{
	void (*was)(int) = signal(SIGBUS, count_other);

	fault_guard();
	fault_guard();
	raise(SIGBUS);
	CHECK(others == 1);
	fault_release();
	raise(SIGBUS);
	CHECK(others == 2);
	fault_release();
	CHECK(signal(SIGBUS, was) == count_other);
}

static void
unwatched_failure_still_kills(void)
{
	struct mapped m = map_file();
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		signal(SIGBUS, SIG_DFL);
		fault_guard();
		_exit(ftruncate(m.fd, 0) || m.map[0]);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	unmap_file(&m);
}

TESTS(lost_page_reads_as_zeros_and_is_remembered, mappings_are_told_apart,
    forgotten_mapping_is_new_when_watched_again,
    what_is_not_ours_goes_to_who_was_there_before, unwatched_failure_still_kills)
