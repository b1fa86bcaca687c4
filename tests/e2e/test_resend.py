# SPDX-License-Identifier: GPL-2.0-or-later
"""No message lost: numbered messages under load, counted while log servers die, close, freeze and come back."""

import random

import pytest

from harness.flow import FRAMED, FRAMED_TLS, RATE, TCP, TLS, Flow, Wire
from harness.sink import BEHIND, Pace

BACK = "failover: back on the primary log server"
RELOADED = "Configuration reload finished"
PROBE_OK = "failover: probe of the primary succeeded"

FAILBACK = "switch-delay(0) failback(tcp-probe-interval(0.3) successful-probes-required(3))"

#: A kill may double what resend-grace() covers, half a second of messages; the rest is for machines under load.
MOST_DOUBLED_S = 5
FAST_RATE = 40_000

both = pytest.mark.parametrize("wire", [TCP, TLS], ids=str)
all_wires = pytest.mark.parametrize("wire", [TCP, TLS, FRAMED, FRAMED_TLS], ids=str)


# Killed


@all_wires
def test_killed(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.begin()
    flow.wait_at(flow.primary)
    flow.primary.kill()
    flow.wait_at(flow.second)
    assert flow.finish().doubled <= MOST_DOUBLED_S * RATE


@both
def test_killed_between_reloads(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.begin()
    flow.wait_at(flow.primary)
    flow.client.hang_up()
    flow.primary.kill()
    flow.client.wait_for(RELOADED)
    flow.client.reload()
    flow.wait_at(flow.second)
    flow.client.reload()
    flow.wait_at(flow.second)
    assert flow.finish().doubled <= MOST_DOUBLED_S * RATE


@both
def test_killed_while_behind(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire, primary=BEHIND)
    flow.begin(rate=FAST_RATE)
    kill_while_behind(flow)
    flow.finish()


@both
def test_killed_while_frozen(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.begin()
    flow.wait_at(flow.primary)
    flow.primary.freeze()
    flow.wait_stuck(flow.primary)
    flow.primary.kill()
    flow.wait_at(flow.second)
    flow.finish()


@both
def test_killed_while_frozen_with_few_messages(flow: Flow, wire: Wire) -> None:
    """What arrives within the grace is a small part of the window."""
    few = RATE // 5
    flow.start_all(wire)
    flow.begin(rate=few)
    flow.wait_at(flow.primary, few)
    flow.primary.freeze()
    flow.wait_stuck(flow.primary)
    flow.primary.kill()
    flow.wait_at(flow.second, few)
    flow.finish()


@both
@pytest.mark.parametrize(("rate", "before_s"), [(200, 3), (1_000, 1)])
def test_killed_while_frozen_on_a_young_connection(flow: Flow, wire: Wire, rate: int, before_s: int) -> None:
    """Its window widens at first, whether or not anything is read."""
    flow.start_all(wire)
    flow.begin(rate=rate)
    flow.wait_at(flow.primary, rate * before_s)
    flow.primary.freeze()
    flow.wait_taken(rate * (before_s + 2))
    flow.primary.kill()
    flow.wait_at(flow.second, rate)
    flow.finish()


@both
def test_ten_kills_in_a_row(flow: Flow, wire: Wire) -> None:
    """From the second kill on two of three servers are down at a time."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    flow.start_all(wire)
    flow.begin()
    in_use, spare, down = flow.primary, flow.second, flow.third
    down.kill()
    for _ in range(10):
        flow.wait_at(in_use, moments.randint(1, RATE // 4))
        in_use.kill()
        flow.wait_at(spare, 1)
        down.start()
        in_use, spare, down = spare, down, in_use
    flow.wait_at(in_use)
    assert flow.finish().doubled <= 10 * MOST_DOUBLED_S * RATE


@both
@pytest.mark.parametrize("without", ["resend", "module"])
def test_loss_is_seen(flow: Flow, wire: Wire, without: str) -> None:
    """The test of the tests: what loses messages is found out."""
    flow.start_all(wire, primary=BEHIND)
    if without == "module":
        flow.begin(flow.config("", module=False), rate=FAST_RATE)
    else:
        flow.begin(flow.config("switch-delay(0) resend(no)"), rate=FAST_RATE)
    kill_while_behind(flow)
    # With its own failover() syslog-ng 4.8.1 aborts when it is stopped after a switch.
    assert flow.finish_with_losses(clean=without != "module").lost > 0


def kill_while_behind(flow: Flow) -> None:
    flow.wait_at(flow.primary, RATE // 4)
    flow.wait_unread(flow.primary)
    flow.primary.kill()
    flow.wait_at(flow.second)


# Closed: however orderly it looks, what is not confirmed is sent again


@all_wires
def test_server_ends_its_side_and_reads_on(flow: Flow, wire: Wire) -> None:
    """A message that was begun is finished."""
    flow.start_all(wire)
    flow.begin()
    flow.wait_at(flow.primary)
    flow.primary.tell("end")
    flow.wait_at(flow.second)
    tally = flow.finish()
    assert tally.cut == 0 and tally.doubled <= MOST_DOUBLED_S * RATE, tally


@both
def test_server_closes_with_nothing_unread(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.begin()
    flow.wait_at(flow.primary)
    flow.primary.tell("close")
    flow.wait_at(flow.second)
    assert flow.finish().doubled <= MOST_DOUBLED_S * RATE


# Back to the primary


@all_wires
def test_return_to_the_primary(flow: Flow, wire: Wire) -> None:
    begin_on_the_second(flow, wire)
    flow.primary.start()
    flow.client.wait_for(BACK)
    flow.wait_at(flow.primary)
    assert_no_trace(flow)


@both
def test_return_to_the_primary_with_reloads_in_the_middle(flow: Flow, wire: Wire) -> None:
    begin_on_the_second(flow, wire)
    flow.primary.start()
    flow.client.wait_for(PROBE_OK)
    flow.client.reload()
    flow.wait_at(flow.primary, 1)
    flow.client.reload()
    flow.wait_at(flow.primary)
    assert_no_trace(flow)


@both
def test_return_from_a_server_that_is_behind(flow: Flow, wire: Wire) -> None:
    """It has time to read what is on its way to it."""
    begin_on_the_second(flow, wire, BEHIND)
    flow.wait_unread(flow.second)
    flow.primary.start()
    flow.client.wait_for(BACK)
    flow.wait_at(flow.primary)
    assert_no_trace(flow)


def begin_on_the_second(flow: Flow, wire: Wire, pace: Pace = Pace()) -> None:
    flow.add_servers(wire, second=pace)
    flow.second.start()
    flow.begin(flow.config(FAILBACK))
    flow.wait_at(flow.second)


def assert_no_trace(flow: Flow) -> None:
    tally = flow.finish()
    print(f"longest gap between two arrivals: {tally.longest_gap_ms:.1f} ms")
    assert (tally.doubled, tally.cut) == (0, 0), tally
