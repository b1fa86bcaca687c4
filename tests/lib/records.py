# SPDX-License-Identifier: GPL-2.0-or-later
"""What log servers have recorded, and the tally of where the messages are."""

import struct
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from growing import GrowingFile
from messages import Messages

_TIME = struct.Struct("qq")


class Recorded:
    """What came over one connection, or of one start of a server that does not tell them apart. Grows with the file."""

    def __init__(self, file: Path, messages: Messages) -> None:
        self._file = GrowingFile(file)
        self._messages = messages
        #: What is no complete line or frame (yet).
        self.rest = b""
        self.numbers = array("q")
        #: Complete lines and frames that are not exactly one message.
        self.torn: list[bytes] = []

    def update(self) -> None:
        block = self._file.new_bytes()
        if block:
            self._split(self.rest + block)

    def times(self) -> list[int]:
        """Of each read, in ns of the monotonic clock; none of a stock server."""
        return [time for time, _ in self._reads()]

    def lines(self) -> list[tuple[int, int]]:
        """Of each read, its time and how many lines ended in it."""
        text, position, found = self._file.path.read_bytes(), 0, []
        for time, size in self._reads():
            found.append((time, text.count(b"\n", position, position + size)))
            position += size
        return found

    def _reads(self) -> list[tuple[int, int]]:
        """The time and the size of each."""
        file = self._file.path.with_suffix(".times")
        block = file.read_bytes() if file.exists() else b""
        return list(_TIME.iter_unpack(block[: len(block) - len(block) % _TIME.size]))

    def _split(self, block: bytes) -> None:
        """Octet-counted frames begin with a digit, lines with anything else."""
        position = 0
        while position < len(block):
            if block[position : position + 1].isdigit():
                space = block.find(b" ", position, position + 8)
                start = space + 1
                end = following = start + int(block[position:space]) if space > 0 else len(block) + 1
            else:
                start, end = position, block.find(b"\n", position)
                following = end + 1
            if end < 0 or end > len(block):
                break
            self._take(block[start:end].removesuffix(b"\n"))  # syslog-ng ends its frames, too, with one
            position = following
        self.rest = block[position:]

    def _take(self, text: bytes) -> None:
        number = self._messages.number_of(text)
        if number is None:
            self.torn.append(text)
        else:
            self.numbers.append(number)


class Records:
    """All that log_server_main.py has recorded under one prefix."""

    def __init__(self, prefix: Path, messages: Messages) -> None:
        self.prefix = prefix
        self._messages = messages
        self._recorded: dict[Path, Recorded] = {}

    def connections(self) -> list[Recorded]:
        """In the order of arrival; probes are connections without numbers."""
        files = self.prefix.parent.glob(f"{self.prefix.name}-*.received")
        for file in sorted(files, key=lambda file: int(file.stem.rpartition("-")[2])):
            if file not in self._recorded:
                self._recorded[file] = Recorded(file, self._messages)
        for recorded in self._recorded.values():
            recorded.update()
        return list(self._recorded.values())


@dataclass(frozen=True)
class Delivery:
    """What one server has recorded."""

    server: str
    recorded: Recorded


@dataclass
class Tally:
    """Where the messages are."""

    sent: int
    lost: int = 0  # at no server
    doubled: int = 0  # copies beyond the first
    torn: int = 0  # lines and frames that are not exactly one message
    cut: int = 0  # connections that ended inside of a message
    longest_gap_ms: float = 0  # between two arrivals, at whichever server
    received: dict[str, int] = field(default_factory=dict)  # by server
    lost_after: dict[str, int] = field(default_factory=dict)  # by the server that got what came before


def tally(deliveries: Iterable[Delivery], sent: int) -> Tally:
    """Count what arrived of the messages from 1 to sent, at all servers together."""
    result = Tally(sent)
    owner: list[str | None] = [None] * (sent + 1)
    times: list[int] = []
    for delivery in deliveries:
        server, recorded = delivery.server, delivery.recorded
        result.received[server] = result.received.get(server, 0) + len(recorded.numbers)
        result.torn += len(recorded.torn)
        result.cut += bool(recorded.rest)
        times += recorded.times()
        for number in recorded.numbers:
            if not 1 <= number <= sent:
                result.torn += 1
                continue
            result.doubled += owner[number] is not None
            owner[number] = server
    last = next(iter(result.received), "")
    for server in owner[1:]:
        if server is None:
            result.lost += 1
            result.lost_after[last] = result.lost_after.get(last, 0) + 1
        else:
            last = server
    times.sort()
    result.longest_gap_ms = max((later - earlier for earlier, later in zip(times, times[1:])), default=0) / 1e6
    return result
