# SPDX-License-Identifier: GPL-2.0-or-later
"""What a numbered message looks like where it is sent and where it arrives. Known to all programs of the tests."""

import re

from waiting import Failure

_MOST_DIGITS = 10


class Messages:
    """All of one size, newline included; the numbers begin at 1."""

    def __init__(self, size: int, header: bytes = b"", arrived: bytes | None = None) -> None:
        """Each begins with the header; arrived is what matches the header where it arrives, when that is another."""
        self.size = size
        self.header = header
        if self._padding(b"9" * _MOST_DIGITS) < 1:
            raise Failure(f"A numbered message needs at least {size + 1 - self._padding(b'9' * _MOST_DIGITS)} bytes.")
        self._arrived = re.compile((arrived or re.escape(header)) + rb"seq=(\d+) (x+)")

    def line(self, number: int) -> bytes:
        digits = b"%d" % number
        return b"%sseq=%s %s\n" % (self.header, digits, b"x" * self._padding(digits))

    def lines(self, first: int, end: int) -> bytes:
        return b"".join(self.line(number) for number in range(first, end))

    def number_of(self, text: bytes) -> int | None:
        """The number of a line or frame without its end; None if it is not exactly one message."""
        arrived = self._arrived.fullmatch(text)
        if not arrived or len(arrived[2]) != self._padding(arrived[1]):
            return None
        return int(arrived[1])

    def _padding(self, number: bytes) -> int:
        return self.size - len(self.header) - len(b"seq=" + number + b" \n")


def parsed(size: int) -> Messages:
    """As a syslog-ng sends them on that has parsed them."""
    return Messages(size, b"<13>Jan  1 00:00:00 e2e: ",
                    rb'<13>(?:Jan  1 00:00:00 \S+ e2e:|1 \S+ \S+ e2e - - \[meta sequenceId="\d+"\]) ')


PARSED = parsed(200)
