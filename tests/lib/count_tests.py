# SPDX-License-Identifier: GPL-2.0-or-later
"""count_tests.py FILE... - "passed failed" of JUnit files; a file that cannot be read is a failed test, so is a skipped one."""

import sys
import xml.etree.ElementTree as ElementTree


def count(path: str) -> tuple[int, int]:
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return 0, 1
    bad = sum(1 for case in cases if any(case.find(kind) is not None for kind in ("failure", "error", "skipped")))
    return len(cases) - bad, bad if cases else 1


if __name__ == "__main__":
    counts = [count(path) for path in sys.argv[1:]]
    print(sum(passed for passed, _ in counts), sum(failed for _, failed in counts))
