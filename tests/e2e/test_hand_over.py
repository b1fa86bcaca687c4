# SPDX-License-Identifier: GPL-2.0-or-later
"""The moment in which another connection takes over, with worker threads."""

import pytest

from harness.client import Client
from harness.flow import TCP, TLS, Flow, Wire
from harness.lab import Lab
from waiting import SOON_S, wait_until

BACK = "failover: back on the primary log server"
FAILURES = ("failover: log server failed", "failover: all log servers failed")

#: Milliseconds of work for each message: a worker that has a thousand of them is at it for seconds.
SLOW_TO_FORMAT = r'template("$MSGHDR$MSG $(length \"$(padding x 20000000)\")\n")'
FAILBACK = "failback(tcp-probe-interval(0.2) successful-probes-required(2))"


def failures(client: Client) -> list[tuple[str, str]]:
    """The servers that failed, and why."""
    return [(line.tags["server"], line.tags["reason"]) for line in client.failover_lines() if line.message in FAILURES]


@pytest.mark.parametrize("resend", ["yes", "no"])
def test_server_dies_as_the_primary_takes_over(lab: Lab, resend: str) -> None:
    """A worker that is in the middle of it fails on the old connection, and nobody blames the new one."""
    primary, second = lab.server("primary", start=False), lab.server("second")
    client = lab.start_client(lab.config(
        f'network("primary" port(514) {SLOW_TO_FORMAT}'
        f' failover(servers("second") switch-delay(0) resend({resend}) {FAILBACK}))',
        options="time-reopen(1); threaded(yes)"))
    lab.wait_in_use(second)
    sent = list(lab.sender.send(1000))
    wait_until(lambda: sent[0] in second.numbers(), SOON_S, "the worker at work")
    primary.start()
    client.wait_for(BACK)
    second.kill()
    wait_until(lambda: sent[-1] in primary.numbers(), SOON_S, "the last message at the primary")

    assert failures(client) == [("primary:514", "refused")], "at the start, and no more"
    assert resend == "no" or set(sent) <= set(primary.numbers()) | set(second.numbers()), "nothing is lost"


@pytest.mark.parametrize("wire", [TCP, TLS], ids=str)
def test_server_hangs_as_the_primary_takes_over(flow: Flow, wire: Wire) -> None:
    """It never takes the rest of a message: it is not waited for for ever."""
    flow.add_servers(wire)
    flow.second.start()
    flow.begin(flow.config(f"switch-delay(0) {FAILBACK}"))
    flow.wait_at(flow.second)
    flow.second.freeze()
    flow.wait_stuck(flow.second)
    flow.primary.start()
    flow.client.wait_for(BACK)
    flow.wait_at(flow.primary)
    flow.second.kill()
    flow.wait_all(flow.pause())
    assert failures(flow.client) == [("primary:514", "refused")], "at the start, and no more"
