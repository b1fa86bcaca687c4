# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbered messages: sent at a steady rate, and counted where they arrived."""

import socket
import threading
import time
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from waiting import Failure

_DIGITS = 10
_TICK_S = 0.001
_MOST_AT_ONCE = 1_000
_SEND_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Messages:
    """What every message looks like: ten digits, then the same text."""

    text: bytes

    @staticmethod
    def of_size(size: int) -> "Messages":
        """Messages of exactly size bytes, newline included."""
        if size < _DIGITS + 2:
            raise Failure(f"A numbered message needs at least {_DIGITS + 2} bytes.")
        return Messages(b" ".ljust(size - _DIGITS - 1, b"x"))

    def lines(self, first: int, end: int) -> bytes:
        return b"".join(b"%010d%s\n" % (number, self.text) for number in range(first, end))

    def number(self, line: bytes) -> int | None:
        """The number of a line; None if it is not exactly one message."""
        if line[_DIGITS:] != self.text + b"\n" or not line[:_DIGITS].isdigit():
            return None
        return int(line[:_DIGITS])


class Sender:
    """Sends numbered messages to a Unix socket, at a steady rate, from a thread of its own.

    When the other side does not read for a while, what is due by then is sent
    as fast as it reads.
    """

    def __init__(self, path: Path, messages: Messages, rate: int) -> None:
        self.sent = 0  # written by the thread only, as is the next
        self.progressed = time.monotonic()
        self._messages = messages
        self._rate = rate
        self._error: OSError | None = None
        self._stopping = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_SEND_TIMEOUT_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise Failure(f"syslog-ng's source cannot be reached: {error}.") from error
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Sender":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        # Ends a send that syslog-ng does not take.
        if self._thread.is_alive():
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def check(self) -> None:
        """Fail if sending failed."""
        if self._error:
            raise Failure(f"syslog-ng did not take the messages: {self._error}.")

    def stop(self) -> int:
        """Send nothing more; return how many were sent."""
        self._stopping.set()
        self._thread.join(_SEND_TIMEOUT_S)
        self.check()
        return self.sent

    def _run(self) -> None:
        started = time.monotonic()
        try:
            while not self._stopping.wait(_TICK_S):
                self._send_what_is_due(int((time.monotonic() - started) * self._rate))
        except OSError as error:
            self._error = error

    def _send_what_is_due(self, due: int) -> None:
        while self.sent < due and not self._stopping.is_set():
            end = min(due, self.sent + _MOST_AT_ONCE)
            self._socket.sendall(self._messages.lines(self.sent, end))
            self.sent = end
            self.progressed = time.monotonic()


@dataclass(frozen=True)
class Delivery:
    """What one server wrote to one file."""

    server: str
    file: Path
    killed: bool  # then its last line may be cut short, by no fault of the sender


@dataclass
class Tally:
    """Where the messages are."""

    sent: int
    lost: int = 0  # at no server
    doubled: int = 0  # copies beyond the first
    torn: int = 0  # lines that are not exactly one message
    received: dict[str, int] = field(default_factory=dict)  # by server
    lost_after: dict[str, int] = field(default_factory=dict)  # by the server that got what came before


def _read(delivery: Delivery, messages: Messages, sent: int) -> tuple[array, int]:
    """The numbers in a file, and how many of its lines are no message."""
    numbers, torn = array("q"), 0
    with delivery.file.open("rb") as lines:
        for line in lines:
            if delivery.killed and not line.endswith(b"\n"):
                continue
            number = messages.number(line)
            if number is None or number >= sent:
                torn += 1
            else:
                numbers.append(number)
    return numbers, torn


def tally(deliveries: list[Delivery], messages: Messages, sent: int) -> Tally:
    """Count what arrived in all files together."""
    result = Tally(sent)
    servers = list(dict.fromkeys(delivery.server for delivery in deliveries))
    owner = array("h", [-1]) * sent
    for delivery in deliveries:
        numbers, torn = _read(delivery, messages, sent)
        result.torn += torn
        result.received[delivery.server] = result.received.get(delivery.server, 0) + len(numbers)
        index = servers.index(delivery.server)
        for number in numbers:
            if owner[number] >= 0:
                result.doubled += 1
            owner[number] = index
    last = 0
    for index in owner:
        if index < 0:
            result.lost += 1
            result.lost_after[servers[last]] = result.lost_after.get(servers[last], 0) + 1
        else:
            last = index
    return result
