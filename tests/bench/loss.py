# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages lost and doubled when servers go while a steady stream is sent."""

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import log_servers
from harness.journal import Journal
from log_servers import Program
from messages import Messages
from records import Delivery, Tally, tally
from sender import Sender
from stage import LogServer, Stage
from stock import SyslogNg
from waiting import Failure, wait_until

_TIMEOUT_S = 120.0
_STREAM_S = 1.0  # of messages before and after what happens
_BLOCKED_S = 0.5  # a sender that makes no progress for so long waits for the server
_KILLS = 10
_SLOW = ("--expect=0", "--read-bytes=4096", "--pause-ms=2")


@dataclass(frozen=True)
class LossRun:
    """One run of one side."""

    side: str
    scenario: str
    sent: int
    lost: int
    doubled: int
    torn: int
    longest_gap_ms: float  # between two arrivals, at whichever server of ours


@dataclass(frozen=True)
class Stream:
    """The messages on their way, and the stage they are on."""

    stage: Stage
    client: SyslogNg
    sender: Sender | Journal
    random: random.Random

    def wait_at(self, server: LogServer, duration_s: float = _STREAM_S) -> None:
        """Until messages arrive at the server, and for duration_s from then on."""
        before = server.received_bytes()
        self._wait(lambda: server.received_bytes() > before, f"messages arrive at {server.name}")
        end = time.monotonic() + duration_s
        self._wait(lambda: time.monotonic() >= end, "the stream goes on")

    def wait_until_blocked(self) -> None:
        """Until nothing more can be sent: every buffer on the way is full."""
        sender, taken, since = self.sender, 0, time.monotonic()
        assert isinstance(sender, Sender)

        def is_blocked() -> bool:
            nonlocal taken, since
            if sender.taken() != taken:
                taken, since = sender.taken(), time.monotonic()
            return time.monotonic() - since > _BLOCKED_S

        self._wait(is_blocked, "every buffer is full")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        def look() -> bool:
            if not self.client.child.alive:
                raise Failure("syslog-ng has ended.")
            return condition()

        wait_until(look, _TIMEOUT_S, what)


# The scenarios: each is given the stream and the three servers, and returns the server in use at the end.


def _killed(stream: Stream, servers: list[LogServer]) -> LogServer:
    stream.wait_at(servers[0])
    servers[0].kill()
    return servers[1]


def _closed(stream: Stream, servers: list[LogServer]) -> LogServer:
    stream.wait_at(servers[0])
    servers[0].child.signal(signal.SIGTERM)
    return servers[1]


def _returned(stream: Stream, servers: list[LogServer]) -> LogServer:
    stream.wait_at(servers[1])
    primary = stream.stage.start_server(0)
    primary.next_moment("first", _TIMEOUT_S)
    return primary


def _killed_repeatedly(stream: Stream, servers: list[LogServer]) -> LogServer:
    in_use, down = 0, -1
    for _ in range(_KILLS):
        stream.wait_at(servers[in_use], stream.random.uniform(0.1, _STREAM_S))
        servers[in_use].kill()
        # Two are down now, but for the first time; the one that is left takes over.
        left = 1 if down < 0 else 3 - in_use - down
        servers[left].next_moment("first", _TIMEOUT_S)
        if down >= 0:
            servers[down] = stream.stage.start_server(down)
        in_use, down = left, in_use
    return servers[in_use]


def _frozen(stream: Stream, servers: list[LogServer]) -> LogServer:
    stream.wait_at(servers[0])
    servers[0].child.signal(signal.SIGSTOP)
    stream.wait_until_blocked()
    servers[0].kill()
    return servers[1]


def _client_killed(stream: Stream, servers: list[LogServer]) -> LogServer:
    stream.wait_at(servers[0])
    servers[0].child.signal(signal.SIGSTOP)
    time.sleep(_BLOCKED_S)  # so that more is on its way than one server has read
    stream.client.child.kill()
    servers[0].kill()
    stream.client.start_again()
    return servers[1]


