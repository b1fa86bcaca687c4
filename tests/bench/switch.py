# SPDX-License-Identifier: GPL-2.0-or-later
"""Time from the death of the server in use to the first message at the next."""

from dataclasses import dataclass

from messages import Messages
from stage import LogServer, Stage
from waiting import wait_until

_BEFORE_KILL_S = 1.0  # of messages at a server before it is killed
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class SwitchRun:
    """One run of one side: two deaths in a row."""

    side: str
    first_s: float
    second_s: float


def _kill_when_busy(server: LogServer, size: int, rate: int) -> int:
    """SIGKILL once it has received for a while; return the moment."""
    enough = int(_BEFORE_KILL_S * rate * size)
    wait_until(lambda: server.received_bytes() >= enough, _TIMEOUT_S, f"messages arrive at {server.name}")
    return server.kill()


def measure_switch(stage: Stage, side: str, size: int, rate: int) -> SwitchRun:
    """Kill the primary, then the server that took over, under a steady stream."""
    with stage:
        servers = [stage.start_server(index) for index in range(3)]
        stage.start_client(side)
        with stage.start_sender(Messages(size)) as sender:
            sender.stream(rate)
            killed = _kill_when_busy(servers[0], size, rate)
            first = servers[1].next_moment("first") - killed
            killed = _kill_when_busy(servers[1], size, rate)
            second = servers[2].next_moment("first") - killed
    return SwitchRun(side, first / 1e9, second / 1e9)
