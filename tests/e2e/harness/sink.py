# SPDX-License-Identifier: GPL-2.0-or-later
"""Controls one log server for many messages (log_server_main.py) on a host of the lab."""

from dataclasses import dataclass
from pathlib import Path

from certificates import Certificate
from children import Child
from harness.server import Server
from log_server import log_server, wait_listening
from messages import PARSED
from network import Host
from records import Recorded, Records

PORT = 514


@dataclass(frozen=True)
class Pace:
    """How fast a sink reads."""

    read_bytes: int = 1 << 18
    pause_ms: float = 0


BEHIND = Pace(read_bytes=4096, pause_ms=2)


class Sink(Server):
    """Can be ended or killed, and started again; its records stay."""

    def __init__(self, host: Host, directory: Path, certificate: Certificate | None, pace: Pace) -> None:
        super().__init__(host)
        #: For TLS; may change from one start to the next.
        self.certificate = certificate
        #: What it is sent, from its next start on.
        self.messages = PARSED
        self._directory = directory
        self._pace = pace
        self._records: list[Records] = []  # of each start

    def __repr__(self) -> str:
        return self.host.name

    # What happens to it

    def start(self) -> "Sink":
        program = log_server(PORT, f"--read-bytes={self._pace.read_bytes}", f"--pause-ms={self._pace.pause_ms}",
                             record=self._new_records(), certificate=self.certificate)
        self._process = Child(self.host.argv(*program), self._directory / f"{self}.output", talk=True)
        wait_listening(self._process)
        return self

    # What it has received

    def connections(self) -> list[Recorded]:
        """In the order of arrival; probes are connections without numbers."""
        return [connection for records in self._records for connection in records.connections()]

    def received(self) -> int:
        """How many messages, doubled ones included."""
        return sum(len(connection.numbers) for connection in self.connections())

    # What its kernel knows

    def unread_bytes(self) -> int:
        return sum(int(line.split()[0]) for line in self.host.sockets("state", "established"))

    def is_reading(self) -> bool:
        """Whether connections are left that it has not read to the end."""
        return bool(self.host.sockets("state", "established") or self.host.sockets("state", "close-wait"))

    def _new_records(self) -> Path:
        """Of one more start."""
        prefix = self._directory / f"{self}-{len(self._records) + 1}"
        self._records.append(Records(prefix, self.messages))
        return prefix
