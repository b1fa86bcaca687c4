# SPDX-License-Identifier: GPL-2.0-or-later
"""The documentation's examples, run as they stand, and the documented defaults: one outage of a minute shows all of it.

The examples wait time-reopen(60); the default probe interval is 60 seconds too. So three clients share the outage: one for
each example (both have the same primary and would claim the same persist name in one syslog-ng), and one without any delay
and with failback() at its defaults, on a port of its own.
"""

import time

from harness.lab import Lab
from harness.receiver import Receiver
from harness.syslog_ng import configuration
from reference import FIRST_FAILOVER, PRIMARY, RETURN_TO_PRIMARY, ROUND_ROBIN, SECOND_FAILOVER
from waiting import SOON_S, wait_until

CONNECTED = "failover: connected to log server"
FAILED = "failover: log server failed"
PROBE_OK = "failover: probe of the primary succeeded"
DEFAULTS = f'network("{PRIMARY}" port(1514) failover(servers("{FIRST_FAILOVER}") failback() switch-delay(0)))'


def test_examples_and_defaults_through_an_outage(lab: Lab) -> None:
    primary, first, second = (lab.server(name, 514) for name in (PRIMARY, FIRST_FAILOVER, SECOND_FAILOVER))
    other_primary, other_first = lab.server(PRIMARY, 1514), lab.server(FIRST_FAILOVER, 1514)
    examples = [
        lab.start_client(configuration(ROUND_ROBIN), host="one"),
        lab.start_client(configuration(RETURN_TO_PRIMARY), host="two"),
    ]
    defaults = lab.start_client(lab.config(DEFAULTS))
    for client in (*examples, defaults):
        client.sender.send(3)
    wait_until(lambda: arrived(primary) == [[1, 2, 3]] * 2, SOON_S, "messages at the primary by both examples")
    wait_until(lambda: arrived(other_primary) == [[1, 2, 3]], SOON_S, "messages at the primary by the third client")

    killed_at = time.monotonic()
    primary.kill()
    other_primary.kill()
    for client in examples:
        client.wait_for(FAILED, server=f"{PRIMARY}:514", next=f"{FIRST_FAILOVER}:514", wait_ms="60000")
    defaults.wait_for(CONNECTED, server=f"{FIRST_FAILOVER}:1514", reason="rotation")
    primary.start()
    other_primary.start()
    for client in (*examples, defaults):
        client.sender.send(3)
    wait_until(lambda: new_ones(other_first) == [[4, 5, 6]], SOON_S, "messages at the first failover by the third client")

    for client in examples:
        client.wait_for(CONNECTED, timeout_s=120, server=f"{FIRST_FAILOVER}:514", reason="rotation")
    wait_until(lambda: new_ones(first) == [[4, 5, 6]] * 2, SOON_S, "messages at the first failover by both examples")
    assert all(connection.accepted_at - killed_at >= 60 for connection in first.connections())
    assert all(connection.framings == {"octets"} for connection in first.connections())
    assert second.accepted() == 0
    assert primary.accepted() == 2, "the probes of the second example are due after 120 s"

    defaults.wait_for(PROBE_OK, timeout_s=60, successes="1/3")
    wait_until(lambda: other_primary.accepted() == 2, SOON_S, "the first probe at the primary")
    assert other_primary.connections()[1].accepted_at - killed_at >= 60


def arrived(server: Receiver) -> list[list[int]]:
    """The numbers on each connection."""
    return [connection.numbers for connection in server.connections()]


def new_ones(server: Receiver) -> list[list[int]]:
    """The same without what had arrived at the primary: within the grace of a kill that is sent again."""
    return [[number for number in numbers if number > 3] for numbers in arrived(server)]
