# SPDX-License-Identifier: GPL-2.0-or-later
"""A file that grows steadily, which a file() source follows: what syslog-ng has not taken for good when it dies it reads again.
And the file of a reliable disk-buffer."""

import struct
import threading
import time
from pathlib import Path

from messages import PARSED, Messages

_TICK_S = 0.01
_HOST = b"host "
_HEADER = struct.Struct("<4s4x3q48x2q")  # of both disk queues, in all versions


def with_host(messages: Messages) -> Messages:
    """The same with the name of the host, which a file() source does not add."""
    return Messages(messages.size + len(_HOST), messages.header.replace(b"e2e:", _HOST + b"e2e:"))


WITH_HOST = with_host(PARSED)


class Journal:
    """Numbered messages, from 1 on. Use it as a context manager."""

    def __init__(self, path: Path, per_second: int, messages: Messages = WITH_HOST) -> None:
        self.path = path
        self.path.touch()
        self._per_tick = max(1, int(per_second * _TICK_S))
        self._messages = messages
        self._last = 0
        self._moments: list[int] = []  # of each tick
        self._goes_on = True
        self._thread = threading.Thread(target=self._grow)

    def __enter__(self) -> "Journal":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def source(self) -> str:
        """For syslog-ng.conf, with a log path that has flags(flow-control): it takes a line for good when the queue has it."""
        return f'file("{self.path}" follow-freq(0.05) log-fetch-limit(10000) log-iw-size(100000))'

    @property
    def last(self) -> int:
        return self._last

    def written_at(self, number: int) -> int:
        """When it was, in ns of the monotonic clock."""
        return self._moments[(number - 1) // self._per_tick]

    def stop(self) -> int:
        """Return the number of the last one."""
        self._goes_on = False
        if self._thread.ident:
            self._thread.join()
        return self._last

    def _grow(self) -> None:
        with self.path.open("ab", buffering=0) as file:
            due = time.monotonic()
            while self._goes_on:
                self._moments.append(time.monotonic_ns())
                file.write(self._messages.lines(self._last + 1, self._last + self._per_tick + 1))
                self._last += self._per_tick
                due = max(due + _TICK_S, time.monotonic() - 1)
                time.sleep(max(0.0, due - time.monotonic()))


class QueueFile:
    """The only disk-buffer in a directory that reliable(yes) has."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def length(self) -> int:
        """Messages that were not taken out."""
        return self._header()[0]

    @property
    def backlog(self) -> int:
        """Messages that were taken out, and are not acknowledged."""
        return self._header()[1]

    def spoil(self) -> None:
        """Nothing that was not taken out can be read any more."""
        (path,) = self._directory.glob("*.rqf")
        with path.open("r+b") as file:
            read_head, write_head = struct.unpack("<2q", file.read(24)[8:])
            file.seek(read_head)
            file.write(b"\xff" * (write_head - read_head))

    def _header(self) -> tuple[int, int]:
        (path,) = self._directory.glob("*.rqf")
        magic, _, _, length, _, backlog = _HEADER.unpack(self._read(path))
        assert magic == b"SLRQ"
        return length, backlog

    @staticmethod
    def _read(path: Path) -> bytes:
        with path.open("rb") as file:
            return file.read(_HEADER.size)
