# SPDX-License-Identifier: GPL-2.0-or-later
"""A client under load between three log servers, and the books of where its messages went."""

import os
import time
from dataclasses import dataclass

from certificates import CertificateAuthority
from harness.client import Client
from harness.lab import Lab
from harness.sink import PORT, Pace, Sink
from harness.stock_server import Program
from network import Host
from records import Delivery, Recorded, Tally, tally
from waiting import Failure, wait_until

#: For all messages of a test to arrive on a slow machine.
ARRIVED_S = 60.0
STOPPED_S = 120.0
#: Messages a second; fewer where syslog-ng runs under a tool that slows it down.
RATE = int(os.environ.get("FAILOVER_RATE", "20000"))
_STUCK_S = 0.5


@dataclass(frozen=True)
class Wire:
    """How messages are sent."""

    driver: str
    tls: bool

    def __str__(self) -> str:
        return self.driver + ("-tls" if self.tls else "-tcp")


TCP, TLS = Wire("network", tls=False), Wire("network", tls=True)
FRAMED, FRAMED_TLS = Wire("syslog", tls=False), Wire("syslog", tls=True)


def disk_buffer(reliable: str) -> str:
    """An option of the destination; large enough for all messages of a test."""
    return f"disk-buffer(reliable({reliable}) disk-buf-size(100000000) dir(`DIRECTORY`))"


