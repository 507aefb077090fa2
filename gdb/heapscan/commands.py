# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the library's table, and functions for gdb's expressions."""

import glob
import os
import re

import gdb

from . import _heapscan, analysis
from .analysis import say, told_as_errors
from .target import parameter

ADDRESSES = 1 << 64


def number(value):
    """The address that a value of gdb's stands for."""
    if value.type.strip_typedefs().code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        value = value.referenced_value()
    kind = value.type.strip_typedefs().code
    if kind in (gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_FUNC) and value.address is not None:
        value = value.address
    elif kind not in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_ENUM,
                      gdb.TYPE_CODE_CHAR):
        raise gdb.GdbError('a value of type %s is no address' % value.type)
    return int(value) % ADDRESSES


def address(expression):
    """What an expression means where the library wants an address."""
    return '%#x' % number(gdb.parse_and_eval(expression))


class Option:
    """An option of a command: how it reads, and how it is written."""

    def __init__(self, name, arg, about):
        self.name, self.arg, self.about = '--' + name, arg, about
        self.may = bool(arg) and arg.startswith('[')

    def usage(self):
        if self.may:
            return '%s[=%s' % (self.name, self.arg[1:])
        return self.name + ('=' + self.arg if self.arg else '')

    def word(self, value):
        """The word for the library, as the shell would have made it."""
        if not value:
            return self.name
        if 'FILE' in (self.arg or ''):
            value = os.path.expanduser(value)
        if self.arg == 'ADDR':
            value = address(value)
        return '%s=%s' % (self.name, value)


class Command(gdb.Command):
    """A command of the library.  One class for each, made by declare()."""

    def __init__(self, prefix):
        super().__init__('%s %s' % (prefix, self.name), gdb.COMMAND_DATA)

    def options(self, text):
        """Takes the options that text begins with: their words, and what is left."""
        words = []
        while True:
            found = re.match(r'\s*(--[a-z-]*)(?:=("[^"]*"|\'[^\']*\'|\S*))?(?=\s|$)', text)
            if not found:
                return words, text
            name, value = found.groups()
            text = text[found.end():]
            if name == '--':
                return words, text
            if name not in self.by_name:
                raise gdb.GdbError('%s has no option %s' % (self.name, name))
            option = self.by_name[name]
            if value is None and option.arg and not option.may:
                value, text = re.match(r'\s*(\S*)(.*)', text, re.DOTALL).groups()
            words.append(option.word(value and ''.join(gdb.string_to_argv(value))))

    def arguments(self, text):
        """The words for the library; an expression is all but options around it."""
        words, rest = self.options(text)
        if not self.args:
            return words + gdb.string_to_argv(rest)
        tail = re.search(r'(?:^|\s)(--[a-z-]+)(=\S*)?\s*$', rest)
        if tail and tail.group(1) in self.by_name:
            words += self.options(tail.group())[0]
            rest = rest[:tail.start()]
        return words + ([address(rest)] if rest.strip() else [])

    def invoke(self, text, from_tty):
        with told_as_errors():
            words = [self.name] + self.arguments(text)
            status, why = _heapscan.run(analysis.current(), words, parameter('width') or 0)
            if why:
                say('incomplete: %s' % why)

    def complete(self, text, word):
        last = re.search(r'\S*$', text).group()
        skip = len(last) - len(word or '')  # what gdb takes for done
        name, is_file, start = last.partition('=')
        if is_file and name in self.by_name:  # gdb would take "--json=" for part of the name
            found = sorted(glob.glob(glob.escape(start) + '*'))
            return [('%s=%s' % (name, f))[skip:] for f in found]
        if last.startswith('-'):
            return [n[skip:] for n in sorted(self.by_name) if n.startswith(last)]
        return gdb.COMPLETE_EXPRESSION if self.args else gdb.COMPLETE_NONE


def sentence(text):
    return text[0].upper() + text[1:] + '.'


