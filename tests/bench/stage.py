# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of a measurement: a fresh client, fresh servers, a directory of its own; nothing left afterwards."""

import sys
import tempfile
import time
from pathlib import Path

import log_servers
from children import Child, Children
from numbered import Delivery
from sides import Settings, configuration, needs_module
from stock import SyslogNg
from waiting import Failure, wait_until
from world import World

_RECEIVER = Path(__file__).with_name("receiver.py")
_TIMEOUT_S = 60.0


class LogServer:
    """One on one of the world's addresses: receiver.py, or a stock one, which tells no moments."""

    def __init__(self, child: Child, name: str, file: Path) -> None:
        self.child = child
        self.name = name
        self.file = file
        self.times = file.with_suffix(".times")
        self.killed = False

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

    def received_bytes(self) -> int:
        return self.file.stat().st_size if self.file.exists() else 0

    def delivery(self) -> Delivery:
        return Delivery(self.name, self.file, self.killed)


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

    def start_server(self, index: int, *, record: bool = True, options: tuple[str, ...] = ()) -> LogServer:
        """Start server number index; a server that was killed is started again, with a new file."""
        number = len(self.lives) + 1
        file = self.directory / f"server-{index}-{number}.received"
        argv = [*self.world.server_wrapper, sys.executable, "-B", str(_RECEIVER),
                "--address", self.world.servers[index], "--port", str(self.world.port), *options]
        if record:
            argv += ["--output", str(file), "--times", str(file.with_suffix(".times"))]
        if self.settings.tls:
            argv += ["--certificate", str(self.settings.tls.certificate), "--key", str(self.settings.tls.key)]
        child = self._children.start(argv, self.directory / f"server-{index}-{number}.log", talk=True)
        if child.next_line(_TIMEOUT_S) != "listening":
            raise Failure("The receiver does not start as it should.")
        self.lives.append(LogServer(child, f"server {index}", file))
        return self.lives[-1]

    def start_stock_primary(self, program: log_servers.Program, *, proxied: bool) -> LogServer:
        """Start a log server that people run, by itself or behind HAProxy."""
        world, tls = self.world, self.settings.tls
        place = log_servers.Place(world.servers[0], world.backend_port if proxied else world.port, self.directory / "stock",
                                  self.directory / "server-0.received", *((tls.certificate, tls.key) if tls else ()))
        self.lives.append(LogServer(self._start_stock(place, program(place)), "server 0", place.file))
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

    def stop_servers(self) -> None:
        """In order, once the client is gone: what is on its way still arrives."""
        running = [life for life in self.lives if life.child.alive]
        for life in running:
            life.child.terminate(_TIMEOUT_S, f"{life.name} stops")

    def wait_for_end(self, last: bytes) -> None:
        """Until the last line has arrived at some server."""
        wait_until(lambda: any(_ends_with(life.file, last) for life in self.lives), _TIMEOUT_S,
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
    if not file.exists() or file.stat().st_size < len(last):
        return False
    with file.open("rb") as opened:
        opened.seek(-len(last), 2)
        return opened.read() == last
