# SPDX-License-Identifier: GPL-2.0-or-later
"""What a numbered message looks like where it is sent and where it arrives. Known to all programs of the harness."""

import re

#: Of one message as it is sent, newline included.
BYTES = 200

_HEADER = b"<13>Jan  1 00:00:00 e2e: "
_ARRIVED = re.compile(
    rb'<13>(?:Jan  1 00:00:00 \S+ e2e:|1 \S+ \S+ e2e - - \[meta sequenceId="\d+"\]) seq=(\d+) (x+)')


def _padding(number: bytes) -> int:
    return BYTES - len(_HEADER) - len(b"seq=" + number + b" \n")


def line(number: int) -> bytes:
    digits = b"%d" % number
    return b"%sseq=%s %s\n" % (_HEADER, digits, b"x" * _padding(digits))


def number_of(text: bytes) -> int | None:
    """The number of a line or frame without its end; None if it is not exactly one message."""
    arrived = _ARRIVED.fullmatch(text)
    if not arrived or len(arrived[2]) != _padding(arrived[1]):
        return None
    return int(arrived[1])
