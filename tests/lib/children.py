# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that never outlive the script that started them, whatever ends it."""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

from waiting import Failure

#: How long a process that is asked something may take to answer on a slow machine.
_ANSWER_S = 120.0
#: Where Debian keeps daemons; not in every user's PATH.
_SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def find_program(name: str, package: str) -> str:
    """The path of a program, or a failure that names the Debian package it is in."""
    path = shutil.which(name, path=_SEARCH_PATH)
    if not path:
        raise Failure(f"{name} is not installed; it is in the Debian package {package}.")
    return path


class Child:
    """One process in a session of its own, its output in a file. Signals go to this process only."""

    def __init__(self, argv: list[str], output: Path, *, talk: bool = False) -> None:
        """With talk its standard input and output are pipes, for ask() and next_line()."""
        self.output = output
        self._unread = b""
        # The kernel kills it when its owner dies, even by SIGKILL.
        tied = [find_program("setpriv", "util-linux"), "--pdeathsig", "KILL", "--", *argv]
        with output.open("ab") as log:
            self._process = subprocess.Popen(tied, stdin=subprocess.PIPE if talk else subprocess.DEVNULL,
                                             stdout=subprocess.PIPE if talk else log, stderr=log, start_new_session=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def ask(self, line: str) -> str:
        """Write one line to the process and return the line it answers."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # next_line() says how it ended
            os.write(self._process.stdin.fileno(), line.encode() + b"\n")
        return self.next_line(_ANSWER_S)

    def next_line(self, timeout_s: float) -> str:
        """The next line the process prints; a failure when it ends instead, or says nothing for so long."""
        assert self._process.stdout
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._unread:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not select.select([self._process.stdout], [], [], left_s)[0]:
                raise Failure(f"A helper process said nothing for {timeout_s:g} s.")
            block = os.read(self._process.stdout.fileno(), 4096)
            if not block:
                raise Failure(f"A helper process ended too early:\n{self.output.read_text(errors='replace')}")
            self._unread += block
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone; also one that is stopped. Not an error when it is already."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def wait(self, timeout_s: float, what: str) -> None:
        """Wait until it ends by itself."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise Failure(f"Not within {timeout_s:g} s: {what}.") from None

    def terminate(self, timeout_s: float, what: str) -> float:
        """SIGTERM, and wait until it is gone; return how many seconds that took."""
        started = time.monotonic()
        self._process.terminate()
        self.wait(timeout_s, what)
        return time.monotonic() - started


class Children:
    """Owns the processes started through it: none is left when the with block ends."""

    def __init__(self) -> None:
        self._all: list[Child] = []

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._all):
            child.kill()

    def start(self, argv: list[str], output: Path, *, talk: bool = False) -> Child:
        child = Child(argv, output, talk=talk)
        self._all.append(child)
        return child
