# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of servers: unknown ones, changing ones, ones with several addresses, and a name server that is silent."""

import pytest

from harness import syslog_ng
from harness.client import AS_A_USER
from harness.lab import Lab
from waiting import wait_until

CONNECTED = "failover: connected to log server"
FAILED = "failover: log server failed"
ALL_FAILED = "failover: all log servers failed"
NO_DELAY = 'network("primary" port(514) failover(servers("second", "third") switch-delay(0)))'


def silence_name_server(lab: Lab) -> None:
    name_server = lab.network.add_host("nameserver")
    name_server.vanish()
    lab.network.ask_name_server(name_server.ip4, timeout_s=30)


def test_unknown_primary_is_a_failed_attempt(lab: Lab) -> None:
    second, _ = lab.start_servers("second", "third")
    client = lab.start_client(lab.config(NO_DELAY))
    lab.deliver_to(second)
    failed = client.wait_for(FAILED, server="primary:514")
    assert (failed.tags["reason"], failed.tags["address"]) == ("not-resolved", "")


def test_unknown_failover_server_is_passed_over(lab: Lab) -> None:
    primary, third = lab.start_servers("primary", "third")
    client = lab.start_client(lab.config(NO_DELAY))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(third)
    client.wait_for(FAILED, server="second:514", reason="not-resolved", next="third:514")


def test_no_name_resolves_then_one_does(lab: Lab) -> None:
    late = lab.server("late")
    client = lab.start_client(lab.config(NO_DELAY))
    client.wait_for(ALL_FAILED, reason="not-resolved")
    lab.network.set_name("third", [late.host.ip4])
    lab.deliver_to(late)


def test_names_are_looked_up_again_at_each_attempt(lab: Lab) -> None:
    old = lab.server("second")
    new = lab.server("moved")
    primary = lab.server("primary")
    lab.start_client(lab.config('network("primary" port(514) failover(servers("second")))'))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(old)
    lab.network.set_name("primary", [new.host.ip4])
    old.kill()
    lab.deliver_to(new)


def test_all_addresses_of_a_name_before_the_next_server(lab: Lab) -> None:
    refusing = lab.server("refusing", start=False)
    good, second = lab.start_servers("good", "second")
    lab.network.set_name("primary", [refusing.host.ip4, good.host.ip4])
    client = lab.start_client(lab.config('network("primary" port(514) failover(servers("second")))'))
    lab.deliver_to(good)
    client.wait_for(CONNECTED, server="primary:514", address=f"{good.host.ip4}:514", reason="start")
    assert second.accepted() == 0


@pytest.mark.parametrize("version", [4, 6])
def test_ip_protocol_chooses_the_addresses(lab: Lab, version: int) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(
        lab.config(f'network("primary" port(514) ip-protocol({version}) failover(servers("second") switch-delay(0)))')
    )
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    for server in (primary, second):
        address = f"[{server.host.ip6}]:514" if version == 6 else f"{server.host.ip4}:514"
        client.wait_for(CONNECTED, server=f"{server.name}:514", address=address)


def test_silent_name_server_holds_few_threads(lab: Lab) -> None:
    """Each attempt leaves a look-up behind that cannot be cancelled; there is a limit to these."""
    count = 200
    silence_name_server(lab)
    client = lab.start_client(syslog_ng.configuration("".join(
        syslog_ng.destination(f"d_{number}", f'network("unknown{number}" port(514) failover(servers("unheard-of{number}")'
                                             " switch-delay(0) connect-timeout(1)))") for number in range(count))))
    client.wait_for(ALL_FAILED, count=count, reason="timeout")
    threads = client.threads()
    assert 1 < threads <= 160, "128 for look-ups, and syslog-ng's own"
    client.stop()
    assert client.exit_code == 0


def test_no_thread_for_a_look_up_is_a_failed_attempt(lab: Lab) -> None:
    """And the name is asked for again: it is found once there is a thread."""
    primary, second = lab.start_servers("primary", "second")
    driver = f'network("{primary.host.ip4}" port(514) failover(servers("second") switch-delay(0) connect-timeout(60)))'
    client = lab.start_client(lab.config(driver, options="time-reopen(1); threaded(no)"), wrapper=AS_A_USER)
    lab.deliver_to(primary)
    client.allow_new_threads(False)
    primary.kill()
    client.wait_for(ALL_FAILED, server="second:514", error="no thread could be created to look up the name")
    client.allow_new_threads(True)
    lab.deliver_to(second)


def test_shared_name_is_found_by_all(lab: Lab) -> None:
    """On each one's own port."""
    count = 20
    servers = [lab.server("second", port) for port in range(1001, 1001 + count)]
    lab.start_client(syslog_ng.configuration("".join(
        syslog_ng.destination(f"d_{server.port}", f'network("unknown" port({server.port}) failover(servers("second")'
                                                  " switch-delay(0)))") for server in servers)))
    sent = list(lab.sender.send(3))
    for server in servers:
        wait_until(lambda: server.numbers() == sent, 30, f"the messages at {server}")


def test_silent_name_server_holds_up_nothing_else(lab: Lab) -> None:
    """A look-up that gets no answer ends with the attempt's limit, and does not stop other destinations meanwhile."""
    primary, second = lab.start_servers("primary", "second")
    silence_name_server(lab)
    destinations = syslog_ng.destination("d_slow", 'network("unknown" port(514) failover(servers("second") switch-delay(0)))')
    destinations += syslog_ng.destination("d_fast", 'network("primary" port(514) failover(servers("second")))')
    client = lab.start_client(syslog_ng.configuration(destinations))
    lab.deliver_to(primary)
    assert second.accepted() == 0, "the other destination still waits for its name"
    failed = client.wait_for(FAILED, server="unknown:514", timeout_s=60)
    assert failed.tags["reason"] in ("timeout", "not-resolved")
    assert 9_900 <= float(failed.tags["took_ms"]) <= 20_000
    wait_until(lambda: set(primary.numbers()) <= set(second.numbers()), 30, "the messages at the second too")


def test_name_in_localip_holds_up_nothing_else(lab: Lab) -> None:
    """It is looked up within the attempt, as the server's."""
    primary, second = lab.start_servers("primary", "second")
    silence_name_server(lab)
    destinations = syslog_ng.destination(
        "d_slow", 'network("second" port(514) localip("unknown") failover(servers("primary") connect-timeout(3)))')
    destinations += syslog_ng.destination("d_fast", 'network("primary" port(514) failover(servers("second")))')
    client = lab.start_client(syslog_ng.configuration(destinations))
    lab.deliver_to(primary)
    client.wait_for(FAILED, server="second:514", reason="timeout")
    assert second.accepted() == 0


def test_unknown_name_in_localip_is_a_failed_attempt(lab: Lab) -> None:
    """The fault is on this side; the name is asked for again at each attempt."""
    second = lab.server("second")
    client = lab.start_client(lab.config(f'network("{second.host.ip4}" port(514) localip("unknown") failover(servers("second")))'))
    failed = client.wait_for(FAILED, server=f"{second.host.ip4}:514", reason="local")
    assert failed.tags["error"].startswith('localip("unknown"): ')
    lab.network.set_name("unknown", [lab.client_host.ip4])
    lab.deliver_to(second)
    assert {connection.peer_ip for connection in second.connections()} == {lab.client_host.ip4}
