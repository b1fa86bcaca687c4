# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of a measurement: a fresh client, fresh servers, a directory of its own; nothing left afterwards."""

import tempfile
import time
from pathlib import Path

import log_servers
from children import Child, Children
from log_server import log_server, wait_listening
from messages import Messages
from records import Recorded, Records
from sender import Sender
from sides import Settings, configuration, needs_module
from stock import SyslogNg
from waiting import Failure, wait_until
from world import World

_TIMEOUT_S = 60.0


class LogServer:
    """One on one of the world's addresses: ours, or a stock one, which tells no moments."""

    def __init__(self, child: Child, name: str, prefix: Path) -> None:
        self.child = child
        self.name = name
        self.killed = False
        self._prefix = prefix

    def next_moment(self, event: str, timeout_s: float = _TIMEOUT_S) -> int:
        """Wait for "first" or "reached"; return when it was, in ns of CLOCK_MONOTONIC."""
        name, moment = self.child.next_line(timeout_s).split()
        if name != event:
            raise Failure(f"The receiver said {name!r} where {event!r} was expected.")
        return int(moment)

    def kill(self) -> int:
        """SIGKILL; return the moment, as next_moment() does."""
        moment = time.monotonic_ns()
        self.child.kill()
        self.killed = True
        return moment

    def files(self) -> list[Path]:
        return list(self._prefix.parent.glob(f"{self._prefix.name}-*.received"))

    def received_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.files())

    def recorded(self, messages: Messages) -> list[Recorded]:
        return Records(self._prefix, messages).connections()


class Stage:
    """Owns everything of one run."""

    def __init__(self, world: World, settings: Settings, module_dir: Path) -> None:
        self.world = world
        self.settings = settings
        self.lives: list[LogServer] = []
        self._module_dir = module_dir
        self._temporary = tempfile.TemporaryDirectory(prefix="failover-bench-")
        self._children = Children()
        self.directory = Path(self._temporary.name)

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self._children.__exit__()
        self._temporary.cleanup()

    @property
    def source(self) -> Path:
        return self.directory / "source"

    def start_server(self, index: int, *, record: bool = True, options: tuple[str, ...] = ("--expect=0",)) -> LogServer:
        """Start server number index; a server that was killed is started again, with new records."""
        prefix = self.directory / f"server-{index}-{len(self.lives) + 1}"
        program = log_server(self.world.port, f"--address={self.world.servers[index]}", *options,
                             record=prefix if record else None, certificate=self.settings.tls)
        child = self._children.start([*self.world.server_wrapper, *program], prefix.with_suffix(".log"), talk=True)
        wait_listening(child)
        self.lives.append(LogServer(child, f"server {index}", prefix))
        return self.lives[-1]

    def start_stock_primary(self, program: log_servers.Program, *, proxied: bool) -> LogServer:
        """Start a log server that people run, by itself or behind HAProxy."""
        world, tls = self.world, self.settings.tls
        place = log_servers.Place(world.servers[0], world.backend_port if proxied else world.port, self.directory / "stock",
                                  self.directory / "stock-primary-1.received", *((tls.certificate, tls.key) if tls else ()))
        self.lives.append(LogServer(self._start_stock(place, program(place)), "server 0", self.directory / "stock-primary"))
        if proxied:
            front = log_servers.Place(world.servers[0], world.port, self.directory / "proxy")
            self._start_stock(front, log_servers.haproxy(front, place))
        return self.lives[-1]

    def start_client(self, side: str) -> SyslogNg:
        """Start the syslog-ng that is measured; return when it has connected to the first server."""
        client = SyslogNg(self._children, self.directory / "client",
                          configuration(side, self.world, self.settings, self.source),
                          module_dir=self._module_dir if needs_module(side) else None,
                          wrapper=self.world.client_wrapper)
        try:
            client.wait_for("Syslog connection established")
        except Failure as failure:
            raise Failure(f"{failure}\n{self._log_of(client)}") from failure
        return client

    def start_sender(self, messages: Messages) -> Sender:
        """It sends nothing yet."""
        return Sender(self.source, self.directory / "sender.log", messages)

    def stop_servers(self) -> None:
        """In order, once the client is gone: what is on its way still arrives."""
        running = [life for life in self.lives if life.child.alive]
        for life in running:
            life.child.terminate(_TIMEOUT_S, f"{life.name} stops")

    def wait_for_end(self, last: bytes) -> None:
        """Until the last line has arrived at some server."""
        wait_until(lambda: any(_ends_with(file, last) for life in self.lives for file in life.files()), _TIMEOUT_S,
                   "the last message arrives")

    def _start_stock(self, place: log_servers.Place, argv: list[str]) -> Child:
        wrapper = self.world.server_wrapper
        child = self._children.start([*wrapper, *argv], place.directory / "output")
        wait_until(lambda: place.is_served(wrapper) or not child.alive, _TIMEOUT_S, f"{argv[0]} listens")
        if not child.alive:
            raise Failure(f"{argv[0]} does not start:\n{child.output.read_text(errors='replace')}")
        return child

    def _log_of(self, client: SyslogNg) -> str:
        client.child.kill()
        return client.child.output.read_text(errors="replace")


def _ends_with(file: Path, last: bytes) -> bool:
    if file.stat().st_size < len(last):
        return False
    with file.open("rb") as opened:
        opened.seek(-len(last), 2)
        return opened.read() == last
