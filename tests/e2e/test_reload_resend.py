# SPDX-License-Identifier: GPL-2.0-or-later
"""Reloads that switch resend() on or off, or take failover() away, and what no log server has confirmed by then."""

import pytest

from harness.flow import TCP, TLS, Flow, Wire
from harness.lab import Lab
from waiting import SOON_S, holds_for, wait_until

ALL_FAILED = "failover: all log servers failed"
DROPPED = "failover: reload dropped messages that no log server has confirmed"
UNCONFIRMED = "failover: stopped before a log server confirmed the last messages, they may be lost"


def network(resend: str, primary: str = "primary") -> str:
    return f'network("{primary}" port(514) failover(servers("second") switch-delay(0) resend({resend})))'


PLAIN = 'network("primary" port(514))'
ELSEWHERE = 'file("/dev/null")'


# The connection that is kept fits


@pytest.mark.parametrize("before, after", [(network("no"), network("yes")), (network("yes"), network("no")),
                                           (network("yes"), PLAIN), (PLAIN, network("yes"))],
                         ids=["resend-on", "resend-off", "failover-off", "failover-on"])
def test_connection_that_does_not_fit_is_made_anew(lab: Lab, before: str, after: str) -> None:
    (primary,) = lab.start_servers("primary")
    client = lab.start_client(lab.config(before))
    lab.deliver_to(primary)
    client.reload(lab.config(after))
    wait_until(lambda: primary.accepted() == 2 and len(primary.open_connections()) == 1, SOON_S, "a new connection")
    lab.deliver_to(primary)
    assert len(primary.numbers()) == len(set(primary.numbers())), "nothing is doubled"


def test_resend_switched_on_resends(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network("no")))
    lab.deliver_to(primary)
    client.reload(lab.config(network("yes")))
    lab.deliver_to(primary)
    primary.freeze()
    unread = list(lab.sender.send(10))
    wait_until(lambda: client.counters("dst")["written"] == 16, SOON_S, "all messages in the kernel")
    primary.kill()
    wait_until(lambda: set(unread) <= set(second.numbers()), SOON_S, "what the primary had not read at the second")


@pytest.mark.parametrize("wire", [TCP, TLS], ids=str)
def test_nothing_is_lost_or_doubled_under_load(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.begin()
    for failover in ("switch-delay(0) resend(no)", "switch-delay(0)", "switch-delay(0) resend(no)"):
        flow.wait_at(flow.primary)
        flow.client.reload(flow.config(failover))
    flow.wait_at(flow.primary)
    tally = flow.finish()
    assert (tally.doubled, tally.cut) == (0, 0), tally
    assert len(flow.primary.connections()) == 4


# What cannot survive a reload

gone = pytest.mark.parametrize("after", [network("no"), PLAIN, network("yes", primary="third"), ELSEWHERE],
                               ids=["resend-off", "failover-off", "other-primary", "destination-gone"])


@gone
def test_what_waits_is_counted(lab: Lab, after: str) -> None:
    waiting = let_messages_wait(lab)
    lab.client.reload(lab.config(after))
    lab.client.wait_for(DROPPED, destination="d_remote#0", messages=waiting)
    assert len(lab.client.lines(DROPPED)) == 1


def test_what_waits_at_a_stop_is_counted_once(lab: Lab) -> None:
    waiting = let_messages_wait(lab)
    lab.client.stop()
    lab.client.wait_for(UNCONFIRMED, destination="d_remote#0", messages=waiting)
    assert not lab.client.lines(DROPPED)


def test_what_waits_is_kept_under_a_persist_name(lab: Lab) -> None:
    named = (" port(", ' persist-name("logs") port(')
    waiting = let_messages_wait(lab, network("yes").replace(*named))
    third = lab.server("third")
    lab.client.reload(lab.config(network("yes", primary="third").replace(*named)))
    wait_until(lambda: len(third.numbers()) == int(waiting), SOON_S, "what waits at the other primary")
    assert not lab.client.lines(DROPPED)


def let_messages_wait(lab: Lab, driver: str = network("yes")) -> str:
    """For any log server. Return how many the log says."""
    (primary,) = lab.start_servers("primary")
    lab.network.add_host("second")
    lab.network.add_host("third")
    client = lab.start_client(lab.config(driver))
    lab.deliver_to(primary)
    primary.freeze()
    lab.sender.send(10)
    wait_until(lambda: client.counters("dst")["written"] == 13, SOON_S, "all messages in the kernel")
    primary.kill()
    waiting = client.wait_for(ALL_FAILED).tags["to_resend"]
    assert int(waiting) >= 10
    return waiting


@gone
def test_what_is_under_way_arrives_and_is_not_counted(lab: Lab, after: str) -> None:
    (primary,) = lab.start_servers("primary")
    lab.network.add_host("third")
    client = lab.start_client(lab.config(network("yes")))
    lab.deliver_to(primary)
    primary.freeze()
    under_way = set(lab.sender.send(500))
    wait_until(lambda: client.counters("dst")["written"] == 503, SOON_S, "all messages in the kernel")
    client.reload(lab.config(after))
    primary.thaw()
    wait_until(lambda: under_way <= set(primary.numbers()), SOON_S, "all messages at the primary")
    wait_until(lambda: primary.connections()[0].end, SOON_S, "the old connection is closed")
    holds_for(lambda: not client.lines(DROPPED), 1, "nothing to warn about")
    assert len(primary.numbers()) == 503, "nothing is doubled"


def test_what_was_under_way_and_did_not_arrive_is_counted(lab: Lab, flow: Flow) -> None:
    flow.start_all(TCP)
    flow.begin()
    flow.wait_at(flow.primary)
    flow.primary.freeze()
    flow.wait_stuck(flow.primary)
    written, sent = flow.client.counters("dst")["written"], flow.pause()
    flow.client.reload(lab.config(ELSEWHERE))
    flow.primary.kill()
    dropped = int(flow.client.wait_for(DROPPED, destination="d_remote#0").tags["messages"])
    # what the socket takes on top at the reload is counted too
    assert written - flow.primary.received() <= dropped <= sent
