# SPDX-License-Identifier: GPL-2.0-or-later
"""Deaths that leave our kernel with nothing in flight: a network of our own that fails, a server that hangs; and what only
looks like one. The times are printed; what is asserted leaves a slow machine much room, under the five times as long
that such a death took when it passed for a closed window."""

import threading
import time

import pytest

import log_servers
from certificates import CertificateAuthority
from harness import syslog_ng
from harness.faults import NOTICED_S, OWN_NETWORK, Fault, first_arrival, message_time, wait_none_lost
from harness.flow import TCP, TLS, Flow, Wire
from harness.lab import Lab
from harness.sink import PORT, Pace, Sink
from harness.stock_server import Program
from waiting import holds_for, wait_until

FAILED = "failover: log server failed"
PROBE_FAILED = "failover: probe of the primary failed"

RATE = 4_000
own_network = pytest.mark.parametrize("fault", OWN_NETWORK)
both = pytest.mark.parametrize("wire", [TCP, TLS], ids=str)


def times(dead_peer_s: float, more: str = "") -> str:
    return f"switch-delay(0) connect-timeout(2) dead-peer-timeout({dead_peer_s:g}) {more}"


# Our own network; the other servers are reached another way


@both
@own_network
def test_own_network_under_load(flow: Flow, fault: str, wire: Wire) -> None:
    timeout_s = 3
    flow.add_servers(wire)
    flow.client_host.add_second_link(flow.second.host, flow.third.host)
    flow.start()
    flow.begin(flow.config(times(timeout_s)), rate=RATE)
    flow.wait_at(flow.primary, RATE)
    happened = Fault.now(f"our own network, {fault}, {wire}, dead-peer-timeout({timeout_s})")
    OWN_NETWORK[fault](flow.client_host, flow.primary.host)
    flow.wait_at(flow.second, RATE)
    happened.noticed(first_arrival(flow.second), at_most_s=3 * timeout_s)
    assert flow.client.wait_for(FAILED, server="primary:514").tags["reason"] == "timeout"
    flow.primary.kill()
    flow.finish()


@own_network
def test_own_network_while_idle(lab: Lab, fault: str) -> None:
    """Found without a message to send."""
    primary, second = lab.start_servers("primary", "second")
    lab.client_host.add_second_link(second.host)
    client = lab.start_client(lab.config(f'network("primary" port(514) failover(servers("second") {times(2)}))'))
    lab.deliver_to(primary)
    happened = Fault.now(f"our own network while idle, {fault}")
    OWN_NETWORK[fault](lab.client_host, primary.host)
    client.wait_for(FAILED, server="primary:514", timeout_s=NOTICED_S)
    last = lab.sender.send(1)[0]
    wait_none_lost(lab, last)
    happened.noticed(message_time(second, last))


@own_network
def test_own_network_while_connecting(lab: Lab, fault: str) -> None:
    primary, second = lab.start_servers("primary", "second")
    lab.client_host.add_second_link(second.host)
    OWN_NETWORK[fault](lab.client_host, primary.host)
    happened = Fault.now(f"our own network from the start, {fault}")
    client = lab.start_client(lab.config(f'network("primary" port(514) failover(servers("second") {times(2)}))'))
    last = lab.sender.send(3)[-1]
    wait_none_lost(lab, last)
    happened.noticed(message_time(second, last))
    client.wait_for(FAILED, server="primary:514", next="second:514")
    assert not primary.accepted()


@own_network
def test_own_network_while_probing(lab: Lab, fault: str) -> None:
    primary, second = lab.start_servers("primary", "second")
    lab.client_host.add_second_link(second.host)
    more = "failback(tcp-probe-interval(1) successful-probes-required(100))"
    client = lab.start_client(lab.config(f'network("primary" port(514) failover(servers("second") {times(2, more)}))'))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    primary.start()
    client.wait_for("failover: probe of the primary succeeded")
    happened = time.monotonic()
    before = len(client.lines(PROBE_FAILED))
    OWN_NETWORK[fault](lab.client_host, primary.host)
    wait_until(lambda: len(client.lines(PROBE_FAILED)) > before, NOTICED_S, "a probe fails")
    print(f"MEASURED our own network while probing, {fault}: {time.monotonic() - happened:.3f} s to the failed probe")
    lab.deliver_to(second)


def test_second_server_dead_too(flow: Flow) -> None:
    """The third has the messages within connect-timeout() more."""
    flow.start_all(TCP)
    flow.begin(flow.config(times(2)), rate=RATE)
    flow.wait_at(flow.primary, RATE)
    happened = Fault.now("packets of the first two dropped, dead-peer-timeout(2) connect-timeout(2)")
    flow.second.host.vanish()
    flow.primary.host.vanish()
    flow.wait_at(flow.third, RATE)
    happened.noticed(first_arrival(flow.third), at_most_s=10)
    for server in (flow.primary, flow.second):
        server.kill()
    flow.finish()


# Many servers at once, each with a destination and a next server of its own


