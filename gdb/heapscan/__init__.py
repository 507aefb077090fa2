# SPDX-License-Identifier: GPL-3.0-or-later
"""heapscan inside gdb.  Loaded by heapscan.py, which is the file to source.

This package knows gdb and nothing of heaps.  The commands come from the table
of the library, which does the work: it opens a core by itself, and of a process
it gets mappings, threads and a way to read memory.

    target.py        what gdb looks at
    analysis.py      what was found out about it, and for how long that holds
    commands.py      the commands, and functions for expressions
    _heapscan        the library; made from heapscanmodule.c

Works with gdb 9 and later; what newer ones offer is used where it is there.
"""

VERSION = '0.1.0'


def start():
    """Puts the commands into gdb.  Raises ImportError when the library is not there."""
    from . import _heapscan

    if _heapscan.version != VERSION:
        raise ImportError('its extension is of version %s, its Python part of version %s: '
                          'install both again' % (_heapscan.version, VERSION))
    from . import analysis, commands

    commands.register()
    analysis.watch()
