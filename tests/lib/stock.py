# SPDX-License-Identifier: GPL-2.0-or-later
"""The stock syslog-ng: how it is started, and what its own log says."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from children import Child, Children, find_program
from growing import GrowingFile
from waiting import Failure, wait_until

MODULE = "libfailover.so"
_START_TIMEOUT_S = 30.0
_LINE = re.compile(r"^\[[^\]]+\] (?P<message>[^;]*);? ?(?P<tags>.*)$")
_TAG = re.compile(r"(\w+)='((?:[^'\\]|\\.)*)'")
_VERSION = re.compile(r"\((\d+\.\d+\.\d+)\)|Installer-Version: (\S+)")


def version() -> str:
    """The version of the installed syslog-ng, "3.38.1"."""
    asked = subprocess.run([find_program("syslog-ng", "syslog-ng-core"), "--version"], capture_output=True, text=True,
                           check=False)
    found = _VERSION.search(asked.stdout)
    if not found:
        raise Failure(f"syslog-ng --version does not say its version:\n{asked.stdout}{asked.stderr}")
    return found[1] or found[2]


def stock_module_dir() -> str:
    """Where the stock modules are."""
    asked = subprocess.run([find_program("pkg-config", "pkg-config"), "--variable=moduledir", "syslog-ng"],
                           capture_output=True, text=True, check=False)
    if asked.returncode or not asked.stdout.strip():
        raise Failure(f"pkg-config does not know syslog-ng; install syslog-ng-dev.\n{asked.stderr}")
    return asked.stdout.strip()


def check_module(module_dir: Path) -> Path:
    """The directory with the module, as an absolute path."""
    if not (module_dir / MODULE).is_file():
        raise Failure(f"{module_dir / MODULE} does not exist: build it first (cmake -B build -G Ninja && cmake --build build).")
    return module_dir.resolve()


@dataclass(frozen=True)
class LogLine:
    """One line of syslog-ng's own log."""

    message: str
    tags: dict[str, str]


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
        modules = stock_module_dir() + (f":{module_dir}" if module_dir else "")
        self.child: Child = children.start(
            [*wrapper, find_program("syslog-ng", "syslog-ng-core"), "--foreground", "--no-caps", "--stderr",
             f"--module-path={modules}", f"--cfgfile={config_file}", f"--persist-file={directory / 'persist'}",
             f"--control={directory / 'control'}", f"--pidfile={directory / 'pid'}"], log)

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
        wait_until(lambda: self.logged(message), _START_TIMEOUT_S, f'syslog-ng logs "{message}"')

    def new_lines(self) -> list[LogLine]:
        """The lines logged since the last call."""
        self._read()
        new = self._lines[self._told :]
        self._told = len(self._lines)
        return new

    def _read(self) -> None:
        parsed = (_LINE.match(line) for line in self._log.new_lines().decode(errors="replace").splitlines())
        self._lines += [LogLine(found["message"], dict(_TAG.findall(found["tags"]))) for found in parsed if found]