class Row:
    """One client, and beside each other servers of many kinds that it sends everything to."""

    def __init__(self, lab: Lab, authority: CertificateAuthority) -> None:
        self._lab = lab
        self._authority = authority
        self._destinations = ""
        self.servers: dict[str, Sink] = {}
        self._next: dict[str, Sink] = {}

    def add(self, name: str, kind: Pace | Program, wire: Wire, dead_peer_s: float, *, buffer: int = 0) -> None:
        """Of a receive buffer of so many bytes."""
        name = f"{name}-{'tls' if wire.tls else 'tcp'}"
        self.servers[name] = self._sink(name, kind, wire)
        self._next[name] = self._sink(f"{name}-next", Pace(), wire)
        if buffer:
            self.servers[name].host.set_kernel("net.ipv4.tcp_rmem", f"{buffer} {buffer} {buffer}")
        transport = f'transport("tls") tls(ca-file("{self._authority.certificate}"))' if wire.tls else 'transport("tcp")'
        self._destinations += syslog_ng.destination(f"d_{len(self.servers)}", (
            f'network("{name}" port({PORT}) {transport} log-fifo-size(20000)'
            f' failover(servers("{name}-next") {times(dead_peer_s)}))'))

    def begin(self) -> None:
        for server in (*self.servers.values(), *self._next.values()):
            server.start()
        self._lab.start_client(syslog_ng.configuration(self._destinations, options="time-reopen(1); threaded(yes)"))
        self._lab.sender.stream(RATE)

    def wait_received(self, messages: int) -> None:
        wait_until(lambda: all(server.received() >= messages for server in self.servers.values()), 60, f"{messages} messages")

    def wait_next(self) -> dict[str, float]:
        """Until the next servers have messages; since when."""
        wait_until(lambda: all(server.received() for server in self._next.values()), 60, "messages at all next servers")
        return {name: first_arrival(server) for name, server in self._next.items()}

    def _sink(self, name: str, kind: Pace | Program, wire: Wire) -> Sink:
        return self._lab.sink(name, kind=kind, certificate=self._authority.certificate_for(name) if wire.tls else None)


def test_hung_server_that_kept_up(lab: Lab, authority: CertificateAuthority) -> None:
    """A process that is stopped, and its kernel goes on taking messages as long as it has room."""
    timeout_s = 8.0
    row = Row(lab, authority)
    for wire in (TCP, TLS):
        row.add("sink", Pace(), wire, timeout_s)
        row.add("syslog-ng", log_servers.syslog_ng, wire, timeout_s)
        row.add("rsyslog", log_servers.rsyslog, wire, timeout_s)
    row.begin()
    row.wait_received(RATE * 7)
    for server in row.servers.values():
        server.freeze()
    at = time.monotonic()
    for name, next_at in row.wait_next().items():
        Fault(f"{name} hangs, dead-peer-timeout({timeout_s:g})", at).noticed(next_at, at_most_s=3 * timeout_s)


def test_slow_server_is_not_dead(lab: Lab, authority: CertificateAuthority) -> None:
    row = Row(lab, authority)
    pause_timeout_s = 6.0
    for wire in (TCP, TLS):
        row.add("once-a-second", Pace(1 << 16, 1000), wire, 2)  # 64 KiB a second
        row.add("steady", Pace(1 << 12, 62.5), wire, 2)
        row.add("slower", Pace(1 << 12, 250), wire, 10)  # 16 KiB a second
        row.add("pausing", Pace(), wire, pause_timeout_s)
        row.add("lagging", log_servers.lagging_syslog_ng, wire, 2)
        row.add("small-buffer", Pace(), wire, 2, buffer=4096)
    row.begin()
    row.wait_received(1)
    ended = threading.Event()
    pausing = [server for name, server in row.servers.items() if name.startswith("pausing")]

    def pause_now_and_then() -> None:
        while not ended.wait(0.75 * pause_timeout_s):
            for server in pausing:
                server.freeze()
            ended.wait(0.75 * pause_timeout_s)
            for server in pausing:
                server.thaw()

    pauses = threading.Thread(target=pause_now_and_then)
    pauses.start()
    try:
        before = {name: server.received() for name, server in row.servers.items()}
        holds_for(lambda: not lab.client.lines(FAILED), 22, "none is given up")
        for name, server in row.servers.items():
            assert server.received() > before[name], f"{name} did read"
    finally:
        ended.set()
        pauses.join()


def test_second_hang_needs_a_confirmation_in_between(flow: Flow) -> None:
    """Nothing is confirmed within the grace: the next one may only be slow, as all are, and it has five times as long."""
    timeout_s = 2
    flow.start_all(TCP)
    flow.begin(flow.config(times(timeout_s, "resend-grace(600) resend-buffer-size(256MiB)")), rate=RATE)
    for server in (flow.primary, flow.second):
        flow.wait_at(server, RATE * 3)
        server.freeze()
    flow.wait_at(flow.third, RATE)
    assert float(flow.client.wait_for(FAILED, server="second:514").tags["in_use_ms"]) > 5_000 * timeout_s
    for server in (flow.primary, flow.second):
        server.kill()
    flow.finish()
