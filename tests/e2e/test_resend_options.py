# SPDX-License-Identifier: GPL-2.0-or-later
"""No message lost, whatever the other options are; and resend()'s own ones."""

from typing import Any

import pytest

from harness.flow import RATE, TCP, TLS, Flow, Wire, disk_buffer
from harness.lab import Lab
from harness.sink import BEHIND, Sink
from waiting import SOON_S, holds_for, wait_until

ALL_FAILED = "failover: all log servers failed"
BACK = "failover: back on the primary log server"
FAILED = "failover: log server failed"

FAILBACK = "switch-delay(0) failback(tcp-probe-interval(0.3) successful-probes-required(3))"
FLOW_CONTROL = {"flow_control": True, "other": ""}
OTHERS: dict[str, dict[str, Any]] = {
    "threaded-no": {"options": "threaded(no)"},
    "flow-control": FLOW_CONTROL,
    "disk-buffer": {"other": disk_buffer("no")},
    "disk-buffer-reliable": {"other": disk_buffer("yes")},
}

both = pytest.mark.parametrize("wire", [TCP, TLS], ids=str)
others = pytest.mark.parametrize("other", OTHERS)


@both
@others
def test_killed_with(flow: Flow, wire: Wire, other: str) -> None:
    flow.start_all(wire)
    flow.begin(flow.config(**OTHERS[other]))
    flow.wait_at(flow.primary)
    flow.primary.kill()
    flow.wait_at(flow.second)
    flow.finish()


@both
@others
def test_return_with(flow: Flow, wire: Wire, other: str) -> None:
    return_to_the_primary(flow, wire, FAILBACK, OTHERS[other])


def return_to_the_primary(flow: Flow, wire: Wire, failover: str, how: dict[str, Any]) -> None:
    flow.add_servers(wire)
    flow.second.start()
    flow.begin(flow.config(failover, **how))
    flow.wait_at(flow.second)
    flow.primary.start()
    flow.client.wait_for(BACK)
    flow.wait_at(flow.primary)
    tally = flow.finish()
    assert (tally.doubled, tally.cut) == (0, 0), tally


