# SPDX-License-Identifier: GPL-2.0-or-later
"""No message lost over reloads, stops and starts of syslog-ng under load."""

from pathlib import Path

import pytest

from harness.flow import ARRIVED_S, TCP, TLS, Flow, Wire, disk_buffer
from harness.lab import Lab
from harness.valgrind import errors_of_ours, valgrind
from messages import PARSED
from records import Recorded
from waiting import wait_until

ALL_FAILED = "failover: all log servers failed"
BACK = "failover: back on the primary log server"
CONNECTED = "failover: connected to log server"
UNCONFIRMED = "failover: stopped before a log server confirmed the last messages, they may be lost"

#: One second of it for the last messages; the rest is for machines under load.
STOPPED_S = 3.0


both = pytest.mark.parametrize("wire", [TCP, TLS], ids=str)
reliable = pytest.mark.parametrize("reliable", ["yes", "no"])


# Reload


@both
def test_reloads_that_give_the_connection_up(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.begin(flow.config(other="keep-alive(no) log-fifo-size(1000000)"))
    for connections in range(1, 4):
        flow.wait_at(flow.primary, 5_000)
        flow.client.reload()
        flow.client.wait_for(CONNECTED, count=connections + 1, server="primary:514")
    flow.wait_at(flow.primary)
    # the socket may have been full in the middle of a message
    tally = flow.finish(most_late=3)
    assert tally.doubled == 0 and tally.cut <= 3, tally


@pytest.mark.parametrize("before, after", [(TCP, TLS), (TLS, TCP)], ids=["to-tls", "to-tcp"])
def test_reload_with_another_transport(flow: Flow, before: Wire, after: Wire) -> None:
    """The old connection is drained; the next one is of the other kind, and lasts."""
    flow.add_servers(before)
    old = flow.primary.start()
    flow.begin()
    flow.wait_at(old)
    flow.move_primary(after)
    flow.client.reload(flow.config())
    wait_until(lambda: not old.is_reading(), ARRIVED_S, "the old connection is drained")
    flow.wait_at(flow.primary)
    flow.wait_all(flow.pause())
    flow.resume()
    flow.wait_at(flow.primary)
    assert flow.finish(most_late=1).doubled == 0
    assert len(flow.primary.connections()) == 1


# Stop


def taken(lab: Lab) -> tuple[str, Recorded]:
    """One more destination, and what it has got: all messages that syslog-ng took."""
    file = lab.directory / "taken.received"
    driver = f'file("{file}" template("<13>$DATE $HOST $MSGHDR$MSG\\n"))'
    config = f"destination d_taken {{ {driver}; }};\nlog {{ source(s_numbers); destination(d_taken); }};\n"
    return config, Recorded(file, PARSED)


@both
def test_sigterm_sends_all_that_was_taken(lab: Lab, flow: Flow, wire: Wire) -> None:
    config, recorded = taken(lab)
    flow.start_all(wire)
    flow.begin(flow.config() + config)
    flow.wait_at(flow.primary)
    took_s = flow.stop()
    assert took_s <= STOPPED_S
    recorded.update()
    assert list(recorded.numbers) == list(range(1, len(recorded.numbers) + 1))
    (connection,) = flow.primary.connections()
    arrived = list(connection.numbers)
    assert not connection.rest and not connection.torn
    assert arrived == list(recorded.numbers)[: len(arrived)]
    # a machine that stands still for the second that there is loses the rest, and says so
    assert len(arrived) == len(recorded.numbers) or flow.client.lines(UNCONFIRMED)


# Stop and start, with disk-buffer()


def with_disk_buffer(flow: Flow, reliable: str) -> str:
    return flow.config(other=disk_buffer(reliable))


@both
@reliable
def test_restart_under_load(flow: Flow, wire: Wire, reliable: str) -> None:
    flow.start_all(wire)
    flow.begin(with_disk_buffer(flow, reliable))
    flow.wait_at(flow.primary)
    flow.pause_and_process()
    flow.stop()
    flow.start_again()
    flow.resume()
    flow.wait_at(flow.primary)
    assert flow.finish().doubled == 0


@both
@reliable
def test_restart_while_all_servers_are_down(flow: Flow, wire: Wire, reliable: str) -> None:
    flow.add_servers(wire)
    flow.begin(with_disk_buffer(flow, reliable))
    flow.client.wait_for(ALL_FAILED)
    flow.wait_taken(20_000)
    flow.pause_and_process()
    flow.client.stop()
    flow.second.start()
    flow.start_again()
    flow.resume()
    flow.wait_at(flow.second)
    assert flow.finish().doubled == 0


# All of it under valgrind


@both
def test_closed_and_returned_under_valgrind(lab: Lab, flow: Flow, wire: Wire) -> None:
    report: Path = lab.directory / "valgrind.xml"
    failback = "failback(tcp-probe-interval(0.5) successful-probes-required(2))"
    flow.start_all(wire)
    flow.begin(flow.config(f"switch-delay(0) {failback}"), rate=300, wrapper=valgrind(report))
    flow.wait_at(flow.primary, 100)
    flow.primary.tell("end")
    flow.wait_at(flow.second, 100)
    flow.primary.kill()
    flow.primary.start()
    flow.client.wait_for(BACK, timeout_s=60)
    flow.wait_at(flow.primary, 100)
    flow.primary.kill()
    flow.wait_at(flow.second, 100)
    flow.finish()
    assert errors_of_ours(report) == []