@dataclass(frozen=True)
class Scenario:
    """What happens to the servers."""

    description: str
    act: Callable[[Stream, list[LogServer]], LogServer]
    rate: int = 20_000
    first_server: tuple[str, ...] = ("--expect=0",)  # options of log_server_main.py for the primary
    stock: Program | None = None  # the primary in its place
    proxied: bool = False  # HAProxy before that
    primary_gone: bool = False  # in order, before the first message
    failback: bool = False
    client_dies: bool = False  # it has a disk-buffer, and follows a file


SCENARIOS = {
    "kill": Scenario("the server is killed with SIGKILL", _killed),
    "slow": Scenario("a server that reads 4 KiB every 2 ms is killed", _killed, rate=40_000, first_server=_SLOW),
    "close": Scenario("the server closes the connection in order", _closed),
    "return": Scenario("the primary comes back and is returned to", _returned, primary_gone=True, failback=True),
    "repeat": Scenario(f"{_KILLS} kills in a row at random moments, two of three servers down", _killed_repeatedly),
    "freeze": Scenario("the server is stopped (SIGSTOP) until every buffer is full, then killed", _frozen),
    "syslog-ng-kill": Scenario("a stock syslog-ng is killed", _killed, stock=log_servers.syslog_ng),
    "syslog-ng-stop": Scenario("a stock syslog-ng is stopped in order (SIGTERM)", _closed, stock=log_servers.syslog_ng),
    "syslog-ng-lag": Scenario(f"one that stores {log_servers.LAGGING_RATE} messages a second is stopped in order", _closed,
                              stock=log_servers.lagging_syslog_ng),
    "rsyslog-kill": Scenario("a stock rsyslog is killed", _killed, stock=log_servers.rsyslog),
    "rsyslog-stop": Scenario("a stock rsyslog is stopped in order", _closed, stock=log_servers.rsyslog),
    "haproxy-kill": Scenario("a stock syslog-ng behind HAProxy is killed", _killed, stock=log_servers.syslog_ng, proxied=True),
    "haproxy-stop": Scenario("a stock syslog-ng behind HAProxy is stopped in order", _closed, stock=log_servers.syslog_ng,
                             proxied=True),
    "client-kill": Scenario("half a second after the server froze the syslog-ng that sends is killed, then the server; the\n"
                            "                 first is started again. It has disk-buffer(reliable(yes))", _client_killed,
                            client_dies=True),
}


def _count(stage: Stage, messages: Messages, sent: int) -> Tally:
    """A message that a kill has cut short is not torn."""
    counted = tally((Delivery(life.name, recorded) for life in stage.lives for recorded in life.recorded(messages)), sent)
    counted.torn += sum(bool(recorded.rest) for life in stage.lives if not life.killed for recorded in life.recorded(messages))
    return counted


def measure_loss(stage: Stage, side: str, name: str, size: int, rate: int | None, seed: int) -> LossRun:
    """Play one scenario and count."""
    scenario, messages = SCENARIOS[name], Messages(size)
    rate = rate or scenario.rate
    with stage:
        primary = (stage.start_stock_primary(scenario.stock, proxied=scenario.proxied) if scenario.stock
                   else stage.start_server(0, options=scenario.first_server))
        servers = [primary, stage.start_server(1), stage.start_server(2)]
        journal = Journal(stage.source, rate, messages) if scenario.client_dies else None
        client = stage.start_client(side)
        if scenario.primary_gone:
            servers[0].child.terminate(_TIMEOUT_S, "the primary stops")
        with journal or stage.start_sender(messages) as sender:
            if isinstance(sender, Sender):
                sender.stream(rate)
            stream = Stream(stage, client, sender, random.Random(seed))
            stream.wait_at(scenario.act(stream, servers))
            sent = sender.pause() if isinstance(sender, Sender) else sender.stop()
            stage.wait_for_end(messages.line(sent))
        client.child.terminate(_TIMEOUT_S, "syslog-ng stops")
        stage.stop_servers()
        counted = _count(stage, messages, sent)
        return LossRun(side, name, sent, counted.lost, counted.doubled, counted.torn, counted.longest_gap_ms)
