# SPDX-License-Identifier: GPL-2.0-or-later
"""Controls one log server that people run (tests/lib/log_servers.py), and HAProxy in front of one."""

from pathlib import Path

import log_servers
from certificates import Certificate
from children import Child
from harness.sink import PORT, Pace, Sink
from log_servers import Program
from network import Host
from waiting import SOON_S, wait_until


class StockServer(Sink):
    """In the place of a Sink. Its file does not tell its connections apart: each start counts as one."""

    def __init__(self, host: Host, directory: Path, certificate: Certificate | None, program: Program) -> None:
        super().__init__(host, directory, certificate, Pace())
        self._program = program

    @property
    def place(self) -> log_servers.Place:
        """Of the start it is in, or had last."""
        prefix = self._records[-1].prefix
        tls = (self.certificate.certificate, self.certificate.key) if self.certificate else ()
        return log_servers.Place(self.host.ip4, PORT, prefix, prefix.with_name(f"{prefix.name}-1.received"), *tls)

    def start(self) -> "StockServer":
        self._new_records()
        self._process = _start(self.host, self._directory, self.place, self._program(self.place))
        return self

    def stop(self) -> None:
        """SIGTERM, and wait for the end."""
        self._running().terminate(SOON_S, f"{self} stops")
        self._process = None


class Proxy:
    """HAProxy, which knows nothing of what it passes on."""

    def __init__(self, host: Host, directory: Path, backend: StockServer) -> None:
        self.host = host
        place = log_servers.Place(host.ip4, PORT, directory / host.name)
        self._process = _start(host, directory, place, log_servers.haproxy(place, backend.place))

    def kill(self) -> None:
        self._process.kill()


def _start(host: Host, directory: Path, place: log_servers.Place, program: list[str]) -> Child:
    process = Child(host.argv(*program), directory / f"{host.name}.output")
    wait_until(lambda: place.is_served(host.argv()) or not process.alive, SOON_S, f"{host.name} listens")
    assert process.alive, process.output.read_text()
    return process
