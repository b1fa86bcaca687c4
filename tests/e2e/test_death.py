# SPDX-License-Identifier: GPL-2.0-or-later
"""Every death noticed, in seconds: silent networks, frozen receivers, dead addresses, silent name servers, reboots."""

from pathlib import Path

import pytest

from harness import syslog_ng
from harness.faults import NOTICED_S, Fault, first_arrival, message_time, reboot, wait_none_lost
from harness.flow import TCP, TLS, Flow, Wire
from harness.lab import Lab
from harness.sink import Pace
from waiting import holds_for, wait_until

ALL_FAILED = "failover: all log servers failed"
CONNECTED = "failover: connected to log server"
FAILED = "failover: log server failed"

CONNECT_S = DEAD_PEER_S = 2
TIMES = f"switch-delay(0) connect-timeout({CONNECT_S}) dead-peer-timeout({DEAD_PEER_S})"
DRIVER = f'network("primary" port(514) failover(servers("second", "third") {TIMES}))'

both = pytest.mark.parametrize("wire", [TCP, TLS], ids=str)


# 1. Packets dropped while in use


@both
def test_packets_dropped_under_load(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.begin(flow.config(TIMES))
    flow.wait_at(flow.primary)
    fault = Fault.now(f"packets dropped under load, {wire}")
    flow.primary.host.vanish()
    flow.wait_at(flow.second)
    fault.noticed(first_arrival(flow.second))
    flow.primary.kill()
    flow.finish()
    assert flow.client.wait_for(FAILED, server="primary:514").tags["reason"] == "timeout"


def test_packets_dropped_while_idle(lab: Lab) -> None:
    """Found without a message to send."""
    primary, second, _ = lab.start_servers("primary", "second", "third")
    client = lab.start_client(lab.config(DRIVER))
    lab.deliver_to(primary)
    fault = Fault.now("packets dropped while idle")
    primary.host.vanish()
    client.wait_for(FAILED, server="primary:514", reason="timeout", timeout_s=NOTICED_S)
    last = lab.sender.send(1)[0]
    wait_none_lost(lab, last)
    fault.noticed(message_time(second, last))


def test_idle_connection_stays_while_the_server_answers(lab: Lab) -> None:
    primary, second, _ = lab.start_servers("primary", "second", "third")
    client = lab.start_client(lab.config(DRIVER))
    lab.deliver_to(primary)
    holds_for(lambda: not client.lines(FAILED), 3 * DEAD_PEER_S, "the idle connection is not given up")
    lab.deliver_to(primary)
    assert (primary.accepted(), second.accepted()) == (1, 0)


# 2. Packets dropped from the start


@both
def test_packets_dropped_from_the_start(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.primary.host.vanish()
    fault = Fault.now(f"packets dropped from the start, {wire}")
    flow.begin(flow.config(TIMES))
    flow.wait_at(flow.second)
    fault.noticed(first_arrival(flow.second))
    failed = flow.client.wait_for(FAILED, server="primary:514", reason="timeout")
    assert float(failed.tags["took_ms"]) >= 0.9 * 1000 * CONNECT_S
    flow.primary.kill()
    flow.finish()


# 3. Receivers that read nothing, or little


@both
def test_frozen_receiver_is_given_up(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.begin(flow.config(TIMES))
    flow.wait_at(flow.primary)
    fault = Fault.now(f"receiver frozen under load, {wire}")
    flow.primary.freeze()
    flow.wait_at(flow.second)
    fault.noticed(first_arrival(flow.second))
    flow.primary.kill()
    flow.finish()
    assert flow.client.wait_for(FAILED, server="primary:514").tags["reason"] == "timeout"


SLOW = [Pace(read_bytes=1 << 16, pause_ms=1000), Pace(read_bytes=1 << 12, pause_ms=62.5)]


@both
@pytest.mark.parametrize("pace", SLOW, ids=["once-a-second", "steadily"])
def test_slow_receiver_is_not_given_up(flow: Flow, wire: Wire, pace: Pace) -> None:
    """64 KiB a second are not dead: never given up before it is killed."""
    flow.start_all(wire, primary=pace)
    flow.begin(flow.config(TIMES))
    flow.wait_unread(flow.primary, 1 << 15)
    before = flow.primary.received()
    holds_for(lambda: not flow.client.lines(FAILED), 6 * DEAD_PEER_S, "the slow receiver is not given up")
    assert flow.primary.received() > before, "the receiver did read"
    flow.primary.kill()
    flow.wait_at(flow.second)
    flow.finish()


# 5. Names


def test_second_address_of_a_name_is_used_early(lab: Lab) -> None:
    dead = lab.network.add_host("dead")
    dead.vanish()
    good, second = lab.start_servers("good", "second")
    lab.network.set_name("primary", [dead.ip4, good.host.ip4])
    fault = Fault.now("first address of the name dead, connect-timeout(10)")
    client = lab.start_client(lab.config(
        'network("primary" port(514) failover(servers("second") switch-delay(0) connect-timeout(10)))'))
    last = lab.sender.send(3)[-1]
    wait_none_lost(lab, last)
    fault.noticed(message_time(good, last), at_most_s=8)
    connected = client.wait_for(CONNECTED, server="primary:514", address=f"{good.host.ip4}:514")
    assert float(connected.tags["took_ms"]) < 5_000
    assert second.accepted() == 0 and not client.lines(FAILED)


def test_both_addresses_dead_cost_one_connect_timeout(lab: Lab) -> None:
    hosts = [lab.network.add_host("dead"), lab.network.add_host("deader")]
    for host in hosts:
        host.vanish()
    second = lab.server("second")
    lab.network.set_name("primary", [host.ip4 for host in hosts])
    fault = Fault.now("both addresses of the name dead")
    client = lab.start_client(lab.config(f'network("primary" port(514) failover(servers("second") {TIMES}))'))
    last = lab.sender.send(3)[-1]
    wait_none_lost(lab, last)
    fault.noticed(message_time(second, last))
    failed = client.wait_for(FAILED, server="primary:514", reason="timeout")
    assert 900 * CONNECT_S <= float(failed.tags["took_ms"]) < 1_900 * CONNECT_S, "both within one limit"


def silent_name_server(lab: Lab) -> None:
    """That programs started from now on ask, and wait for."""
    host = lab.network.add_host("nameserver")
    host.vanish()
    lab.network.ask_name_server(host.ip4, timeout_s=30)


def test_silent_name_server_at_start(lab: Lab) -> None:
    """syslog-ng starts, another destination flows, the next server is found, SIGTERM works at once."""
    primary, second = lab.start_servers("primary", "second")
    silent_name_server(lab)
    fault = Fault.now("name server silent at start")
    destinations = syslog_ng.destination("d_slow", f'network("unknown" port(514) failover(servers("second") {TIMES}))')
    destinations += syslog_ng.destination("d_fast", 'network("primary" port(514) failover(servers("elsewhere")))')
    client = lab.start_client(syslog_ng.configuration(destinations))
    lab.deliver_to(primary)
    last = lab.sender.send(1)[0]
    wait_until(lambda: second.numbers() == list(range(1, last + 1)), 30, "all messages at the second too")
    fault.noticed(message_time(second, 1))
    client.wait_for(FAILED, server="unknown:514", reason="timeout")


def test_sigterm_during_a_look_up(lab: Lab) -> None:
    silent_name_server(lab)
    client = lab.start_client(lab.config(
        'network("unknown" port(514) failover(servers("unheard-of") switch-delay(0) connect-timeout(20)))'))
    lab.sender.send(1)
    question = f"{lab.network.hosts['nameserver'].ip4}:53"
    wait_until(lambda: question in lab.client_host.run("ss", "-unH"), 30, "a look-up under way")
    assert not client.lines(FAILED)
    took = client.stop()
    print(f"MEASURED SIGTERM during a look-up: {took:.3f} s")
    assert took < 5 and client.exit_code == 0


def test_name_server_silent_later(lab: Lab) -> None:
    primary, _, third = lab.start_servers("primary", "second", "third")
    silent_name_server(lab)
    client = lab.start_client(lab.config(DRIVER))
    lab.deliver_to(primary)
    lab.network.set_name("second", [])
    fault = Fault.now("name server silent later")
    primary.kill()
    last = lab.sender.send(1)[0]
    wait_none_lost(lab, last)
    fault.noticed(message_time(third, last))
    client.wait_for(FAILED, server="second:514", reason="timeout", next="third:514")


def test_name_changes_its_address_between_attempts(lab: Lab) -> None:
    """From one that is dead to one that lives."""
    dead = lab.network.add_host("dead")
    dead.vanish()
    new = lab.server("moved")
    for name in ("primary", "second"):
        lab.network.set_name(name, [dead.ip4])
    client = lab.start_client(lab.config(f'network("primary" port(514) failover(servers("second") {TIMES}))'))
    sent = lab.sender.send(3)[-1]
    client.wait_for(ALL_FAILED, reason="timeout")
    lab.network.set_name("primary", [new.host.ip4])
    fault = Fault.now("name moves to a living address")
    wait_none_lost(lab, sent)
    fault.noticed(message_time(new, 1))


# 6. Addresses of all kinds


def test_servers_of_both_families(lab: Lab) -> None:
    first, second, third, fourth = servers = lab.start_servers("first", "second", "third", "fourth")
    client = lab.start_client(lab.config(
        f'network("{first.host.ip4}" port(514)'
        f' failover(servers("[{second.host.ip6}]:514", "{third.host.ip4}", "{fourth.host.ip6}") {TIMES}))'))
    lab.deliver_to(first)
    addresses = [f"{first.host.ip4}:514", f"[{second.host.ip6}]:514", f"{third.host.ip4}:514", f"[{fourth.host.ip6}]:514"]
    for count, (dying, following) in enumerate(zip(servers, servers[1:]), start=1):
        fault = Fault.now(f"mixed families, to {addresses[count]}")
        dying.host.vanish()
        last = lab.sender.send(1)[0]
        wait_none_lost(lab, last)
        fault.noticed(message_time(following, last))
        client.wait_for(CONNECTED, address=addresses[count])


def test_link_local_address_with_scope(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    lab.client_host.add_address("fe80::77:1/64")
    second.host.add_address("fe80::77:2/64")
    client = lab.start_client(lab.config(
        f'network("primary" port(514) failover(servers("[fe80::77:2%eth0]:514") {TIMES}))'))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    client.wait_for(CONNECTED, server="[fe80::77:2%eth0]:514")
    wait_none_lost(lab, lab.sender.send(1)[0])


@pytest.mark.parametrize("death, timeout_s", [("refused", 2), ("dropped", 0.5)])
def test_only_the_last_of_ten_servers_lives(lab: Lab, death: str, timeout_s: float) -> None:
    dead = lab.network.add_host("dead")
    last = lab.server("last")
    if death == "dropped":
        dead.vanish()
    others = ", ".join(f'"dead:{port}"' for port in range(1002, 1010))
    fault = Fault.now(f"nine of ten servers dead, {death}, connect-timeout({timeout_s:g})")
    client = lab.start_client(lab.config(f'network("dead" port(1001) failover(servers({others}, "last:514")'
                                         f" switch-delay(0) connect-timeout({timeout_s})))"))
    number = lab.sender.send(3)[-1]
    wait_none_lost(lab, number)
    fault.noticed(message_time(last, number), at_most_s=NOTICED_S + 9 * timeout_s)
    assert [line.tags["server"] for line in client.lines(FAILED)] == [f"dead:{port}" for port in range(1001, 1010)]


# 7. Half-open connections


@pytest.mark.parametrize("dead_peer", [2, 30])
def test_reboot_while_idle(lab: Lab, dead_peer: int) -> None:
    """The next write, or the next look at the idle connection, is answered with a reset.

    A reboot that takes longer than the timeout is noticed as silence before that.
    """
    primary, _, _ = lab.start_servers("primary", "second", "third")
    client = lab.start_client(lab.config('network("primary" port(514) failover(servers("second", "third")'
                                         f" switch-delay(0) connect-timeout(2) dead-peer-timeout({dead_peer})))"))
    lab.deliver_to(primary)
    reboot(primary)
    fault = Fault.now(f"server rebooted while idle, dead-peer-timeout({dead_peer})")
    sent = lab.sender.send(10)
    wait_none_lost(lab, sent[-1])
    fault.noticed(min(message_time(server, sent[0]) for server in lab.servers if sent[0] in server.numbers()))
    reasons = ("reset", "broken", "timeout") if dead_peer == 2 else ("reset", "broken")
    assert client.wait_for(FAILED, server="primary:514").tags["reason"] in reasons


@both
def test_reboot_under_load(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.begin(flow.config("switch-delay(0) connect-timeout(2) dead-peer-timeout(30)"))
    flow.wait_at(flow.primary)
    fault = Fault.now(f"server rebooted under load, {wire}")
    reboot(flow.primary)
    flow.wait_at(flow.second)
    fault.noticed(first_arrival(flow.second))
    flow.finish()


# The options


CONNECT_TIMEOUT, DEAD_PEER_TIMEOUT = "connect-timeout() takes seconds above 0", "dead-peer-timeout() takes seconds, 0 or more"


@pytest.mark.parametrize("option, text", [
    ("connect-timeout(0)", CONNECT_TIMEOUT),
    ("connect-timeout(-1)", CONNECT_TIMEOUT),
    ("connect-timeout(x)", CONNECT_TIMEOUT),
    ("dead-peer-timeout(-1)", DEAD_PEER_TIMEOUT),
    ("dead-peer-timeout(x)", DEAD_PEER_TIMEOUT),
])
def test_refused_times(tmp_path: Path, option: str, text: str) -> None:
    config = syslog_ng.configuration(syslog_ng.destination("d", f'network("a" failover(servers("b") {option}))'))
    result = syslog_ng.check_syntax(config.replace(f"`{syslog_ng.SOCKET_VARIABLE}`", str(tmp_path / "s")), tmp_path)
    assert result.exit_code > 0
    assert text in result.text, result.text


@pytest.mark.parametrize("option", ["connect-timeout(0.5)", "connect-timeout(10)", "dead-peer-timeout(0)",
                                    "dead-peer-timeout(1.5)"])
def test_accepted_times(tmp_path: Path, option: str) -> None:
    config = syslog_ng.configuration(syslog_ng.destination("d", f'network("a" failover(servers("b") {option}))'))
    result = syslog_ng.check_syntax(config.replace(f"`{syslog_ng.SOCKET_VARIABLE}`", str(tmp_path / "s")), tmp_path)
    assert result.exit_code == 0, result.text
