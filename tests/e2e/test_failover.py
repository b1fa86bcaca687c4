# SPDX-License-Identifier: GPL-2.0-or-later
"""Start, switch and round robin: which server gets the messages after each failure, and after which wait."""

import time

import pytest

from harness.lab import Lab
from waiting import holds_for, wait_until

CONNECTED = "failover: connected to log server"
FAILED = "failover: log server failed"
ALL_FAILED = "failover: all log servers failed"


def network(servers: str, *, failover: str = "", other: str = "", primary: str = "primary") -> str:
    return f'network("{primary}" port(514) {other} failover(servers({servers}) {failover}))'


def test_starts_at_the_primary(lab: Lab) -> None:
    primary, _ = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network('"second"')))
    lab.deliver_to(primary)
    line = client.wait_for(CONNECTED)
    assert line.tags["server"] == "primary:514"
    assert line.tags["address"] == f"{primary.host.ip4}:514"
    assert line.tags["reason"] == "start"
    assert float(line.tags["took_ms"]) < 10_000
    assert "d_remote" in line.tags["destination"]


@pytest.mark.parametrize(
    "driver, framing",
    [
        ('network("primary" port(514) failover(servers("second")))', "lines"),
        ('tcp("primary" port(514) failover(servers("second")))', "lines"),
        ('tcp6("primary" port(514) failover(servers("second")))', "lines"),
        ('syslog("primary" transport("tcp") port(514) failover(servers("second")))', "octets"),
    ],
    ids=["network", "tcp", "tcp6", "syslog"],
)
def test_killed_server_is_followed_by_the_next(lab: Lab, driver: str, framing: str) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(driver))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    assert second.open_connections()[0].framings == {framing}
    failed = client.wait_for(FAILED, server="primary:514", next="second:514", wait_ms="1000")
    assert failed.tags["reason"] in ("closed", "reset", "broken")
    client.wait_for(CONNECTED, server="second:514", reason="rotation")


def test_a_steady_stream_goes_on_at_the_next_server(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    lab.start_client(lab.config(network('"second"')))
    lab.wait_in_use(primary)
    first = lab.sender.stream(per_second=100)
    wait_until(lambda: first + 50 in primary.numbers(), 30, "the stream at the primary")
    primary.kill()
    lab.wait_in_use(second)
    last = lab.sender.send(1)[0]
    wait_until(lambda: last + 50 in second.numbers(), 30, "the stream at the second")
    end = lab.sender.pause()
    wait_until(lambda: set(range(last, end + 1)) <= set(second.numbers()), 30, "all of the rest of the stream")
    numbers = second.numbers()
    assert numbers == sorted(set(numbers)), "in order, none twice"


def test_first_failed_connection_goes_to_the_next_server(lab: Lab) -> None:
    """syslog-ng's own option tries the primary once more."""
    primary = lab.server("primary", start=False)
    second = lab.server("second")
    client = lab.start_client(lab.config(network('"second"')))
    lab.deliver_to(second)
    client.wait_for(CONNECTED)
    assert [(line.message, line.tags["server"]) for line in client.failover_lines()] == [
        (FAILED, "primary:514"),
        (CONNECTED, "second:514"),
    ]
    assert client.lines(FAILED)[0].tags["reason"] == "refused"
    assert primary.accepted() == 0


def test_server_that_closes_at_once_is_tried_once(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    primary.behave("close")
    lab.start_client(lab.config(network('"second"')))
    lab.deliver_to(second)
    assert primary.accepted() == 1


def test_round_robin_with_ports_and_addresses(lab: Lab) -> None:
    primary = lab.server("primary")
    second = lab.server("second", 1514)
    third = lab.server("third", 2514)
    servers = f'"second:1514", "{third.host.ip4}:2514"'
    client = lab.start_client(lab.config(network(servers)))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    primary.start()
    second.kill()
    lab.deliver_to(third)
    second.start()
    third.kill()
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    client.wait_for(CONNECTED, count=5)
    assert [line.tags["server"] for line in client.lines(CONNECTED)] == [
        "primary:514", "second:1514", f"{third.host.ip4}:2514", "primary:514", "second:1514",
    ]
    assert [line.tags["reason"] for line in client.lines(CONNECTED)] == ["start"] + ["rotation"] * 4


def test_ipv6_server_in_the_list(lab: Lab) -> None:
    primary = lab.server("primary")
    second = lab.server("second", 1514)
    client = lab.start_client(lab.config(f'tcp6("primary" port(514) failover(servers("[{second.host.ip6}]:1514")))'))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    name = f"[{second.host.ip6}]:1514"
    client.wait_for(CONNECTED, server=name, address=name)


def test_primary_that_is_back_is_left_alone_without_failback(lab: Lab) -> None:
    primary, second, third = lab.start_servers("primary", "second", "third")
    lab.start_client(lab.config(network('"second", "third"')))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    primary.start()
    before = primary.accepted()
    holds_for(lambda: primary.accepted() == before and second.open_connections(), 3, "the second stays in use")
    second.kill()
    lab.deliver_to(third)
    assert primary.accepted() == before
    third.kill()
    lab.deliver_to(primary)


def test_switch_without_delay(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network('"second"', failover="switch-delay(0)"), options="time-reopen(60)"))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second, timeout_s=20)
    client.wait_for(FAILED, server="primary:514", wait_ms="0")


