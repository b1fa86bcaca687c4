# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGHUP: with the same destination, with other servers, with a broken configuration, and without the module."""

import pytest

from harness.lab import Lab
from harness.receiver import Receiver
from waiting import SOON_S, holds_for, wait_until

ALL_FAILED = "failover: all log servers failed"
CONNECTED = "failover: connected to log server"
BACK = "failover: back on the primary log server"
KEPT = "failover: connection kept over reload"
PROBE_OK = "failover: probe of the primary succeeded"

# What keeps a new configuration from starting: two destinations with the same name for
# their state; a destination that cannot be set up itself.
CLASH = 'udp("127.0.0.1" persist-name("x")); udp("127.0.0.1" persist-name("x"))'
NO_CIPHER = 'transport("tls") tls(cipher-suite("none"))'


def network(*servers: str, failover: str = "switch-delay(0)") -> str:
    listed = ", ".join(f'"{server}"' for server in servers)
    return f'network("primary" port(514) failover(servers({listed}) {failover}))'


def on_the_second(lab: Lab, config: str) -> tuple[Receiver, Receiver]:
    """The primary and the second, after the primary was killed and the second has taken over."""
    primary, second = lab.start_servers("primary", "second")
    lab.start_client(config)
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    return primary, second


# The same destination


def test_unchanged_keeps_the_connection_to_the_primary(lab: Lab) -> None:
    primary, _ = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network("second")))
    lab.deliver_to(primary)
    client.reload()
    client.wait_for(KEPT, server="primary:514", address=f"{primary.host.ip4}:514", reason="reload")
    lab.deliver_to(primary)
    assert primary.accepted() == 1 and primary.open_connections()


def test_unchanged_keeps_the_server_in_use(lab: Lab) -> None:
    primary, second = on_the_second(lab, lab.config(network("second")))
    primary.start()
    before = primary.accepted()
    for reloads in (1, 2, 3):
        lab.client.reload()
        lab.client.wait_for(KEPT, count=reloads, server="second:514", reason="reload")
        lab.deliver_to(second)
    assert second.accepted() == 1, "one connection, the same client port"
    assert primary.accepted() == before


def test_other_parts_may_change(lab: Lab) -> None:
    _, second = on_the_second(lab, lab.config(network("second")))
    lab.client.reload(lab.config(network("second"), options="time-reopen(1); mark-freq(0)"))
    lab.client.wait_for(KEPT, server="second:514")
    lab.deliver_to(second)
    assert second.accepted() == 1


def test_nothing_is_lost_or_doubled_by_reloads_under_load(lab: Lab) -> None:
    primary, _ = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network("second")))
    client.wait_for(CONNECTED, server="primary:514")
    first = lab.sender.stream(per_second=500)
    for reloads in range(1, 6):
        client.reload()
        client.wait_for(KEPT, count=reloads)
    last = lab.sender.pause()
    wait_until(lambda: last in primary.numbers(), 30, "the end of the stream")
    assert primary.numbers() == list(range(first, last + 1))


def test_kept_connection_still_fails_over(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network("second")))
    lab.deliver_to(primary)
    client.reload()
    client.wait_for(KEPT)
    primary.kill()
    lab.deliver_to(second)


def test_unchanged_keeps_the_probe_count(lab: Lab) -> None:
    driver = network("second", failover="switch-delay(0) failback(tcp-probe-interval(1) successful-probes-required(4))")
    primary, _ = on_the_second(lab, lab.config(driver))
    before = primary.accepted()
    primary.start()
    lab.client.wait_for(PROBE_OK, successes="2/4")
    lab.client.reload()
    lab.client.wait_for(BACK)
    lab.deliver_to(primary)
    assert [line.tags["successes"] for line in lab.client.lines(PROBE_OK)] == ["1/4", "2/4", "3/4", "4/4"]
    assert primary.accepted() - before == 4


def test_reloads_do_not_put_the_next_probe_off(lab: Lab) -> None:
    driver = network("second", failover="switch-delay(0) failback(tcp-probe-interval(2) successful-probes-required(1))")
    primary, _ = on_the_second(lab, lab.config(driver))
    primary.start()

    def reload_and_look() -> bool:
        lab.client.reload()
        return bool(lab.client.lines(BACK))

    wait_until(reload_and_look, 30, "the return to the primary in spite of reloads all the time")
    lab.deliver_to(primary)


def test_reload_while_all_are_down(lab: Lab) -> None:
    lab.server("primary", start=False)
    second = lab.server("second", start=False)
    client = lab.start_client(lab.config(network("second")))
    waiting = list(lab.sender.send(3))
    client.wait_for("failover: all log servers failed")
    client.reload()
    second.start()
    lab.deliver_to(second)
    assert second.numbers()[:3] == waiting


# Other servers


def test_server_in_use_is_removed(lab: Lab) -> None:
    _, second = on_the_second(lab, lab.config(network("second")))
    third = lab.server("third")
    lab.client.reload(lab.config(network("third")))
    lab.deliver_to(third)
    wait_until(lambda: not second.open_connections(), 30, "the connection to the second is closed")


def test_server_is_added(lab: Lab) -> None:
    primary, second, third = lab.start_servers("primary", "second", "third")
    client = lab.start_client(lab.config(network("second")))
    lab.deliver_to(primary)
    client.reload(lab.config(network("second", "third")))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    second.kill()
    lab.deliver_to(third)


def test_server_is_changed(lab: Lab) -> None:
    primary, second, third = lab.start_servers("primary", "second", "third")
    client = lab.start_client(lab.config(network("second")))
    lab.deliver_to(primary)
    client.reload(lab.config(network("third")))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(third)
    assert second.accepted() == 0


