# SPDX-License-Identifier: GPL-2.0-or-later
"""The log servers that people run: stock syslog-ng, stock rsyslog and HAProxy in front of one, killed and stopped in order.

What counts is what is in the files that the servers wrote. What they had read and not stored is a small part of what
resend-grace() covers (see log_servers.py), so that nothing may be lost.
"""

import math

import log_servers
import pytest

from harness.flow import RATE, TCP, TLS, Flow, Wire
from harness.sink import BEHIND
from harness.stock_server import Program
from messages import PARSED

FAILED = "failover: log server failed"

#: What was within the grace when the connection ended, half a second of messages; the rest is for machines under load.
MOST_DOUBLED_S = 5
#: For a server that lags.
TOO_FAST_RATE = 20_000
#: More than one reads within the grace.
BACKLOG_BYTES = PARSED.size * log_servers.LAGGING_RATE

both = pytest.mark.parametrize("wire", [TCP, TLS], ids=str)
stock = pytest.mark.parametrize("program", [log_servers.syslog_ng, log_servers.rsyslog], ids=lambda it: it.__name__)
lagging = pytest.mark.parametrize("program", [log_servers.lagging_syslog_ng, log_servers.lagging_rsyslog],
                                  ids=lambda it: it.__name__)
kill_or_stop = pytest.mark.parametrize("end", ["kill", "stop"])


@stock
@both
@kill_or_stop
def test_ends(flow: Flow, wire: Wire, program: Program, end: str) -> None:
    flow.start_all(wire, primary=program)
    flow.begin()
    flow.wait_at(flow.primary, RATE)
    getattr(flow.primary, end)()
    flow.wait_at(flow.second)
    finish(flow, MOST_DOUBLED_S * RATE)


@lagging
@both
def test_is_stopped_while_it_lags(flow: Flow, wire: Wire, program: Program) -> None:
    """Its kernel has acknowledged more than it reads within the grace."""
    flow.add_servers(wire, primary=program)
    flow.primary.host.run("sh", "-c", f"echo 4096 {4 * BACKLOG_BYTES} {4 * BACKLOG_BYTES} > /proc/sys/net/ipv4/tcp_rmem")
    flow.start()
    flow.begin(rate=TOO_FAST_RATE)
    flow.wait_at(flow.primary, 2 * log_servers.LAGGING_RATE)
    flow.wait_unread(flow.primary, BACKLOG_BYTES)
    flow.primary.stop()
    flow.wait_at(flow.second)
    finish(flow)


@kill_or_stop
def test_ends_behind_haproxy(flow: Flow, end: str) -> None:
    """HAProxy has acknowledged what is in its own buffers; without a lag that is little, and within the grace."""
    flow.add_servers(TCP, primary=log_servers.syslog_ng)
    flow.start()
    flow.put_proxy_before_primary()
    flow.begin()
    flow.wait_at(flow.primary, RATE)
    getattr(flow.primary, end)()
    flow.wait_at(flow.second)
    finish(flow, MOST_DOUBLED_S * RATE)


# What these do only now and then, or in some version, servers of ours do at will.


@pytest.mark.parametrize(("wire", "farewell"), [(TCP, "shutdown"), (TLS, "shutdown"), (TLS, "notify")], ids=str)
def test_closes_with_unread_data(flow: Flow, wire: Wire, farewell: str) -> None:
    """It says so as one that has read everything does: with FIN, with close_notify."""
    flow.start_all(wire, primary=BEHIND)
    flow.begin(rate=TOO_FAST_RATE)
    flow.wait_at(flow.primary, RATE // 2)
    flow.wait_unread(flow.primary)
    flow.primary.tell(farewell)
    flow.wait_at(flow.second)
    finish(flow)


@both
def test_is_killed_between_reading_and_storing(flow: Flow, wire: Wire) -> None:
    """With a large piece in hand and nothing unread, so that its end looks orderly. Until then the grace must not be over."""
    flow.start_all(wire)
    flow.begin(flow.config("switch-delay(0) resend-grace(10)"), rate=RATE // 5)
    flow.wait_at(flow.primary, RATE // 5)
    flow.primary.tell("hold")
    flow.wait_taken(flow.primary.received() + RATE // 10)
    flow.pause_and_process()
    flow.wait_all_read(flow.primary)
    flow.primary.kill()
    flow.client.wait_for(FAILED, reason="closed")
    flow.resume()
    flow.wait_at(flow.second)
    finish(flow)


def finish(flow: Flow, most_doubled: float = math.inf) -> None:
    """Nothing is lost, and doubled only what is sent again."""
    failures = flow.client.lines(FAILED)
    tally = flow.finish()
    print(tally)
    sent_again = sum(int(line.tags["to_resend"]) for line in failures)
    assert tally.doubled <= min(most_doubled, sent_again)
