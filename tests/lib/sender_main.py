# SPDX-License-Identifier: GPL-2.0-or-later
"""The sender: writes numbered messages to a unix-stream source, as a process of its own.

    sender_main.py SOCKET SIZE HEADER       (see messages.py)

Commands on stdin, each answered with the last number sent:
    send COUNT          send so many messages at once
    rate PER-SECOND     send steadily from now on; 0 stops
    taken 0             the answer is the last number that the other side's kernel has taken in full
"""

import select
import socket
import sys
import time

from messages import Messages  # in the same directory

_TICK_S = 0.001
_MOST_AT_ONCE = 1_000
_RETRY_S = 0.01


class Sender:
    """Never waits for the other side, but in flush(): what it does not take at once is kept until it does."""

    def __init__(self, path: str, messages: Messages) -> None:
        self._path = path
        self._messages = messages
        self._socket: socket.socket | None = None
        self._batch = b""
        self._taken_bytes = 0
        self.last = 0

    @property
    def taken(self) -> int:
        return self.last - self._batch.count(b"\n", self._taken_bytes)

    @property
    def blocked(self) -> bool:
        return self._taken_bytes < len(self._batch)

    @property
    def fd(self) -> socket.socket | None:
        return self._socket

    def send(self, count: int) -> None:
        unsent = self._batch[self._taken_bytes :]
        self._batch = unsent + self._messages.lines(self.last + 1, self.last + count + 1)
        self._taken_bytes = 0
        self.last += count
        self.go_on()

    def go_on(self) -> None:
        try:
            while self.blocked:
                self._taken_bytes += self._connected().send(memoryview(self._batch)[self._taken_bytes :])
        except BlockingIOError:
            pass
        except OSError:
            # The client was started anew, or is about to be: what it took in part begins again.
            self._socket = None
            self._taken_bytes = self._batch.rfind(b"\n", 0, self._taken_bytes) + 1

    def flush(self) -> None:
        while self.blocked:
            select.select([], [self._socket] if self._socket else [], [], _RETRY_S)
            self.go_on()

    def _connected(self) -> socket.socket:
        if not self._socket:
            connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connecting.connect(self._path)
            connecting.setblocking(False)
            self._socket = connecting
        return self._socket


class Stream:
    """How many messages are due by now."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._started = time.monotonic()
        self._sent = 0

    def take_due(self) -> int:
        due = int((time.monotonic() - self._started) * self._per_second) - self._sent
        due = min(due, _MOST_AT_ONCE)
        self._sent += due
        return due

    def pause_s(self) -> float:
        next_at = self._started + (self._sent + 1) / self._per_second
        return max(_TICK_S, next_at - time.monotonic())


def main() -> None:
    path, size, header = sys.argv[1:]
    sender = Sender(path, Messages(int(size), header.encode()))
    stream: Stream | None = None
    while True:
        waiting_for = [sender.fd] if sender.blocked and sender.fd else []
        timeout = _RETRY_S if sender.blocked else stream.pause_s() if stream else None
        ready, _, _ = select.select([sys.stdin], waiting_for, [], timeout)
        if not ready:
            if sender.blocked:
                sender.go_on()
            elif stream:
                sender.send(stream.take_due())
            continue
        command_line = sys.stdin.readline()
        if not command_line:
            return
        command, value = command_line.split()
        if command == "send":
            sender.send(int(value))
            sender.flush()
        elif command == "rate":
            stream = Stream(float(value)) if float(value) else None
        else:
            assert command == "taken", command
        print(sender.taken if command == "taken" else sender.last, flush=True)


if __name__ == "__main__":
    main()
