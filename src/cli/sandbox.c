/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sandbox: a core may come from anyone, and code that reads one may be
 * wrong.  When every file is open and nothing was analysed yet, a filter in the
 * kernel (seccomp) takes all from us that the rest does not need: from then on
 * nothing can be opened, connected to or started, whatever happens.
 *
 * What is left: memory, but none that can be executed; reading and writing
 * what is open; threads, but no processes; the clock; the end.  Anything else
 * fails with EPERM, as if we had no right to it, and whoever called says so:
 * nothing is killed.  clone3() fails with ENOSYS instead, since a filter cannot
 * see its flags; the C library then takes clone(), whose flags it can.
 *
 * Refused calls that do come and do no harm: /proc/meminfo, /sys and the like, for
 * which a C library has another answer when it cannot have theirs.
 *
 * Names of calls are looked up when the program runs: which there are depends on
 * the machine, the kernel's headers and the release of libseccomp.
 */
#include "cli/cli.h"

#include "config.h"

#include <stdio.h>

/* The sanitizers' own work at the end needs files and processes. */
#if defined HAVE_SECCOMP && !defined HS_DEBUG

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Whatever their arguments. */
static const char *const allowed[] = {
	/* memory */
	"brk",
	"madvise",
	"mremap",
	"munmap",
	/* what is open */
	"_llseek",
	"close",
	"fadvise64",
	"fadvise64_64",
	"fstat",
	"fstat64",
	"ftruncate",
	"ftruncate64",
	"lseek",
	"poll",
	"pread64",
	"preadv",
	"pwrite64",
	"read",
	"readv",
	"write",
	"writev",
	/* threads, and what they wait for */
	"futex",
	"futex_time64",
	"gettid",
	"membarrier",
	"rseq",
	"sched_getaffinity",
	"sched_yield",
	"set_robust_list",
	/* signals that come */
	"restart_syscall",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"sigreturn",
	/* the clock and the machine */
	"clock_getres",
	"clock_gettime",
	"clock_gettime64",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"getcpu",
	"getpid",
	"getrandom",
	"getrlimit",
	"gettimeofday",
	"nanosleep",
	"sysinfo",
	"time",
	"ugetrlimit",
	/* the end */
	"exit",
	"exit_group",
	NULL,
};

static int
add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned n,
    const struct scmp_arg_cmp *argument)
{
	int call = seccomp_syscall_resolve_name(name);

	return call == __NR_SCMP_ERROR
	    ? 0 /* there is none here */
	    : seccomp_rule_add_array(filter, action, call, n, argument);
}

/* Only when bits `mask` of its argument `which`, counted from 0, are `wanted`. */
static int
add_if(scmp_filter_ctx filter, const char *name, unsigned which, uint64_t mask,
    uint64_t wanted)
{
	struct scmp_arg_cmp argument =
	    SCMP_CMP(which, SCMP_CMP_MASKED_EQ, mask, wanted);

	return add(filter, SCMP_ACT_ALLOW, name, 1, &argument);
}

static int
add_guarded(scmp_filter_ctx filter)
{
	static const uint64_t thread = CLONE_VM | CLONE_THREAD, all = UINT32_MAX;
	int failed = 0;

	failed |= add_if(filter, "mmap", 2, PROT_EXEC, 0);
	failed |= add_if(filter, "mmap2", 2, PROT_EXEC, 0);
	failed |= add_if(filter, "mprotect", 2, PROT_EXEC, 0);
	failed |= add_if(filter, "clone", 0, thread, thread);
	failed |= add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);
	failed |= add_if(filter, "newfstatat", 3, AT_EMPTY_PATH, AT_EMPTY_PATH);
	failed |= add_if(filter, "statx", 2, AT_EMPTY_PATH, AT_EMPTY_PATH);
	failed |= add_if(filter, "ioctl", 1, all, TCGETS); /* isatty() */
	failed |= add_if(filter, "ioctl", 1, all, TIOCGWINSZ);
	failed |= add_if(filter, "prlimit64", 2, UINTPTR_MAX, 0); /* it only asks */
	failed |= add_if(filter, "tgkill", 0, all, (uint64_t)getpid()); /* abort() */
	return failed;
}

static int
fill(scmp_filter_ctx filter)
{
	int failed = add_guarded(filter);

	for (size_t i = 0; allowed[i]; i++)
		failed |= add(filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
	/* calls of another machine's, as x86-64 has those of i386 and x32 */
	failed |=
	    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
	return failed;
}

const char *
sandbox_missing(void)
{
	return NULL;
}

bool
sandbox_enter(struct hs_error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int failed = filter ? fill(filter) : -ENOMEM;

	failed = failed ? failed : seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	if (!failed)
		return true;
	snprintf(err->text, sizeof err->text,
	    "this system allows no sandbox: --no-sandbox does without");
	err->status = HS_FAILED;
	return false;
}

#else

const char *
sandbox_missing(void)
{
#ifdef HAVE_SECCOMP
	return "built with sanitizers";
#else
	return "built without libseccomp";
#endif
}

bool
sandbox_enter(struct hs_error *err)
{
	(void)err;
	return true;
}

#endif