class Flow:
    """Set it up once, then let it flow. The servers are called primary, second and third."""

    def __init__(self, lab: Lab, authority: CertificateAuthority) -> None:
        self._lab = lab
        self._authority = authority
        self._lives = 0

    # Setting it up

    def add_servers(self, wire: Wire, *, primary: Pace | Program = Pace(), second: Pace = Pace()) -> None:
        """Not started; the primary may be a stock one."""
        self._wire = wire
        self.primary, self.second, self.third = self.servers = [
            self._lab.sink(name, kind=kind, certificate=self._authority.certificate_for(name) if wire.tls else None)
            for name, kind in (("primary", primary), ("second", second), ("third", Pace()))
        ]

    def start_all(self, wire: Wire, *, primary: Pace | Program = Pace()) -> None:
        self.add_servers(wire, primary=primary)
        self.start()

    def start(self) -> None:
        """All servers."""
        for server in self.servers:
            server.start()

    def put_proxy_before_primary(self) -> None:
        """From now on its name stands for HAProxy, which passes on to it."""
        proxy = self._lab.proxy("proxy", self.primary)
        self._lab.network.set_name("primary", [proxy.host.ip4])

    def move_primary(self, wire: Wire) -> None:
        """From now on its name stands for another machine, whose server is sent messages in another way."""
        certificate = self._authority.certificate_for("primary") if wire.tls else None
        self._wire = wire
        self.primary = self._lab.sink("moved", certificate=certificate).start()
        self.servers.append(self.primary)
        self._lab.network.set_name("primary", [self.primary.host.ip4])

    def config(self, failover: str = "switch-delay(0)", *, other: str = "log-fifo-size(1000000)", options: str = "threaded(yes)",
               **how: bool) -> str:
        """The client's configuration, with more options of failover() and of the destination, and more global options."""
        other = other.replace("`DIRECTORY`", f'"{self._lab.directory}"')
        transport = "tcp"
        if self._wire.tls:
            transport = "tls"
            other += f' tls(ca-file("{self._authority.certificate}"))'
        driver = (f'{self._wire.driver}("primary" port({PORT}) transport("{transport}") {other}'
                  f' failover(servers("second", "third") {failover}))')
        return self._lab.config(driver, options=f"time-reopen(1); stats-level(1); {options}", **how)

    def begin(self, config: str | None = None, *, rate: int = RATE, wrapper: tuple[str, ...] = ()) -> None:
        """Start the client and the stream."""
        self._lives += 1
        self._lab.start_client(config or self.config(), wrapper=wrapper)
        self._lab.sender.stream(rate)

    def start_again(self) -> None:
        """The client, after it was stopped."""
        self._lives += 1
        self.client.start()

    @property
    def client(self) -> Client:
        return self._lab.client

    @property
    def client_host(self) -> Host:
        return self._lab.client_host

    # Waiting

    def wait_at(self, server: Sink, messages: int = RATE // 2) -> None:
        """Until so many more messages have arrived there."""
        enough = server.received() + messages
        wait_until(lambda: server.received() >= enough, ARRIVED_S, f"{messages} messages at {server}")

    def wait_unread(self, server: Sink, size: int = 1 << 16) -> None:
        """Until so many bytes wait there for being read."""
        wait_until(lambda: server.unread_bytes() >= size, ARRIVED_S, f"{size} bytes unread at {server}")

    def wait_stuck(self, server: Sink) -> None:
        """Until the client's socket is full and nothing moves any more."""
        last, since = 0, time.monotonic()

        def stuck() -> bool:
            nonlocal last, since
            queued = self._unacknowledged_bytes(server)
            if queued != last:
                last, since = queued, time.monotonic()
            return queued > 0 and time.monotonic() - since >= _STUCK_S

        wait_until(stuck, ARRIVED_S, f"a full socket to {server}")

    def wait_all_read(self, server: Sink) -> None:
        """Until the server has read everything; after pause_and_process()."""
        wait_until(lambda: not self.client.counters("dst")["queued"] and not self._unacknowledged_bytes(server)
                   and not server.unread_bytes(), ARRIVED_S, f"{server} has read everything")

    def wait_taken(self, messages: int) -> None:
        """Until the client has taken so many."""
        wait_until(lambda: self._lab.sender.taken() >= messages, ARRIVED_S, f"{messages} messages taken")

    # The stream and its end

    def pause(self) -> int:
        """Send nothing more until resume(); return how many messages there are, when syslog-ng has all of them."""
        sent = self._lab.sender.pause()
        wait_until(lambda: self._lab.sender.taken() == sent, ARRIVED_S, "syslog-ng takes all messages")
        return sent

    def pause_and_process(self) -> None:
        """pause(), until nothing of it waits in the source any more."""
        assert self._lives == 1, "its counters start again with each life"
        sent = self.pause()
        wait_until(lambda: self.client.counters("src")["processed"] == sent, ARRIVED_S, "all messages are in the queue")

    def resume(self) -> None:
        self._lab.sender.stream(RATE)

    def finish(self, most_late: int = 0) -> Tally:
        """End the stream. Everything must arrive, in order, and nothing may stay in the queue.

        So many messages may come late: begun on a connection that was given up by a reload, sent whole on the next.
        """
        sent = self.pause()
        self.wait_all(sent)
        self.check_queue_is_empty()
        self.stop()
        counted = self.tally(sent)
        assert (counted.lost, counted.torn) == (0, 0), counted
        late = self._late()
        assert len(late) <= most_late, f"{late} {counted}"
        return counted

    def finish_with_losses(self, *, clean: bool = True) -> Tally:
        """End the stream; only the last message must arrive."""
        sent = self.pause()
        wait_until(lambda: any(sent in connection.numbers[-1:] for connection in self._connections()), ARRIVED_S,
                   "the last message")
        self.stop(clean=clean)
        return self.tally(sent)

    def wait_all(self, sent: int) -> None:
        def all_arrived() -> bool:
            return sum(server.received() for server in self.servers) >= sent and not self.tally(sent).lost

        try:
            wait_until(all_arrived, ARRIVED_S, "all messages")
        except Failure as late:
            raise Failure(f"{late} {self.tally(sent)}") from None

    def check_queue_is_empty(self) -> None:
        """The connection given up last is done with, everything processed is written, nothing is kept in the queue."""
        wait_until(lambda: len(self._lab.client_host.sockets("state", "established")) <= 1, ARRIVED_S, "one connection")
        wait_until(lambda: self.client.counters("dst")["queued"] == 0, ARRIVED_S, "an empty queue")
        # With those of the configurations before: some counters go on with another transport, others start anew.
        counters = self.client.counters("dst", states="ao")
        # What an earlier life has left in a disk-buffer was processed by that one.
        assert counters["processed"] == counters["written"] or self._lives > 1, counters
        assert (counters["dropped"], counters["memory_usage"]) == (0, 0), counters

    def stop(self, *, clean: bool = True) -> float:
        """Stop the client; what it has sent is read to the end. Return how many seconds the client took."""
        took_s = self.client.stop(STOPPED_S)
        assert self.client.exit_code == 0 or not clean
        for server in self.servers:
            wait_until(lambda: not server.is_reading(), ARRIVED_S, f"{server} has read everything")
        return took_s

    # The books

    def tally(self, sent: int) -> Tally:
        return tally((Delivery(str(server), connection) for server in self.servers for connection in server.connections()), sent)

    def _late(self) -> list[str]:
        """What breaks the rule that on every connection what is sent again comes before what is newer."""
        return [
            f"{later} after {earlier} at {server}"
            for server in self.servers
            for connection in server.connections()
            for earlier, later in zip(connection.numbers, connection.numbers[1:])
            if earlier >= later
        ]

    def _unacknowledged_bytes(self, server: Sink) -> int:
        return sum(int(line.split()[1])
                   for line in self._lab.client_host.sockets("state", "established", "dst", server.host.ip4))

    def _connections(self) -> list[Recorded]:
        return [connection for server in self.servers for connection in server.connections()]
