# SPDX-License-Identifier: GPL-2.0-or-later
"""include_circles.py FOLDER...: fails if files include each other in a circle.

x.c, x.h and x-private.h count as one, so that two files that each include the
other's header are a circle too.
"""
import collections
import graphlib
import pathlib
import re
import sys

UNIT = re.compile(r"(-private)?\.(c|h|cpp|hpp)$")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def unit(path):
    return UNIT.sub("", str(path))


def included(path, name, files):
    """The file that is meant by name, as the compiler looks for it: beside path, then anywhere."""
    beside = path.parent / name
    return [beside] if beside in files else [f for f in files if f.match(name)]


def main():
    files = {f for folder in sys.argv[1:] for f in pathlib.Path(folder).rglob("*") if UNIT.search(f.name)}
    includes = collections.defaultdict(set)
    for path in files:
        for name in INCLUDE.findall(path.read_text()):
            includes[unit(path)].update(unit(f) for f in included(path, name, files))
        includes[unit(path)].discard(unit(path))
    if not any(includes.values()):
        sys.exit("no includes found")
    try:
        graphlib.TopologicalSorter(includes).prepare()
    except graphlib.CycleError as circle:
        # it lists each after the one that it includes
        sys.exit(" includes ".join(reversed(circle.args[1])))


main()
