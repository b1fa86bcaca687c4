# SPDX-License-Identifier: GPL-2.0-or-later
"""The stock syslog-ng: its version, where its modules are, how it is started, and what its own log says."""

import re
import subprocess
from functools import cache
from pathlib import Path

from children import Child, Children, find_program
from growing import GrowingFile
from log_lines import LogLine, parse_log
from waiting import SOON_S, Failure, wait_until

MODULE = "libfailover.so"
_VERSION = re.compile(r"Installer-Version: (\S+)")


@cache
def installed_version() -> str:
    """Of syslog-ng, "3.38.1"."""
    asked = subprocess.run([find_program("syslog-ng", "syslog-ng-core"), "--version"], capture_output=True, text=True,
                           check=False)
    found = _VERSION.search(asked.stdout)
    if not found:
        raise Failure(f"syslog-ng --version does not say its version:\n{asked.stdout}{asked.stderr}")
    return found[1]


@cache
def stock_module_dir() -> str:
    """Where the stock modules are."""
    asked = subprocess.run([find_program("pkg-config", "pkg-config"), "--variable=moduledir", "syslog-ng"],
                           capture_output=True, text=True, check=False)
    if asked.returncode or not asked.stdout.strip():
        raise Failure(f"pkg-config does not know syslog-ng; install syslog-ng-dev.\n{asked.stderr}")
    return asked.stdout.strip()


def module_path(*own: Path) -> str:
    """The option by which modules are looked for in a directory of ours first."""
    return "--module-path=" + ":".join([*map(str, own), stock_module_dir()])


def state_options(directory: Path) -> list[str]:
    """The options by which it touches no other syslog-ng: its state is in a directory of its own."""
    return [f"--persist-file={directory / 'persist'}", f"--control={directory / 'control'}", f"--pidfile={directory / 'pid'}"]


def check_module(module_dir: Path) -> Path:
    """The directory with the module, as an absolute path."""
    if not (module_dir / MODULE).is_file():
        raise Failure(f"{module_dir / MODULE} does not exist: build it first (cmake -B build && cmake --build build).")
    return module_dir.resolve()


class SyslogNg:
    """A stock syslog-ng in the foreground, its state in a directory of its own; it touches no other."""

    def __init__(self, children: Children, directory: Path, config: str, *, module_dir: Path | None = None,
                 wrapper: tuple[str, ...] = ()) -> None:
        directory.mkdir()
        log = directory / "syslog-ng.log"
        self._log = GrowingFile(log)
        self._lines: list[LogLine] = []
        self._told = 0
        config_file = directory / "syslog-ng.conf"
        config_file.write_text(config)
        argv = [*wrapper, find_program("syslog-ng", "syslog-ng-core"), "--foreground", "--no-caps", "--stderr",
                module_path(*([module_dir] if module_dir else [])), f"--cfgfile={config_file}", *state_options(directory)]
        self._start = lambda: children.start(argv, log)
        self.child: Child = self._start()

    def start_again(self) -> None:
        """After its end, with the same configuration and state."""
        self.child = self._start()

    def logged(self, message: str) -> bool:
        """Whether a line with this message has been logged; a failure when syslog-ng has ended."""
        alive = self.child.alive
        self._read()
        if any(line.message == message for line in self._lines):
            return True
        if not alive:
            raise Failure("syslog-ng has ended; its log says why.")
        return False

    def wait_for(self, message: str) -> None:
        wait_until(lambda: self.logged(message), SOON_S, f'syslog-ng logs "{message}"')

    def new_lines(self) -> list[LogLine]:
        """The lines logged since the last call."""
        self._read()
        new = self._lines[self._told :]
        self._told = len(self._lines)
        return new

    def _read(self) -> None:
        self._lines += parse_log(self._log.new_lines().decode(errors="replace"))
