# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job in short. tests/matrix.sh --quick runs this file in every release of Debian, so it must stay quick."""

from pathlib import Path

from harness.faults import wait_none_lost
from harness.lab import Lab
from harness.syslog_ng import check_syntax, configuration
from reference import BOTH_EXAMPLES
from waiting import SOON_S, wait_until

BACK = "failover: back on the primary log server"
CONNECTED = "failover: connected to log server"
KEPT = "failover: connection kept over reload"
FAILOVER = 'servers("second") switch-delay(0) failback(tcp-probe-interval(1) successful-probes-required(2))'
DRIVER = f'network("primary" port(514) failover({FAILOVER}))'


def test_the_documented_examples_are_valid(tmp_path: Path) -> None:
    result = check_syntax(configuration(BOTH_EXAMPLES, source="internal()"), tmp_path)
    assert result.exit_code == 0, result.text


def test_switch_reload_and_return_lose_nothing(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(DRIVER))
    lab.deliver_to(primary)

    first = lab.sender.stream(per_second=500)
    wait_until(lambda: first in primary.numbers(), SOON_S, "the stream at the primary")
    primary.kill()
    client.wait_for(CONNECTED, server="second:514", reason="rotation")
    client.reload()
    client.wait_for(KEPT, server="second:514", reason="reload")
    primary.start()
    client.wait_for(BACK, server="primary:514", reason="failback")
    wait_until(lambda: any(connection.numbers for connection in primary.open_connections()), SOON_S,
               "the stream at the primary again")
    last = lab.sender.pause()
    # what the killed primary may not have read is sent again
    wait_none_lost(lab, last)

    assert second.accepted() == 1, "one connection, also over the reload"
    # a reload and a return double nothing
    assert len(second.numbers()) == len(set(second.numbers()))
    after_return = primary.connections()[-1].numbers
    assert len(after_return) == len(set(after_return)) and not set(after_return) & set(second.numbers())
