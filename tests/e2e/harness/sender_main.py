# SPDX-License-Identifier: GPL-2.0-or-later
"""The sender: writes numbered syslog messages to a unix-stream source, as a process of its own.

    sender_main.py SOCKET

Commands on stdin, each answered with the last number sent:
    send COUNT          send so many messages at once
    rate PER-SECOND     send steadily from now on; 0 stops
"""

import select
import socket
import sys
import time


class Sender:
    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self.last = 0

    def send(self, count: int) -> None:
        for _ in range(count):
            self.last += 1
            self._write(f"<13>Jan  1 00:00:00 client e2e: seq={self.last}\n".encode())

    def _write(self, message: bytes) -> None:
        try:
            self._connected().sendall(message)
        except OSError:
            # The client was started anew: one more try on a new connection.
            self._socket = None
            self._connected().sendall(message)

    def _connected(self) -> socket.socket:
        if not self._socket:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.connect(self._path)
        return self._socket


def main() -> None:
    sender = Sender(sys.argv[1])
    interval = None
    due = 0.0
    while True:
        timeout = None if interval is None else max(0.0, due - time.monotonic())
        ready, _, _ = select.select([sys.stdin], [], [], timeout)
        if not ready:
            sender.send(1)
            due += interval or 0.0
            continue
        line = sys.stdin.readline()
        if not line:
            return
        command, value = line.split()
        if command == "send":
            sender.send(int(value))
        else:
            interval = 1 / float(value) if float(value) else None
            due = time.monotonic()
        print(sender.last, flush=True)


if __name__ == "__main__":
    main()
