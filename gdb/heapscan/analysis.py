# SPDX-License-Identifier: GPL-3.0-or-later
"""Analyses: made when asked for, kept until what they are of moves.

One for each inferior.  A process that runs on, a core that gives way to
another, memory that is written to: the analysis goes, and the next command
says so.
"""

import codecs
import contextlib
import json
import os
import re
import time

import gdb

from . import _heapscan, target


class Kept:
    """An analysis, and what it is of."""

    def __init__(self, key, core, scan):
        self.key, self.core, self.scan = key, core, scan
        self.stamp = target.stamp(core)
        self.positions = {}  # of a process's threads, as far as they were selected

    def has_moved(self):
        """Did gdb take it elsewhere without an event, as `record goto` does?"""
        thread = None if self.core else gdb.selected_thread()
        if not thread:
            return False
        now = target.position()
        return self.positions.setdefault(thread.num, now) != now

    def why_not(self, key):
        """Why it is not what key stands for now; None when it is."""
        if self.key != key:
            return 'gdb came to look at something else'
        if self.stamp != target.stamp(self.core):
            return 'the core file was changed'
        return 'the program was moved' if self.has_moved() else None


prefix = 'heapscan'  # of commands in hints
kept = {}  # by the inferior's number
forgotten = {}  # by the same: why the last one went, until that was said


def forget(number, why):
    if kept.pop(number, None):
        forgotten[number] = why


def say(text):
    gdb.write('heapscan: %s\n' % text, gdb.STDERR)


class Progress:
    """One line on a terminal, for work of more than a second."""

    PATIENCE, BETWEEN = 1.0, 0.1  # seconds

    def begin(self):
        self.start = self.last = self.since = time.monotonic()
        self.stage, self.shown = None, False

    def end(self):
        if self.shown:
            os.write(2, b'\r\x1b[K')
            self.shown = False

    def __call__(self, stage, percent, done, all):
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.since = stage, now
        if stage == 'writing':
            self.end()
        elif (now - self.start >= self.PATIENCE and now - self.last >= self.BETWEEN
              and os.isatty(2) and os.environ.get('TERM', 'dumb') != 'dumb'):
            text = _heapscan.progress_text(stage, percent, done, all, now - self.since)
            os.write(2, b'\rheapscan: %s\x1b[K' % text.encode())
            self.last, self.shown = now, True


class Report:
    """Takes a report's bytes to where gdb writes: its pager, its log."""

    def begin(self):
        self.decoder = codecs.getincrementaldecoder('utf-8')('replace')

    def __call__(self, data):
        text = self.decoder.decode(data)
        try:
            gdb.write(text)
        except UnicodeEncodeError:  # gdb's host charset lacks a letter
            gdb.write(re.sub('[^\0-\x7f]', lambda m: json.dumps(m.group())[1:-1], text))


progress, report = Progress(), Report()


def current():
    """The analysis of the selected inferior; the one from before if it still holds."""
    inferior = gdb.selected_inferior()
    number, key = inferior.num, target.key(inferior)
    why = number in kept and kept[number].why_not(key)
    if why:
        forget(number, why)
    if number in forgotten:
        say('%s since the last report: analysing anew' % forgotten.pop(number))
    if number not in kept:
        with target.described(inferior, key) as args:
            try:
                scan = _heapscan.open(prefix=prefix, write=report, progress=progress, **args)
            except _heapscan.Error as e:
                if args['exe'] and args['exe'] in str(e):
                    raise gdb.GdbError('%s: "file" alone makes gdb let go of it' % e)
                raise
            kept[number] = Kept(key, args['core'], scan)
            kept[number].has_moved()
    return kept[number].scan


@contextlib.contextmanager
def told_as_errors():
    """Whatever goes wrong is a line from gdb, which goes on."""
    progress.begin()
    report.begin()
    try:
        yield
    except (gdb.GdbError, KeyboardInterrupt):
        raise
    except (gdb.error, _heapscan.Error) as e:
        raise gdb.GdbError(str(e))
    except OSError as e:
        raise gdb.GdbError('%s: %s' % (e.filename, e.strerror) if e.filename else str(e))
    except Exception as e:
        raise gdb.GdbError('heapscan: %s: %s' % (type(e).__name__, e))
    finally:
        progress.end()


# ---- When an analysis holds no more

def on_cont(event):
    # In all-stop mode gdb does not say which process it lets go.
    for number in [n for n, k in kept.items() if k.key[0] != 'core']:
        forget(number, 'the program ran on')


def on_exited(event):
    last = kept.get(event.inferior.num)
    forget(event.inferior.num, 'gdb closed the core' if last and last.core else
           'the program ended')


def on_deleted(event):
    kept.pop(event.inferior.num, None)
    forgotten.pop(event.inferior.num, None)


def on_changed(event):
    forget(gdb.selected_inferior().num, 'memory or a register was written to')


def on_files(event):
    gone = getattr(event, 'new_objfile', None) or getattr(event, 'objfile', None)
    space = getattr(event, 'progspace', None) or (gone.progspace if gone else None)
    for inferior in gdb.inferiors():
        if inferior.progspace == space:
            forget(inferior.num, "gdb's files of the program changed")


def watch():
    handlers = {'cont': on_cont, 'inferior_call': on_cont,
                'exited': on_exited, 'inferior_deleted': on_deleted,
                'memory_changed': on_changed, 'register_changed': on_changed,
                'new_objfile': on_files, 'clear_objfiles': on_files,
                'free_objfile': on_files}
    for name, handler in handlers.items():
        registry = getattr(gdb.events, name, None)
        if registry:
            registry.connect(handler)
