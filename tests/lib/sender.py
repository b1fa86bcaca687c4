# SPDX-License-Identifier: GPL-2.0-or-later
"""Controls the process (sender_main.py) that feeds numbered messages to the client."""

import sys
from pathlib import Path

from children import Child
from messages import Messages

_PROGRAM = Path(__file__).with_name("sender_main.py")


class Sender:
    """Numbers start at 1 and never repeat."""

    def __init__(self, socket: Path, output: Path, messages: Messages) -> None:
        program = [sys.executable, "-B", str(_PROGRAM), str(socket), str(messages.size), messages.header.decode()]
        self._process = Child(program, output, talk=True)

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def send(self, count: int) -> range:
        """Send so many messages; return their numbers."""
        last = int(self._process.ask(f"send {count}"))
        return range(last - count + 1, last + 1)

    def stream(self, per_second: float) -> int:
        """Send steadily from now on; return the first number of the stream."""
        return int(self._process.ask(f"rate {per_second}")) + 1

    def pause(self) -> int:
        """Stop the stream; return the last number sent."""
        return int(self._process.ask("rate 0"))

    def taken(self) -> int:
        """The last number that syslog-ng's side of the socket has taken."""
        return int(self._process.ask("taken 0"))

    def kill(self) -> None:
        self._process.kill()
