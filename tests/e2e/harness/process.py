# SPDX-License-Identifier: GPL-2.0-or-later
"""A child process whose output goes to a file and which never outlives its owner."""

import signal
import subprocess
import time
from pathlib import Path


class Process:
    """Started at construction. Signals go to exactly this process, by its pid."""

    def __init__(self, argv: list[str], output: Path, *, talk: bool = False) -> None:
        self.output = output
        with output.open("ab") as log:
            self._child = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE if talk else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talk else log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._child.poll()

    def ask(self, line: str) -> str:
        """Write one line to the process and return the line it answers."""
        assert self._child.stdin and self._child.stdout
        self._child.stdin.write(line.encode() + b"\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline().decode().strip()
        if not answer:
            raise AssertionError(f"no answer to {line!r}: {self.output.read_text()}")
        return answer

    def send_signal(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def kill(self) -> None:
        """SIGKILL; also ends a process that is stopped. No error when it has ended already."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe:
                pipe.close()

    def terminate(self, timeout_s: float) -> float:
        """SIGTERM; return how many seconds the process took to exit."""
        started = time.monotonic()
        self._child.terminate()
        try:
            self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running {timeout_s:g} s after SIGTERM") from None
        return time.monotonic() - started
