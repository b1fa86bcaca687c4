# SPDX-License-Identifier: GPL-2.0-or-later
"""CPU, rate and memory of syslog-ng while it delivers to one healthy server."""

import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from messages import Messages
from stage import Stage
from waiting import Failure

_BLOCK_MESSAGES = 1_000
_READ_BYTES = 1 << 20  # at a time, so that the server costs little
_DELIVERY_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class CpuRun:
    """One run of one side."""

    side: str
    cpu_us_per_message: float
    messages_per_second: float
    peak_memory_kib: int


def _cpu_ns(pid: int) -> int:
    """User and system time of all threads of a process, ended ones too.

    The kernel's clock of another process (clock_getcpuclockid(3)): it counts
    nanoseconds, where /proc/PID/stat counts hundredths of a second.
    """
    return time.clock_gettime_ns((~pid << 3) | 2)


def _peak_memory_kib(pid: int) -> int:
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    if not found:
        raise Failure("The kernel does not tell the peak memory of a process.")
    return int(found[1])


def _send(path: Path, messages: Messages, count: int) -> None:
    """As fast as the source reads; the messages are made beforehand and cost next to nothing."""
    block = memoryview(messages.lines(1, _BLOCK_MESSAGES + 1))
    whole, rest = divmod(count, _BLOCK_MESSAGES)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as source:
        source.connect(str(path))
        for _ in range(whole):
            source.sendall(block)
        source.sendall(messages.lines(1, rest + 1))


def measure_cpu(stage: Stage, side: str, messages: Messages, count: int) -> CpuRun:
    """Deliver so many messages with a fresh client. Its start and its end are not counted."""
    with stage:
        server = stage.start_server(0, record=False, options=(f"--expect={count}", f"--read-bytes={_READ_BYTES}"))
        client = stage.start_client(side).child
        cpu_before, started = _cpu_ns(client.pid), time.monotonic_ns()
        _send(stage.source, messages, count)
        server.next_moment("first")
        ended = server.next_moment("reached", _DELIVERY_TIMEOUT_S)
        cpu_ns = _cpu_ns(client.pid) - cpu_before
        return CpuRun(side, cpu_ns / 1e3 / count, count * 1e9 / (ended - started), _peak_memory_kib(client.pid))
