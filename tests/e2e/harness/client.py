# SPDX-License-Identifier: GPL-2.0-or-later
"""The client under test: a real syslog-ng process on a host of the lab, and the sender that feeds it."""

import os
import signal
import subprocess
from pathlib import Path

from children import Child
from harness import syslog_ng
from log_lines import LogLine, parse_log
from messages import PARSED
from network import Host
from sender import Sender
from stock import state_options
from waiting import SOON_S, wait_until

_STARTED = "syslog-ng starting up"
_FINISHED = "Configuration reload finished"
_REFUSED = "Error reloading configuration"
_REVERTED = "Error initializing new configuration, reverting to old config"

#: A wrapper: as a user of its own, who may read and write what root may, but has limits. access(2) looks at capabilities
#: of such a user with that securebit only: the tree may be in a folder that is root's alone.
AS_A_USER = ("setpriv", "--reuid=61234", "--clear-groups", "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override",
             "--securebits=+no_setuid_fixup")


class Client:
    """Keeps its files in the given directory, under the name of its host. As a service it is started as the package's
    unit does it: what it logs comes from its internal() source, not on standard error."""

    def __init__(self, host: Host, directory: Path, config: str, wrapper: tuple[str, ...] = (),
                 module_dir: Path = syslog_ng.MODULE_DIR, as_service: bool = False) -> None:
        self.host = host
        self._files = directory / host.name
        self._files.mkdir()
        self._config = self._files / "syslog-ng.conf"
        self._stderr = self._files / "stderr"
        self._stderr.touch()
        self._internal = self._files / "internal.log"
        self._internal.touch()
        self._as_service = as_service
        self._config.write_text(config + (syslog_ng.internal_to(self._internal) if as_service else ""))
        self._socket = self._files / "numbers.sock"
        self._wrapper = wrapper
        self._module_dir = module_dir
        self._process: Child | None = None
        self._sender: Sender | None = None
        self._stopped = False

    # Its life

    def start(self) -> None:
        before = self._count(_STARTED)
        self._process = Child(self.host.argv(*self._argv()), self._stderr)
        self._stopped = False
        wait_until(lambda: self._count(_STARTED) > before or not self.alive, 6 * SOON_S, "syslog-ng starts")
        assert self.alive, f"syslog-ng did not start:\n{self.log_text()}"

    def stop(self, timeout_s: float = SOON_S) -> float:
        """SIGTERM; return the seconds it took to exit."""
        self._stopped = True
        return self._running().terminate(timeout_s, "syslog-ng stops")

    def restart(self) -> None:
        """Stop it and start it again, with the same configuration and state."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """SIGKILL to it and to its sender."""
        for process in (self._sender, self._process):
            if process:
                process.kill()

    @property
    def alive(self) -> bool:
        return self._running().alive

    @property
    def died(self) -> bool:
        """Whether it ended without being asked to."""
        return not self._stopped and not self.alive

    @property
    def exit_code(self) -> int | None:
        return self._running().exit_code

    @property
    def sender(self) -> Sender:
        """What it sends arrives at the source syslog_ng.NUMBERS."""
        if not self._sender:
            self._sender = Sender(self._socket, self._files / "sender.output", PARSED)
        return self._sender

    def control(self, *command: str) -> str:
        """What syslog-ng-ctl answers."""
        argv = ["syslog-ng-ctl", *command, f"--control={self._files / 'control'}"]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout

    def failoverctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Our own client of the same socket; it may fail."""
        argv = [str(self._module_dir / "failoverctl"), f"--control={self.control_socket}", *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)

    @property
    def control_socket(self) -> Path:
        return self._files / "control"

    def counters(self, kind: str, states: str = "a") -> dict[str, int]:
        """Its own statistics, of "src" or "dst": the sum of each counter over all that are active (a) or orphaned (o)."""
        sums: dict[str, int] = {}
        for line in self.control("stats").splitlines():
            component, _, _, state, counter, value = (line if ";" in line else ";;;;;").rsplit(";", 5)
            if component.startswith(f"{kind}.") and state in states:
                sums[counter] = sums.get(counter, 0) + int(value)
        return sums

    def cpu_s(self) -> float:
        """Processor time used so far."""
        fields = Path(f"/proc/{self._running().pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self._running().pid}/task").iterdir()))

    def allow_new_threads(self, allowed: bool) -> None:
        """Of one that was started with AS_A_USER: root has no such limit."""
        limit = f"--nproc={1000 if allowed else 1}:"
        subprocess.run([*AS_A_USER, "prlimit", f"--pid={self._running().pid}", limit], check=True)

    # Its configuration

    def configure(self, config: str) -> None:
        """For its next start."""
        self._config.write_text(config)

    def reload(self, config: str | None = None) -> None:
        """SIGHUP, with a new configuration if given; it must be taken."""
        assert self._reload(config), "the configuration was refused"

    def reload_broken(self, config: str) -> None:
        """SIGHUP with a configuration that syslog-ng must refuse, at parsing or at init."""
        assert not self._reload(config), "the broken configuration was taken"

    def hang_up(self) -> None:
        """SIGHUP, without waiting for what comes of it."""
        self._running().signal(signal.SIGHUP)

    # Its log

    def log_text(self) -> str:
        return self._internal.read_text(errors="replace") + self.stderr_text()

    def stderr_text(self) -> str:
        return self._stderr.read_text(errors="replace")

    def lines(self, message: str, **tags: str) -> list[LogLine]:
        """All lines so far with this message and at least these tags."""
        return [line for line in parse_log(self.log_text()) if line.matches(message, tags)]

    def failover_lines(self) -> list[LogLine]:
        """What the module has logged, in order."""
        return [line for line in parse_log(self.log_text()) if line.message.startswith("failover: ")]

    def wait_for(self, message: str, count: int = 1, timeout_s: float = SOON_S, **tags: str) -> LogLine:
        """Wait until there are so many such lines; return the last of them."""
        what = f"{count} x {message!r} {tags or ''} in the log"
        wait_until(lambda: len(self.lines(message, **tags)) >= count, timeout_s, what)
        return self.lines(message, **tags)[count - 1]

    def _argv(self) -> list[str]:
        options = state_options(self._files)
        if self._as_service:
            program = syslog_ng.service_argv(self._config, *options, module_dir=self._module_dir)
        else:
            program = syslog_ng.argv(self._config, "--foreground", "--stderr", "--verbose", *options, module_dir=self._module_dir)
        return ["env", f"{syslog_ng.SOCKET_VARIABLE}={self._socket}", *self._wrapper, *program]

    def _reload(self, config: str | None) -> bool:
        """Whether the configuration was taken. After a revert syslog-ng too says that the reload is finished."""
        if config is not None:
            self._config.write_text(config)
        finished, refused, reverted = (self._count(message) for message in (_FINISHED, _REFUSED, _REVERTED))
        self.hang_up()
        wait_until(
            lambda: self._count(_FINISHED) > finished or self._count(_REFUSED) > refused or not self.alive,
            SOON_S,
            "the reload ends",
        )
        assert self.alive, "syslog-ng died at SIGHUP"
        return self._count(_REFUSED) == refused and self._count(_REVERTED) == reverted

    def _count(self, message: str) -> int:
        return len(self.lines(message))

    def _running(self) -> Child:
        assert self._process, "not started"
        return self._process
