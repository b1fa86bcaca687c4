# SPDX-License-Identifier: GPL-2.0-or-later
"""Controls one log server for many messages (sink_main.py) and reads what it recorded."""

import signal
import struct
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

from children import Child
from certificates import Certificate
from harness.messages import number_of
from network import Host

_PROGRAM = Path(__file__).with_name("sink_main.py")
_TIME = struct.Struct("qq")
PORT = 514


@dataclass(frozen=True)
class Pace:
    """How fast a sink reads."""

    read_bytes: int = 1 << 18
    pause_ms: float = 0


BEHIND = Pace(read_bytes=4096, pause_ms=2)


class Recorded:
    """What came over one connection. Grows with the file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._position = 0
        #: What is no complete line or frame (yet).
        self.rest = b""
        self.numbers = array("q")
        #: Complete lines and frames that are not exactly one message.
        self.torn: list[bytes] = []

    def update(self) -> None:
        if self._file.stat().st_size == self._position:
            return
        with self._file.open("rb") as file:
            file.seek(self._position)
            block = file.read()
        self._position += len(block)
        self._split(self.rest + block)

    def times(self) -> list[int]:
        """Of each read, in ns of the monotonic clock; none of a stock server."""
        file = self._file.with_suffix(".times")
        block = file.read_bytes() if file.exists() else b""
        return [time for time, _ in _TIME.iter_unpack(block[: len(block) - len(block) % _TIME.size])]

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
        number = number_of(text)
        if number is None:
            self.torn.append(text)
        else:
            self.numbers.append(number)


class Sink:
    """Can be ended or killed, and started again; its records stay."""

    def __init__(self, host: Host, directory: Path, certificate: Certificate | None, pace: Pace) -> None:
        self.host = host
        #: For TLS; may change from one start to the next.
        self.certificate = certificate
        self._directory = directory
        self._pace = pace
        self._process: Child | None = None
        self._starts = 0
        self._recorded: dict[Path, Recorded] = {}

    def __repr__(self) -> str:
        return self.host.name

    # What happens to it

    def start(self) -> "Sink":
        self._starts += 1
        tls = [str(self.certificate.certificate), str(self.certificate.key)] if self.certificate else []
        program = [sys.executable, str(_PROGRAM), str(PORT), str(self._directory / f"{self}-{self._starts}"),
                   str(self._pace.read_bytes), str(self._pace.pause_ms), *tls]
        self._process = Child(self.host.argv(*program), self._directory / f"{self}.output", talk=True)
        self.tell("serve")
        return self

    def kill(self) -> None:
        """SIGKILL. No error when it does not run."""
        if self._process:
            self._process.kill()
            self._process = None

    def freeze(self) -> None:
        self._running().signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().signal(signal.SIGCONT)

    def tell(self, command: str) -> None:
        """One of the commands of sink_main.py."""
        assert self._running().ask(command) == "ok"

    # What it has received

    def connections(self) -> list[Recorded]:
        """In the order of arrival; probes are connections without numbers."""
        for start in range(1, self._starts + 1):
            files = self._directory.glob(f"{self}-{start}-*.received")
            for file in sorted(files, key=lambda file: int(file.stem.rpartition("-")[2])):
                self._recorded.setdefault(file, Recorded(file))
        for recorded in self._recorded.values():
            recorded.update()
        return list(self._recorded.values())

    def received(self) -> int:
        """How many messages, doubled ones included."""
        return sum(len(connection.numbers) for connection in self.connections())

    # What its kernel knows

    def unread_bytes(self) -> int:
        return sum(int(line.split()[0]) for line in self.host.sockets("state", "established"))

    def is_reading(self) -> bool:
        """Whether connections are left that it has not read to the end."""
        return bool(self.host.sockets("state", "established") or self.host.sockets("state", "close-wait"))

    def _running(self) -> Child:
        assert self._process, f"{self} does not run"
        return self._process
