# SPDX-License-Identifier: GPL-3.0-or-later
"""What gdb looks at: a core, a process, and all that it knows of it."""

import contextlib
import os
import re
import shutil
import tempfile

import gdb

ADDRESSES = 1 << 64


def kind():
    """'core', 'native' or what else gdb calls its target; None without one."""
    stack = gdb.execute('maint print target-stack', to_string=True)
    kinds = re.findall(r'^ +- (\S+) \(', stack, re.MULTILINE)
    for kind in ('core', 'native'):
        if kind in kinds:
            return kind
    return kinds[0] if kinds and kinds[0] not in ('exec', 'None') else None


def is_core(path):
    """Does the file's ELF header say ET_CORE?"""
    try:
        with open(path, 'rb') as f:
            head = f.read(18)
    except OSError:
        return False
    return head[:4] == b'\x7fELF' and b'\4' in (head[16:17], head[17:18])


def core_path():
    """The core's file name, of which gdb 13 only tells people."""
    for line in gdb.execute('info target', to_string=True).splitlines():
        found = re.match(r'\s+.(.+)., [^,]*$', line)
        if found and is_core(found.group(1)):
            return found.group(1)
    raise gdb.GdbError('gdb does not say where the core file is, or it is gone')


# ---- A process

def remote_file(path):
    """A file of the remote machine, or None when the stub cannot send it."""
    folder = tempfile.mkdtemp()
    try:
        name = os.path.join(folder, 'file')
        gdb.execute("remote get %s '%s'" % (path, name), to_string=True)
        with open(name, 'rb') as f:
            return f.read()
    except (gdb.error, OSError):
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def told_mappings():
    """What `info proc mappings` shows (its Perms: since gdb 12), as /proc has it."""
    lines = []
    try:
        table = gdb.execute('info proc mappings', to_string=True)
    except gdb.error:
        return b''
    for line in table.splitlines():
        row = re.match(r'\s*0x(\w+)\s+0x(\w+)\s+0x\w+\s+0x(\w+)\s+([-rwxsp]{4})\s*(.*)',
                       line)
        if row:
            lines.append('%s-%s %s %s 0 0 %s' % (row.group(1, 2, 4, 3) + (row.group(5),)))
    return os.fsencode('\n'.join(lines))


def mappings(folder, native):
    """A row of (start, end, access, offset, path) for each mapping."""
    rows = []
    if native:
        with open(folder + '/maps', 'rb') as f:
            text = f.read()
    else:
        text = remote_file(folder + '/maps') or told_mappings()
    for line in text.splitlines():
        row = re.match(rb'(\w+)-(\w+) ([-rwxsp]{4}) (\w+) \S+ \d+ *(.*)', line)
        if row:
            start, end, offset = (int(row.group(i), 16) for i in (1, 2, 4))
            rows.append((start, end, row.group(3).decode(), offset,
                         os.fsdecode(row.group(5)) or None))
    if not rows:
        raise gdb.GdbError('what memory the process has cannot be told: has it ended?'
                           if native else
                           'the remote target does not say what memory is mapped')
    return rows


def auxv():
    """The auxiliary vector, as (type, value)."""
    entry = re.compile(r'(\d+)\s.*\s(0x[0-9a-f]+|\d+)(?:\s".*")?$')
    try:
        lines = gdb.execute('info auxv', to_string=True).splitlines()
    except (gdb.error, UnicodeDecodeError):
        return []
    found = (entry.match(line) for line in lines)
    return [(int(f.group(1)), int(f.group(2), 0)) for f in found if f]


