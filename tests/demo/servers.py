# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's log servers: real processes that write what they receive to files."""

import time
from abc import ABC, abstractmethod
from pathlib import Path

from children import Child, Children, find_program
from messages import Messages
from records import Recorded
from stock import SyslogNg
from waiting import wait_until

ADDRESS = "127.0.0.1"
MESSAGES = Messages(60)
_START_TIMEOUT_S = 30.0


class Life:
    """From one start of a server to its end: a file of its own, so that a line cut by a kill stays the last."""

    def __init__(self, file: Path) -> None:
        self.killed = False
        self._recorded = Recorded(file, MESSAGES)

    def recorded(self) -> Recorded:
        self._recorded.update()
        return self._recorded


class Server(ABC):
    """A log server that can be killed and started again."""

    program: str

    def __init__(self, children: Children, directory: Path, name: str, port: int) -> None:
        self.name = name
        self.port = port
        self._children = children
        self._directory = directory
        self.lives: list[Life] = []
        self._process: Child | None = None

    @property
    def endpoint(self) -> str:
        return f"{ADDRESS}:{self.port}"

    @property
    def was_killed(self) -> bool:
        return any(life.killed for life in self.lives)

    def start(self) -> None:
        """Start it, and return when it listens."""
        number = len(self.lives) + 1
        file = self._directory / f"{self.name}-{number}.received"
        self.lives.append(Life(file))
        self._process = self._start(self._directory / f"{self.name}-{number}", file)

    def kill(self) -> float:
        """SIGKILL; return the moment it was sent."""
        assert self._process
        moment = time.monotonic()
        self._process.kill()
        self.lives[-1].killed = True
        return moment

    def received(self) -> int:
        """How many messages it has received since it was started last."""
        return len(self.lives[-1].recorded().numbers)

    @abstractmethod
    def _start(self, state: Path, file: Path) -> Child: ...


class SyslogNgServer(Server):
    """A second stock syslog-ng, without the module."""

    program = "syslog-ng"

    def _start(self, state: Path, file: Path) -> Child:
        config = f"""@version: current
options {{ stats-freq(0); }};
source s_network {{ network(ip("{ADDRESS}") port({self.port}) flags(no-parse)); }};
destination d_file {{ file("{file}" template("$MSG\\n")); }};
log {{ source(s_network); destination(d_file); }};
"""
        syslog_ng = SyslogNg(self._children, state, config)
        syslog_ng.wait_for("syslog-ng starting up")
        return syslog_ng.child


class SocatServer(Server):
    """socat: writes the one connection it accepts to a file."""

    program = "socat"

    def _start(self, state: Path, file: Path) -> Child:
        log = state.with_suffix(".log")
        child = self._children.start([find_program("socat", "socat"), "-d", "-d", "-u",
                                      f"TCP4-LISTEN:{self.port},bind={ADDRESS},reuseaddr",
                                      f"OPEN:{file},creat,append"], log)
        wait_until(lambda: "listening on" in log.read_text(), _START_TIMEOUT_S, f"socat listens on {self.endpoint}")
        return child