@both
def test_killed_while_behind_with_flow_control(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire, primary=BEHIND)
    flow.begin(flow.config(**FLOW_CONTROL))
    flow.wait_at(flow.primary, RATE // 4)
    flow.wait_unread(flow.primary)
    flow.primary.kill()
    flow.wait_at(flow.second)
    flow.finish()


@both
def test_killed_while_frozen_with_flow_control(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.begin(flow.config(**FLOW_CONTROL))
    flow.wait_at(flow.primary)
    flow.primary.freeze()
    flow.wait_stuck(flow.primary)
    flow.primary.kill()
    flow.wait_at(flow.second)
    flow.finish()


# Order


@both
def test_next_server_gets_them_in_order(flow: Flow, wire: Wire) -> None:
    """What was kept, what waited in the queue, what is new: every number once, with none left out."""
    flow.start_all(wire, primary=BEHIND)
    flow.begin()
    flow.wait_at(flow.primary, RATE // 4)
    flow.wait_unread(flow.primary)
    flow.primary.kill()
    flow.wait_at(flow.second)
    sent = flow.finish().sent
    assert_is_all_of_the_end(flow.second, sent)


@both
def test_kept_ones_come_first_after_an_outage(flow: Flow, wire: Wire) -> None:
    flow.start_all(wire)
    flow.begin()
    flow.wait_at(flow.primary)
    for server in (flow.third, flow.second, flow.primary):
        server.kill()
    flow.client.wait_for(ALL_FAILED)
    flow.third.start()
    flow.wait_at(flow.third)
    sent = flow.finish().sent
    assert_is_all_of_the_end(flow.third, sent)


def assert_is_all_of_the_end(server: Sink, sent: int) -> None:
    (connection,) = [connection for connection in server.connections() if connection.numbers]
    first = connection.numbers[0]
    assert list(connection.numbers) == list(range(first, sent + 1))


# resend-grace()


@both
@pytest.mark.parametrize("grace, wait_s", [("resend-grace(0)", 1.0), ("", 2.0)], ids=["none", "default"])
def test_confirmed_ones_are_not_sent_again(flow: Flow, wire: Wire, grace: str, wait_s: float) -> None:
    """Once the grace, half a second by default, has passed, and the kernel was asked."""
    flow.start_all(wire)
    flow.begin(flow.config(f"switch-delay(0) {grace}"))
    flow.wait_at(flow.primary)
    flow.wait_all(flow.pause())
    holds_for(lambda: flow.client.alive, wait_s, "nothing happens")
    flow.primary.kill()
    flow.resume()
    flow.wait_at(flow.second)
    assert flow.finish().doubled == 0


# throttle()


@both
def test_what_is_sent_again_is_throttled(flow: Flow, wire: Wire) -> None:
    throttle = 200
    flow.start_all(wire)
    flow.begin(flow.config("switch-delay(0) resend-grace(5)", other=f"throttle({throttle}) log-fifo-size(1000000)"), rate=throttle)
    flow.wait_at(flow.primary, 3 * throttle)
    flow.primary.kill()
    flow.wait_at(flow.second, throttle)
    tally = flow.finish()
    (connection,) = [connection for connection in flow.second.connections() if connection.numbers]
    times = connection.times()
    at_once = 2 * throttle  # new messages may have saved up those of a second, and the first comes at once
    assert tally.doubled > at_once
    assert (times[-1] - times[0]) / 1e9 >= (len(connection.numbers) - at_once) / throttle


@pytest.mark.parametrize("threaded", ["yes", "no"])
def test_few_messages_a_second_are_confirmed_in_time(lab: Lab, threaded: str) -> None:
    """Also while the queue has more all the time: not all that the server has read is sent again."""
    primary, _ = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config('network("primary" port(514) throttle(10) failover(servers("second")))',
                                         options=f"time-reopen(1); threaded({threaded})"))
    lab.deliver_to(primary)
    lab.sender.send(200)
    wait_until(lambda: len(primary.numbers()) >= 80, SOON_S, "80 messages at the primary")
    primary.kill()
    assert int(client.wait_for(FAILED).tags["to_resend"]) < 40


def test_a_stop_is_not_throttled(lab: Lab) -> None:
    """As syslog-ng writes its queue then at once, so is what is sent again, which comes before it."""
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(
        'network("primary" port(514) throttle(20) failover(servers("second") switch-delay(0) resend-grace(30)))'))
    lab.deliver_to(primary)
    lab.sender.send(300)
    wait_until(lambda: len(primary.numbers()) >= 100, SOON_S, "100 messages at the primary")
    primary.kill()
    client.wait_for(FAILED)
    lab.wait_in_use(second)
    client.stop()
    wait_until(lambda: len(set(second.numbers())) >= 300, SOON_S, "all messages at the second server")


# resend-buffer-size()

SMALL_BUFFER = "resend-buffer-size(64KiB)"


@both
def test_small_buffer_keeps_what_is_not_acknowledged(flow: Flow, wire: Wire) -> None:
    """What was acknowledged is read before the server dies: the grace yields when the buffer is full."""
    flow.start_all(wire)
    flow.begin(flow.config(f"switch-delay(0) {SMALL_BUFFER}"))
    flow.wait_at(flow.primary)
    flow.primary.host.vanish()
    wait_until(lambda: not flow.primary.unread_bytes(), 30, "the primary has read everything")
    flow.primary.kill()
    flow.primary.host.appear()
    flow.wait_at(flow.second)
    flow.finish()


@both
@pytest.mark.parametrize("buffer, socket_takes", [("64KiB", 1 << 14), ("8MiB", 1 << 25)])
def test_full_buffer_waits_without_spinning(flow: Flow, wire: Wire, buffer: str, socket_takes: int) -> None:
    """Whatever the socket would take."""
    flow.start_all(wire)
    flow.client_host.set_kernel("net.ipv4.tcp_wmem", f"4096 {socket_takes} 33554432")
    flow.primary.host.set_kernel("net.ipv4.tcp_rmem", "4096 65536 65536")
    flow.begin(flow.config(f"switch-delay(0) resend-buffer-size({buffer})"), rate=2 * RATE)
    flow.wait_at(flow.primary)
    flow.primary.freeze()
    flow.wait_stuck(flow.primary)
    flow.pause()
    before_s = flow.client.cpu_s()
    holds_for(lambda: flow.client.alive, 2, "nothing happens")
    assert flow.client.cpu_s() - before_s < 0.2
    flow.primary.thaw()
    assert flow.finish().doubled == 0


@both
def test_return_with_small_buffer(flow: Flow, wire: Wire) -> None:
    return_to_the_primary(flow, wire, f"{FAILBACK} {SMALL_BUFFER}", {})
