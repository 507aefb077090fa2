# SPDX-License-Identifier: GPL-3.0-or-later
"""heapscan inside gdb: the file to source.

    (gdb) source /usr/local/lib/heapscan/heapscan.py
    (gdb) heap leaks

gdb runs sourced files in one namespace for all plug-ins, so there is next to
nothing in here: it loads the package that lies beside it.
"""

import gdb


def load_heapscan(path):
    import importlib.util
    import os
    import sys

    if 'heapscan' in sys.modules:
        return  # sourced twice
    package = os.path.join(os.path.dirname(os.path.realpath(path)), 'heapscan')
    spec = importlib.util.spec_from_file_location(
        'heapscan', os.path.join(package, '__init__.py'),
        submodule_search_locations=[package])
    heapscan = importlib.util.module_from_spec(spec)
    sys.modules['heapscan'] = heapscan
    try:
        spec.loader.exec_module(heapscan)
        heapscan.start()
    except (ImportError, OSError) as e:
        del sys.modules['heapscan']
        gdb.write('heapscan: cannot be loaded from %s: %s\n' % (package, e), gdb.STDERR)


load_heapscan(__file__)