def test_primary_is_changed(lab: Lab) -> None:
    primary, second, third = lab.start_servers("primary", "second", "third")
    client = lab.start_client(lab.config(network("second")))
    lab.deliver_to(primary)
    client.reload(lab.config('network("third" port(514) failover(servers("second")))'))
    lab.deliver_to(third)
    wait_until(lambda: not primary.open_connections(), 30, "the connection to the old primary is closed")
    assert second.accepted() == 0


def test_failback_is_added(lab: Lab) -> None:
    primary, _ = on_the_second(lab, lab.config(network("second")))
    primary.start()
    failback = "switch-delay(0) failback(tcp-probe-interval(0.3) successful-probes-required(2))"
    lab.client.reload(lab.config(network("second", failover=failback)))
    wait_until(lambda: lab.client.lines(BACK) or lab.client.lines(CONNECTED, server="primary:514", reason="reload"),
               30, "the primary in use")
    lab.deliver_to(primary)


# A broken configuration


@pytest.mark.parametrize("broken", ["syntax", "option"])
def test_refused_at_parsing_keeps_the_connection(lab: Lab, broken: str) -> None:
    good = lab.config(network("second"))
    primary, second = on_the_second(lab, good)
    primary.start()
    before = primary.accepted()
    lab.client.reload_broken(good + "destination {{\n" if broken == "syntax" else lab.config(network("second", "c:0")))
    lab.deliver_to(second)
    lab.client.reload(good)
    lab.deliver_to(second)
    assert second.accepted() == 1, "the same connection all the time"
    assert primary.accepted() == before


def test_refused_at_init_keeps_the_old_one_working(lab: Lab) -> None:
    """syslog-ng then starts the old configuration anew, after the new one was set up in part."""
    good = lab.config(network("second"))
    primary, second = on_the_second(lab, good)
    lab.client.reload_broken(lab.config(f"{network('second')}; {CLASH}"))
    lab.deliver_to(second)
    primary.start()
    second.kill()
    lab.deliver_to(primary)
    lab.client.reload(good)
    lab.deliver_to(primary)


@pytest.mark.parametrize("broken", [f"{network('second')}; {CLASH}", network("second").replace("port(514)", f"port(514) {NO_CIPHER}")],
                         ids=["after it", "itself"])
def test_refused_at_init_keeps_what_is_unconfirmed(lab: Lab, broken: str) -> None:
    primary, second = lab.server("primary"), lab.server("second", start=False)
    client = lab.start_client(lab.config(network("second")))
    lab.deliver_to(primary)
    primary.freeze()
    unread = list(lab.sender.send(10))
    wait_until(lambda: client.counters("dst")["written"] == 13, SOON_S, "all messages in the kernel")
    primary.kill()
    client.wait_for(ALL_FAILED)
    client.reload_broken(lab.config(broken))
    second.start()
    wait_until(lambda: set(unread) <= set(second.numbers()), SOON_S, "what the primary had not read at the second")


def test_server_in_use_is_removed_without_doubling(lab: Lab) -> None:
    _, second = on_the_second(lab, lab.config(network("second", "third")))
    third = lab.server("third")
    lab.client.reload(lab.config(network("third")))
    lab.deliver_to(third)
    assert not set(second.numbers()) & set(third.numbers())


# Without failover(), without the module


def test_option_is_removed(lab: Lab) -> None:
    primary, second = on_the_second(lab, lab.config(network("second")))
    primary.start()
    lab.client.reload(lab.config('network("primary" port(514))'))
    lab.deliver_to(primary)
    wait_until(lambda: not second.open_connections(), 30, "the connection to the second is closed")
    logged = len(lab.client.failover_lines())
    accepted = primary.accepted()
    primary.drop()
    wait_until(lambda: primary.accepted() > accepted, 30, "syslog-ng's own reconnect")
    lab.deliver_to(primary)
    assert len(lab.client.failover_lines()) == logged


def test_option_is_added(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config('network("primary" port(514))'))
    lab.deliver_to(primary)
    client.reload(lab.config(network("second")))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)


def test_module_is_removed_and_comes_back(lab: Lab) -> None:
    """Without its @module line the option is syslog-ng's own again, in the same process."""
    primary, second = on_the_second(lab, lab.config(network("second")))
    primary.start()
    lab.client.reload(lab.config('network("primary" port(514) failover(servers("second")))', module=False))
    wait_until(lambda: not second.open_connections(), 30, "the connection to the second is closed")
    lab.deliver_to(primary)
    logged = len(lab.client.failover_lines())
    own = "Current failover server is inaccessible, sending the messages to the next failover server"
    primary.kill()
    lab.deliver_to(second)
    lab.client.wait_for(own)
    assert len(lab.client.failover_lines()) == logged
    # Back by its own rotation: while it is failed over a reload aborts syslog-ng 4.8.1.
    primary.start()
    second.kill()
    lab.deliver_to(primary)
    second.start()
    lab.client.reload(lab.config(network("second")))
    lab.client.wait_for(CONNECTED, server="primary:514", count=2)
    lab.deliver_to(primary)


def test_module_alone_takes_no_option_of_its_own_without_it(lab: Lab) -> None:
    """What only the module knows is refused again once its @module line is gone."""
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network("second")))
    lab.deliver_to(primary)
    client.reload_broken(lab.config(network("second"), module=False))
    lab.deliver_to(primary)
    holds_for(lambda: primary.accepted() == 1 and second.accepted() == 0, 1, "the old connection")
