# SPDX-License-Identifier: GPL-2.0-or-later
"""Running syslog-ng under valgrind, and what of its report concerns us."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path


def valgrind(report: Path) -> tuple[str, ...]:
    return ("valgrind", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
            "--keep-debuginfo=yes", "--num-callers=40", "--xml=yes", f"--xml-file={report}")


#: Leaks of syslog-ng 3.38 itself, at every handshake; the module is in the stack because it posts the first message.
_LEAKS_OF_THE_HOST = ("tls_verify_certificate_name",)


def errors_of_ours(report: Path) -> list[str]:
    """Invalid accesses anywhere; other errors only with the module in the stack."""
    errors = []
    root = ElementTree.parse(report).getroot()
    assert "FINISHED" in [state.text for state in root.iterfind("status/state")], "the report is not complete"
    for error in root.iterfind("error"):
        kind = error.findtext("kind", "")
        stacks = [
            f"{frame.findtext('obj')}: {frame.findtext('fn')} ({frame.findtext('file')}:{frame.findtext('line')})"
            for frame in error.iter("frame")
        ]
        of_the_host = kind.startswith("Leak") and any(name in frame for name in _LEAKS_OF_THE_HOST for frame in stacks)
        if kind.startswith("Invalid") or (any("libfailover" in frame for frame in stacks) and not of_the_host):
            errors.append("\n  ".join([kind, *stacks]))
    return errors