@pytest.mark.parametrize(
    "options, other, failover, wait_s",
    [
        ("time-reopen(3)", "", "", 3),
        ("time-reopen(60)", "time-reopen(3)", "", 3),
        ("time-reopen(60)", "", "switch-delay(1.5)", 1.5),
        ("time-reopen(1)", "time-reopen(1)", "switch-delay(3)", 3),
    ],
    ids=["time-reopen-global", "time-reopen-destination", "switch-delay-decimal", "switch-delay-longer"],
)
def test_wait_before_a_switch(lab: Lab, options: str, other: str, failover: str, wait_s: float) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network('"second"', other=other, failover=failover), options=options))
    lab.deliver_to(primary)
    killed_at = time.monotonic()
    primary.kill()
    lab.deliver_to(second, timeout_s=30)
    assert second.connections()[0].accepted_at - killed_at >= wait_s
    client.wait_for(FAILED, server="primary:514", wait_ms=f"{wait_s * 1000:.0f}")


@pytest.mark.parametrize("back", [0, 1, 2], ids=["primary", "second", "third"])
def test_all_down_then_one_is_back(lab: Lab, back: int) -> None:
    servers = [lab.server(name, start=False) for name in ("primary", "second", "third")]
    client = lab.start_client(lab.config(network('"second", "third"', failover="switch-delay(0)")))
    waiting = list(lab.sender.send(3))
    client.wait_for(ALL_FAILED, count=2)
    servers[back].start()
    lab.deliver_to(servers[back])
    assert servers[back].numbers()[:3] == waiting, "what was sent while all were down"


def test_wait_after_a_full_round(lab: Lab) -> None:
    """time-reopen() with up to a tenth on top; within the round, switch-delay()."""
    for name in ("primary", "second"):
        lab.server(name, start=False)
    client = lab.start_client(lab.config(network('"second"', failover="switch-delay(0.2)"), options="time-reopen(2)"))
    client.wait_for(ALL_FAILED, count=3)
    lines = client.failover_lines()[:6]
    assert [(line.message, line.tags["server"], line.tags["next"]) for line in lines] == [
        (FAILED, "primary:514", "second:514"),
        (ALL_FAILED, "second:514", "primary:514"),
    ] * 3
    assert all(line.tags["wait_ms"] == "200" for line in lines[::2])
    assert all(2000 <= float(line.tags["wait_ms"]) <= 2200 for line in lines[1::2])
    for round_end, next_round in zip(lines[1::2], lines[2::2]):
        assert (next_round.time - round_end.time).total_seconds() >= 1.9


def test_round_is_counted_anew_after_a_success(lab: Lab) -> None:
    """The last server of the list had worked: its loss is a switch, not the end of a round without success."""
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network('"second"', failover="switch-delay(0)"), options="time-reopen(60)"))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    primary.start()
    # A connection that ends within a second of its start counts as a failed attempt.
    holds_for(second.open_connections, 1.5, "the second in use")
    second.kill()
    lab.deliver_to(primary, timeout_s=30)
    client.wait_for(FAILED, server="second:514", next="primary:514", wait_ms="0")


def test_servers_that_accept_and_close_are_not_hammered(lab: Lab) -> None:
    servers = lab.start_servers("primary", "second")
    for server in servers:
        server.behave("close")
    client = lab.start_client(lab.config(network('"second"', failover="switch-delay(0)")))
    client.wait_for(ALL_FAILED, count=3)
    assert all(server.accepted() <= 4 for server in servers)
    servers[1].behave("serve")
    lab.deliver_to(servers[1])


def test_servers_that_hang_up_before_they_confirm_are_not_tried_at_once(lab: Lab) -> None:
    """Each would get the same messages again and again, without any wait."""
    servers = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network('"second"', failover="switch-delay(0) resend-grace(60)"),
                                         options="time-reopen(3)"))
    lab.wait_in_use(servers[0])
    sent = list(lab.sender.send(3))
    for server in servers:
        wait_until(lambda server=server: server.numbers() == sent, 30, f"the messages at {server}")
        client.wait_for(CONNECTED, server=str(server))
        holds_for(lambda: client.alive, 1.5, "the connection lasts, which alone would prove the server")
        server.drop()
    line = client.wait_for(ALL_FAILED)
    assert line.tags["error"].endswith("; none of the messages sent to it is confirmed"), line
    assert int(line.tags["wait_ms"]) >= 3000
    assert line.tags["to_resend"] == "3"
