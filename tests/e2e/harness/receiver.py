# SPDX-License-Identifier: GPL-2.0-or-later
"""Controls one log server process (receiver_main.py) and reads what it wrote down."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from certificates import Certificate
from children import Child
from harness.server import Server
from network import Host
from waiting import SOON_S, wait_until

_PROGRAM = Path(__file__).with_name("receiver_main.py")


@dataclass
class Connection:
    """One accepted connection, in the order of arrival."""

    accepted_at: float  # time.monotonic()
    peer_ip: str
    peer_port: int
    local_ip: str
    process: int
    numbers: list[int] = field(default_factory=list)
    framings: set[str] = field(default_factory=set)
    end: str | None = None


class Receiver(Server):
    """A log server on a host; can be killed and started again, its records stay."""

    def __init__(self, host: Host, port: int, directory: Path, certificate: Certificate | None) -> None:
        super().__init__(host)
        self.name = host.name
        self.port = port
        self.events_file = directory / f"{host.name}-{port}.events"
        self._output = directory / f"{host.name}-{port}.output"
        self._certificate = certificate

    def __repr__(self) -> str:
        return f"{self.name}:{self.port}"

    # What happens to it

    def start(self) -> "Receiver":
        tls = [str(self._certificate.certificate), str(self._certificate.key)] if self._certificate else []
        program = [sys.executable, str(_PROGRAM), str(self.port), str(self.events_file), *tls]
        before = self._count("listening")
        self._process = Child(self.host.argv(*program), self._output, talk=True)
        wait_until(lambda: self._count("listening") > before, SOON_S, f"{self} listens")
        return self

    def behave(self, behaviour: str) -> None:
        """What to do with new connections: serve, close, reset or greet."""
        self.tell(behaviour)

    def drop(self) -> None:
        """Close every open connection in order, go on listening."""
        self.tell("drop")

    def talk(self) -> None:
        """Send something on every open connection."""
        self.tell("talk")

    # What it has seen

    def connections(self) -> list[Connection]:
        connections: dict[str, Connection] = {}
        for time, event, *words in self._events():
            if event == "accept":
                name, peer_ip, peer_port, local_ip = words
                process = int(name.partition(".")[0])
                connections[name] = Connection(float(time), peer_ip, int(peer_port), local_ip, process)
            elif event == "message":
                connections[words[0]].numbers.append(int(words[1]))
                connections[words[0]].framings.add(words[2])
            elif event == "end":
                connections[words[0]].end = words[1]
        return list(connections.values())

    def accepted(self) -> int:
        return self._count("accept")

    def open_connections(self) -> list[Connection]:
        pid = self._process.pid if self._process else None
        return [c for c in self.connections() if c.process == pid and c.end is None]

    def numbers(self) -> list[int]:
        """The numbers of all messages that arrived, in order of arrival."""
        return [int(words[1]) for _, event, *words in self._events() if event == "message"]

    def _count(self, event: str) -> int:
        return sum(1 for line in self._events() if line[1] == event)

    def _events(self) -> list[list[str]]:
        if not self.events_file.exists():
            return []
        text = self.events_file.read_text()
        return [line.split() for line in text[: text.rfind("\n") + 1].splitlines()]