def declare(prefix, name, args, about, help, options):
    options = [Option(*o) for o in options]
    usage = ['Usage: %s %s' % (prefix, name)] + ['[%s]' % o.usage() for o in options]
    doc = [sentence(about), ' '.join(usage + (['EXPR'] if args else []))]
    doc += ['EXPR is an expression of gdb whose value is an address.'] if args else []
    doc += [help] if help else []
    doc += ['\n'.join('  %-18s %s' % (o.usage(), o.about) for o in options)]
    type(str(name), (Command,), {
        '__doc__': '\n\n'.join(doc), 'name': name, 'args': args,
        'by_name': {o.name: o for o in options}})(prefix)


class Prefix(gdb.Command):
    """Find memory leaks in the heap of the process or core that gdb looks at.

Alone it shows where the memory went."""

    def __init__(self, name):
        self.name = name
        super().__init__(name, gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)

    def invoke(self, text, from_tty):
        if text:
            raise gdb.GdbError('there is no command %s %s: "help %s" lists them'
                               % (self.name, text.split()[0], self.name))
        with told_as_errors():
            gdb.execute('%s summary' % self.name)
        rows = ['%-22s %s' % ('%s %s%s' % (self.name, name, ' EXPR' if args else ''), about)
                for name, args, about, help, options in _heapscan.commands()]
        gdb.write('\n%s\n"help %s leaks" and so on say more.\n'
                  % ('\n'.join(rows), self.name))


def completions(text):
    most = parameter('max-completions')
    gdb.execute('set max-completions unlimited')
    try:
        return set(gdb.execute('complete ' + text, to_string=True).splitlines())
    finally:
        gdb.execute('set max-completions %s' % ('unlimited' if most in (None, -1) else most))


def declare_all(prefix, but=()):
    for command in _heapscan.commands():
        if command[0] not in but:
            declare(prefix, *command)


def share(prefix):
    """Puts our commands beside those of a plug-in that has the prefix already."""
    ours = ['%s %s' % (prefix, c[0]) for c in _heapscan.commands()]
    theirs = {n.split()[1] for n in ours if n in completions(n)}
    try:
        declare_all(prefix, theirs)
    except RuntimeError:  # it is no prefix
        say('%s belongs to another plug-in: ours are "heapscan leaks" and so on' % prefix)
        return
    if theirs:
        say('another plug-in has %s: ours begin with "heapscan"'
            % ' and '.join('"%s %s"' % (prefix, n) for n in sorted(theirs)))


def register_commands():
    Prefix('heapscan')
    declare_all('heapscan')
    if 'heap' in completions('heap'):
        share('heap')
    else:
        Prefix('heap')
        declare_all('heap')
        analysis.prefix = 'heap'


# ---- Functions for expressions

class Function(gdb.Function):
    """A convenience function of one address.  One class for each, below."""

    def __init__(self):
        super().__init__(self.name)

    def invoke(self, *arguments):
        if len(arguments) != 1:
            raise gdb.GdbError('$%s takes one address' % self.name)
        with told_as_errors():
            return self.value(*_heapscan.at(analysis.current(), number(arguments[0])))


class Block(Function):
    """The start of the block in use that holds the address, or 0.
Usage: $_heap_block (address)"""

    name = '_heap_block'

    def value(self, kind, block, size):
        return gdb.Value(block).cast(gdb.lookup_type('void').pointer())


class Size(Function):
    """The usable bytes of the block in use that holds the address, or 0.
Usage: $_heap_size (address)"""

    name = '_heap_size'

    def value(self, kind, block, size):
        return size


class Kind(Function):
    """What lies at the address: "block", "stack", "unmapped" and so on.
Usage: $_heap_kind (address)"""

    name = '_heap_kind'

    def value(self, kind, block, size):
        return kind


def register():
    register_commands()
    for function in (Block, Size, Kind):
        function()
