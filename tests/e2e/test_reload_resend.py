# SPDX-License-Identifier: GPL-2.0-or-later
"""Reloads that switch resend() on or off, or take failover() away."""

import pytest

from harness.flow import TCP, TLS, Flow, Wire
from harness.lab import Lab
from harness.waiting import SOON_S, wait_until


def network(resend: str, primary: str = "primary") -> str:
    return f'network("{primary}" port(514) failover(servers("second") switch-delay(0) resend({resend})))'


PLAIN = 'network("primary" port(514))'


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