def vector_bytes(value):
    """The contents of a wide register as whole words; b'' when they cannot be had."""
    if hasattr(value, 'bytes'):  # since gdb 15
        return value.bytes[:len(value.bytes) // 8 * 8]
    if value.type.strip_typedefs().code != gdb.TYPE_CODE_UNION:
        return b''
    lanes = [f.name for f in value.type.fields() if f.name.endswith('int64')]
    words = value[lanes[0]] if lanes else None
    count = words.type.range()[1] + 1 if lanes else 0
    return b''.join((int(words[i]) % ADDRESSES).to_bytes(8, 'little')
                    for i in range(count))


def registers(frame):
    """Those that are numbers, by name, and the bytes of wider ones."""
    numbers, wide = {}, []
    architecture = frame.architecture()
    names = {r.name for group in ('all', 'system') for r in architecture.registers(group)}
    for name in sorted(names):
        try:
            value = frame.read_register(name)
            if value.type.sizeof > 8:
                wide.append(vector_bytes(value))
            else:
                numbers[name] = int(value) % ADDRESSES
        except (gdb.error, ValueError):
            pass  # not to be had in this process
    return numbers, b''.join(wide)


def position():
    """Where the selected thread is: changes by stepping through a recording, too."""
    frame = gdb.newest_frame()
    return frame.pc(), int(frame.read_register('sp'))


@contextlib.contextmanager
def selection_kept():
    """Whoever looks at other threads leaves gdb's choice as it was."""
    thread = gdb.selected_thread()
    try:
        frame = gdb.selected_frame()
    except gdb.error:
        frame = None
    try:
        yield
    finally:
        if thread and thread.is_valid():
            thread.switch()
        if frame and frame.is_valid():
            frame.select()


def threads(inferior):
    """A row of (number, tid, registers, vectors) for each thread."""
    rows = []
    with selection_kept():
        for thread in sorted(inferior.threads(), key=lambda t: t.num):
            thread.switch()
            try:
                frame = gdb.newest_frame()
            except gdb.error as e:  # is_running() is true in breakpoints' conditions, too
                raise gdb.GdbError('thread %d cannot be looked at: %s' % (thread.num, e))
            rows.append((thread.num, thread.ptid[1] or thread.ptid[2] or thread.ptid[0])
                        + registers(frame))
    return rows


def reader(inferior):
    """Reads memory through gdb."""
    def read(address, size):
        try:
            return bytes(inferior.read_memory(address, size))
        except gdb.MemoryError:
            return None
    return read


@contextlib.contextmanager
def opened(path, wanted):
    """A descriptor of the file, or -1."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if wanted else -1
    except OSError:
        fd = -1
    try:
        yield fd
    finally:
        if fd >= 0:
            os.close(fd)


# ---- What _heapscan.open() wants to know

def parameter(name):
    """A setting of gdb; None where this gdb has none of that name."""
    try:
        return gdb.parameter(name)
    except RuntimeError:
        return None


def file_of(owner):
    """The path of an object file or a program space; None when gdb's charset lacks a letter."""
    try:
        return owner.filename
    except UnicodeDecodeError:
        return None


def on_this_host(path):
    return bool(path) and not path.startswith('target:')


def sysroot():
    path = parameter('sysroot')
    return path if on_this_host(path) and path.strip('/') else None


def debug_dirs():
    return tuple(d for d in (parameter('debug-file-directory') or '').split(':') if d)


def object_files(inferior):
    """The program's files as gdb found them, or was told."""
    names = [file_of(o) for o in inferior.progspace.objfiles() if o.is_valid()]
    return sorted({n for n in names if on_this_host(n) and os.path.isabs(n)})


def own_files(inferior):
    """The program's files as the process sees them: deleted, or in another namespace."""
    folder = '/proc/%d' % inferior.pid
    names = [file_of(o) or '' for o in inferior.progspace.objfiles() if o.is_valid()]
    return [folder + '/exe'] + [folder + '/root' + n[len('target:'):]
                                for n in names if n.startswith('target:/')]


def key(inferior):
    """What an analysis is of: it holds no longer than this stays the same."""
    what = kind()
    if what != 'core' and (not what or not inferior.pid):
        raise gdb.GdbError('there is neither a process nor a core: '
                           'run the program, attach to it, or load a core')
    return what, inferior.pid, file_of(inferior.progspace), sysroot(), debug_dirs()


def stamp(core):
    """Changes when the file does; None for a process."""
    s = core and os.stat(core)
    return s and (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns)


@contextlib.contextmanager
def described(inferior, what):
    """The arguments of _heapscan.open(), for what key() said."""
    exe = file_of(inferior.progspace)
    args = {'core': None, 'target': None, 'exe': None, 'sysroot': sysroot(),
            'debug_dirs': debug_dirs(), 'files': object_files(inferior)}
    if what[0] == 'core':
        yield dict(args, core=core_path(), exe=exe if on_this_host(exe) else None)
        return
    native = what[0] == 'native'
    if native:
        args['files'] += own_files(inferior)
    rows = threads(inferior)
    # The first thread may have ended before the others.
    folder = '/proc/%d/task/%d' % (inferior.pid, rows[0][1] if rows else inferior.pid)
    with opened(folder + '/mem', native) as mem, \
            opened(folder + '/pagemap', mem >= 0) as pagemap:
        yield dict(args, target=('process %d' % inferior.pid, inferior.pid,
                                 mappings(folder, native), rows, auxv(), mem, pagemap,
                                 reader(inferior)))
