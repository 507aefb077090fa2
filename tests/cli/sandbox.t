#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# When files are open, the program gives up the right to open others; what it
# says does not change by that.

. "${0%/*}/lib.sh"

core=$(recorded glibc-2.36)

heapscan leaks --no-sandbox "$core" >wanted
status=$?
heapscan leaks "$core" >out
is 'with and without it: the same status' $? $status
ok 'with and without it: the same report' cmp wanted out
heapscan --help >out
like 'the help names --no-sandbox' out '^  --no-sandbox '

if heapscan --version | grep '^without a sandbox: ' >why; then
	like 'the help says that there is none' out '--no-sandbox +nothing:'
	skip 'the rest' "$(cut -d: -f2- why)"
	exit 0
fi

# At the end of the program, which is within the sandbox, tries what nobody should
# be able to do from there.
cat >try.c <<'END'
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
tell(const char *what, long got)
{
	dprintf(2, "%s: %s\n", what, got >= 0 ? "done" : errno == EPERM ? "EPERM" : strerror(errno));
}

__attribute__((destructor)) static void
try(void)
{
	char *argv[] = { "true", NULL };
	struct stat st;
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	tell("open", open("/dev/null", O_RDONLY));
	tell("create", open("created", O_WRONLY | O_CREAT, 0600));
	tell("stat", stat("/etc", &st));
	tell("unlink", unlink("victim"));
	tell("socket", socket(AF_UNIX, SOCK_STREAM, 0));
	tell("execute memory", mprotect(p, 4096, PROT_READ | PROT_EXEC));
	tell("kill", syscall(SYS_kill, getpid(), 0));
	long child = syscall(SYS_clone, 17 /* SIGCHLD: fork() */, 0, 0, 0, 0);
	if (child == 0)
		_exit(0);
	tell("fork", child);
	tell("write", write(1, "", 0));
	if (access("/", F_OK) != 0)
		tell("execve", execve("/bin/true", argv, NULL));
}
END
if ! $CC -shared -fPIC -o try.so try.c 2>cc.log; then
	cat cc.log
	exit 1
fi

: >victim
LD_PRELOAD=$PWD/try.so "$HEAPSCAN" leaks "$core" >out 2>err
is 'what is tried in vain does not change the status' $? $status
ok 'nor the report' cmp wanted out
same 'nothing can be opened, made, connected to or started' err <<'END'
open: EPERM
create: EPERM
stat: EPERM
unlink: EPERM
socket: EPERM
execute memory: EPERM
kill: EPERM
fork: EPERM
write: done
execve: EPERM
END
ok 'no file was made' test ! -e created
ok 'none was removed' test -e victim

LD_PRELOAD=$PWD/try.so "$HEAPSCAN" leaks --no-sandbox "$core" >out 2>err
like 'with --no-sandbox files can be opened' err '^open: done'
like 'with --no-sandbox programs can be started' err '^fork: done'

# What may be written to is opened before.
echo old >report
heapscan leaks --json "$core" >wanted
heapscan leaks --json=report "$core" >out
ok 'a report goes to its file' cmp wanted report
echo old >report
heapscan leaks --json=report nothing 2>err
is 'a core that cannot be read leaves the last one as it was' "$(cat report)" old
if [ -w /dev/full ]; then
	heapscan leaks --json=/dev/full "$core" >out 2>err
	is 'a full disk: status' $? 3
	like 'a full disk: which file' err '^heapscan: /dev/full: No space left'
fi
