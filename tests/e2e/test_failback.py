# SPDX-License-Identifier: GPL-2.0-or-later
"""failback(): the way back to the primary by TCP probes."""

import time

import pytest

from harness.faults import wait_none_lost
from harness.lab import Lab
from harness.receiver import Receiver
from waiting import holds_for, wait_until

CONNECTED = "failover: connected to log server"
BACK = "failover: back on the primary log server"
FAILED = "failover: log server failed"
PROBE_OK = "failover: probe of the primary succeeded"
PROBE_FAILED = "failover: probe of the primary failed"


def network(failback: str, other: str = "switch-delay(0)") -> str:
    return f'network("primary" port(514) failover(servers("second") failback({failback}) {other}))'


def on_the_second(lab: Lab, driver: str) -> tuple[Receiver, Receiver]:
    """Both servers, after the primary was killed and the second has taken over."""
    primary, second = lab.start_servers("primary", "second")
    lab.start_client(lab.config(driver))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    return primary, second


@pytest.mark.parametrize(
    "failback, required",
    [
        ("tcp-probe-interval(0.5) successful-probes-required(1)", 1),
        ("tcp-probe-interval(0.2) successful-probes-required(5)", 5),
        ("tcp-probe-interval(0.3)", 3),
    ],
    ids=["one", "five", "default"],
)
def test_returns_after_exactly_the_required_probes(lab: Lab, failback: str, required: int) -> None:
    primary, second = on_the_second(lab, network(failback))
    before = primary.accepted()
    primary.start()
    back = lab.client.wait_for(BACK)
    lab.deliver_to(primary)
    probes = primary.connections()[before:]
    assert len(probes) == required
    wait_until(lambda: all(probe.end for probe in primary.connections()[before:-1]), 30, "the server sees the probes end")
    assert not any(probe.numbers for probe in probes[:-1])
    assert probes[-1].numbers, "the connection of the last probe is the one in use"
    assert [line.tags["successes"] for line in lab.client.lines(PROBE_OK)] == [
        f"{count}/{required}" for count in range(1, required + 1)
    ]
    assert back.tags["server"] == "primary:514"
    assert back.tags["address"] == f"{primary.host.ip4}:514"
    assert back.tags["reason"] == "failback"
    wait_until(lambda: not second.open_connections(), 30, "the connection to the second is closed")


def test_stream_returns_in_order_and_without_doubles(lab: Lab) -> None:
    primary, second = on_the_second(lab, network("tcp-probe-interval(0.3) successful-probes-required(2)"))
    first = lab.sender.stream(per_second=100)
    primary.start()
    lab.client.wait_for(BACK)
    mark = lab.sender.send(1)[0]
    wait_until(lambda: mark + 50 in primary.numbers(), 30, "the stream at the primary")
    last = lab.sender.pause()
    wait_none_lost(lab, last)
    at_second = [number for number in second.numbers() if number >= first]
    at_primary = [number for number in primary.numbers() if number >= first]
    assert at_second + at_primary == list(range(first, last + 1))


def test_failed_probe_starts_the_count_again(lab: Lab) -> None:
    primary, _ = on_the_second(lab, network("tcp-probe-interval(0.4) successful-probes-required(5)"))
    client = lab.client
    primary.start()
    client.wait_for(PROBE_OK, successes="2/5")
    failures = len(client.lines(PROBE_FAILED))
    primary.kill()
    failed = client.wait_for(PROBE_FAILED, count=failures + 1)
    assert (failed.tags["successes"], failed.tags["reason"]) == ("0/5", "refused")
    before, succeeded = primary.accepted(), len(client.lines(PROBE_OK))
    primary.start()
    client.wait_for(BACK)
    lab.deliver_to(primary)
    assert primary.accepted() - before == 5
    counts = [line.tags["successes"] for line in client.lines(PROBE_OK)]
    assert counts[succeeded:] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert "5/5" not in counts[:succeeded]


def test_first_probe_comes_one_interval_after_leaving(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    lab.start_client(lab.config(network("tcp-probe-interval(2) successful-probes-required(3)")))
    lab.deliver_to(primary)
    left_at = time.monotonic()
    primary.drop()
    lab.deliver_to(second)
    lab.client.wait_for(BACK)
    lab.deliver_to(primary)
    times = [left_at, *(probe.accepted_at for probe in primary.connections()[1:])]
    intervals = [after - before for before, after in zip(times, times[1:])]
    assert len(intervals) == 3
    # The clocks of two processes are read at slightly different moments of one event.
    assert all(interval >= 1.9 for interval in intervals), intervals


def test_probes_stop_when_the_primary_is_in_use(lab: Lab) -> None:
    primary, _ = on_the_second(lab, network("tcp-probe-interval(0.2) successful-probes-required(2)"))
    primary.start()
    lab.client.wait_for(BACK)
    lab.deliver_to(primary)
    accepted = primary.accepted()
    holds_for(lambda: primary.accepted() == accepted, 2, "no more probes")
    assert len(lab.client.lines(PROBE_OK)) == 2


def test_no_probes_while_the_primary_was_never_left(lab: Lab) -> None:
    primary, _ = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network("tcp-probe-interval(0.2)")))
    lab.deliver_to(primary)
    holds_for(lambda: primary.accepted() == 1, 2, "one connection to the primary")
    assert not client.lines(PROBE_OK) and not client.lines(PROBE_FAILED)


def test_fails_over_again_after_the_return(lab: Lab) -> None:
    primary, second = on_the_second(lab, network("tcp-probe-interval(0.2) successful-probes-required(2)"))
    for rounds in (1, 2):
        primary.start()
        lab.client.wait_for(BACK, count=rounds)
        lab.deliver_to(primary)
        primary.kill()
        lab.deliver_to(second)
    assert [line.tags["successes"] for line in lab.client.lines(PROBE_OK)] == ["1/2", "2/2"] * 2


def test_unanswered_probe_fails_by_its_deadline(lab: Lab) -> None:
    """And the next probe waits for its result: there is never more than one."""
    primary, second = on_the_second(lab, network("tcp-probe-interval(0.2) successful-probes-required(2)"))
    primary.host.vanish()
    primary.start()

    def at_most_one_probe() -> bool:
        return len(lab.client_host.sockets("state", "syn-sent")) <= 1

    wait_until(lambda: lab.client_host.sockets("state", "syn-sent"), 30, "a probe under way")
    holds_for(at_most_one_probe, 2, "one probe at a time")
    failed = lab.client.wait_for(PROBE_FAILED, reason="timeout", timeout_s=60)
    assert float(failed.tags["took_ms"]) <= 20_000
    lab.deliver_to(second)
    primary.host.appear()
    lab.client.wait_for(BACK, timeout_s=60)
    lab.deliver_to(primary)


def test_primary_takes_its_turn_when_the_others_are_down(lab: Lab) -> None:
    """A reachable server is never left unused: no waiting for probes."""
    primary, second = on_the_second(lab, network("tcp-probe-interval(3600)"))
    primary.start()
    second.kill()
    lab.deliver_to(primary)
    lab.client.wait_for(CONNECTED, server="primary:514", reason="rotation")
    assert not lab.client.lines(PROBE_OK) and not lab.client.lines(BACK)


def test_failed_probes_do_not_disturb_the_server_in_use(lab: Lab) -> None:
    _, second = on_the_second(lab, network("tcp-probe-interval(0.2)"))
    lab.client.wait_for(PROBE_FAILED, count=5, successes="0/3", reason="refused", server="primary:514")
    lab.deliver_to(second)
    assert second.accepted() == 1
