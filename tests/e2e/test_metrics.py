# SPDX-License-Identifier: GPL-2.0-or-later
"""What statistics say of a failover(), in CSV and queries, that all versions have. test_metrics_syslog_ng_4.py has the rest."""

import subprocess
import threading
import time
from calendar import timegm
from concurrent.futures import ThreadPoolExecutor

import pytest

from certificates import CertificateAuthority
from harness.flow import TCP, TLS, Wire
from harness.lab import Lab
from harness.metrics import Name, in_csv, in_query
from harness.valgrind import errors_of_ours, valgrind
from waiting import SOON_S, wait_until

ALL_FAILED = "failover: all log servers failed"
CONNECTED = "failover: connected to log server"
FAILED = "failover: log server failed"
KEPT = "failover: connection kept over reload"
DROPPED = "failover: reload dropped messages that no log server has confirmed"

NEITHER = 'file("/dev/null")'
THREE = '"second", "third"'
#: syslog-ng refuses it when all before it was set up.
CLASH = 'udp("127.0.0.1" persist-name("x")); udp("127.0.0.1" persist-name("x"))'

both = pytest.mark.parametrize("wire", [TCP, TLS], ids=str)


def network(failover: str = "", servers: str = '"second"', tls: str = "", primary: str = "primary") -> str:
    return f'network("{primary}" port(514) {tls} failover(servers({servers}) switch-delay(0) {failover}))'


def wait_for(lab: Lab, **expected: int) -> dict[Name, int]:
    """Until they are so: the destination's as they are called, a server's as primary_active."""
    names = {}
    for name, value in expected.items():
        server, _, metric = name.partition("_")
        names[(f"{server}:514", metric) if server in ("primary", "second", "third") else ("", name)] = value
    found: dict[Name, int] = {}

    def are_so() -> bool:
        found.clear()
        found.update(in_csv(lab.client))
        return names.items() <= found.items()

    wait_until(are_so, SOON_S, f"{names} in {found}")
    assert in_query(lab.client).keys() == found.keys()
    return found


def states_of(found: dict[Name, int], state: str) -> dict[str, int]:
    return {server.partition(":")[0]: value for (server, metric), value in found.items() if metric == state}


@both
def test_each_state_of_a_failover(lab: Lab, authority: CertificateAuthority, wire: Wire) -> None:
    certificates = {name: authority.certificate_for(name) if wire.tls else None for name in ("primary", "second")}
    primary, second = (lab.server(name, certificate=certificate) for name, certificate in certificates.items())
    tls = f'transport("tls") tls(ca-file("{authority.certificate}"))' if wire.tls else ""
    before = int(time.time())
    lab.start_client(lab.config(network("failback(tcp-probe-interval(1) successful-probes-required(1))", tls=tls)))
    lab.deliver_to(primary)

    numbers = {"resent_events_total": 0, "unconfirmed_events": 0, "unconfirmed_bytes": 0, "resend_buffer_bytes": 16 << 20,
               "lost_events_total": 0}
    found = wait_for(lab, primary_active=1, primary_up=1, second_active=0, **numbers)
    assert {name for server, name in found if not server} == numbers.keys()
    assert "second" not in states_of(found, "up"), "nobody knows yet"
    for state, value in {"ready": 1, "drain": 0, "maint": 0}.items():
        assert states_of(found, f"admin_state_{state}") == {"primary": value, "second": value}
    expiry = states_of(found, "certificate_expiry_timestamp_seconds")
    assert expiry == ({"primary": end_of(certificates["primary"].certificate)} if certificates["primary"] else {})

    primary.kill()
    lab.deliver_to(second)
    found = wait_for(lab, primary_active=0, primary_up=0, second_active=1, second_up=1, switches_total_rotation=1)
    assert before <= found["", "last_switch_timestamp_seconds"] <= time.time()
    reason = lab.client.lines(FAILED)[0].tags["reason"]
    assert found["primary:514", f"failures_total_{reason}"] == len(lab.client.lines(FAILED, reason=reason))

    second.kill()
    lab.client.wait_for(ALL_FAILED)
    found = wait_for(lab, primary_active=0, primary_up=0, second_active=0, second_up=0)
    assert sum(value for (_, name), value in found.items() if name.startswith("failures_total_")) >= 2

    second.start()
    lab.deliver_to(second)
    wait_for(lab, primary_active=0, second_active=1, switches_total_rotation=1)
    primary.start()
    wait_for(lab, primary_active=1, primary_up=1, second_active=0, switches_total_failback=1)
    lab.deliver_to(primary)


def end_of(certificate: object) -> int:
    """Not in the words of the module: openssl's."""
    said = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", str(certificate)], check=True, capture_output=True,
                          text=True).stdout
    return timegm(time.strptime(said.strip(), "notAfter=%b %d %H:%M:%S %Y GMT"))


def test_what_is_unconfirmed_resent_and_lost(lab: Lab) -> None:
    primary, second = lab.server("primary"), lab.server("second", start=False)
    client = lab.start_client(lab.config(network()))
    lab.wait_in_use(primary)
    wait_for(lab, unconfirmed_events=0, unconfirmed_bytes=0)
    primary.freeze()
    unread = list(lab.sender.send(10))
    found = wait_for(lab, unconfirmed_events=10)
    assert found["", "unconfirmed_bytes"] > 10 * len("<13>1 0")
    primary.kill()
    client.wait_for(ALL_FAILED)
    wait_for(lab, unconfirmed_events=10, resent_events_total=0)
    second.start()
    wait_until(lambda: set(unread) <= set(second.numbers()), SOON_S, "what the primary had not read at the second")
    wait_for(lab, unconfirmed_events=0, unconfirmed_bytes=0, resent_events_total=10, lost_events_total=0)

    second.freeze()
    list(lab.sender.send(7))
    wait_for(lab, unconfirmed_events=7)
    second.kill()
    client.wait_for(ALL_FAILED, count=2)
    client.reload(lab.config(network("resend(no)")))
    client.wait_for(DROPPED, messages="7")
    client.control("stats", "--reset")
    wait_for(lab, unconfirmed_events=0, lost_events_total=7, resent_events_total=10, resend_buffer_bytes=0)


def test_checks_tell_how_those_are_that_are_not_in_use(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    lab.start_client(lab.config(network("standby-probe-interval(0.3)")))
    lab.deliver_to(primary)
    wait_for(lab, primary_up=1, second_up=1, second_active=0)
    second.kill()
    found = wait_for(lab, primary_up=1, second_up=0, second_failures_total_refused=1)
    second.start()
    wait_for(lab, second_up=1, second_failures_total_refused=found["second:514", "failures_total_refused"])


def test_numbers_go_on_over_reloads_and_resets(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network()))
    lab.wait_in_use(primary)
    primary.kill()
    found = wait_for(lab, second_active=1, switches_total_rotation=1)

    def unchanged() -> None:
        assert in_csv(client) == found
        assert in_query(client) == found

    client.control("stats", "--reset")
    unchanged()
    client.control("query", "get", "dst.failover.*", "--reset")
    unchanged()
    for count in (1, 2, 3):
        client.reload()
        client.wait_for(KEPT, count=count)
        unchanged()
    client.reload_broken(lab.config(network()) + "destination {{\n")
    unchanged()
    # refused after it was set up in part; syslog-ng gives up the connection
    for servers in ('"second"', THREE):
        client.reload_broken(lab.config(f"{network(servers=servers)}; {CLASH}"))
        after = wait_for(lab, second_active=1, switches_total_rotation=1)
        assert states_of(after, "active").keys() == {"primary", "second"}
    second.kill()
    client.wait_for(ALL_FAILED)
    wait_for(lab, second_active=0, switches_total_rotation=1)


def test_a_reload_with_keep_alive_off(lab: Lab) -> None:
    """The connection is new, the numbers are not."""
    (primary,) = lab.start_servers("primary")
    client = lab.start_client(lab.config(network().replace("port(514)", "port(514) keep-alive(no)")))
    lab.deliver_to(primary)
    for count in (2, 3):
        client.reload()
        client.wait_for(CONNECTED, count=count)
        lab.deliver_to(primary)
        wait_for(lab, primary_active=1, second_active=0)


def test_another_primary_begins_anew(lab: Lab) -> None:
    """It is another destination to syslog-ng, under the same name: it aborts when it finds two numbers under one."""
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network()))
    lab.wait_in_use(primary)
    primary.kill()
    wait_for(lab, second_active=1, switches_total_rotation=1)
    client.reload(lab.config(network(primary="second", servers='"primary"')))
    lab.deliver_to(second)
    found = wait_for(lab, second_active=1, second_up=1, primary_active=0)
    assert ("", "switches_total_rotation") not in found


def test_gone_with_the_server_and_with_the_destination(lab: Lab) -> None:
    (primary,) = lab.start_servers("primary")
    client = lab.start_client(lab.config(network(servers=THREE)))
    lab.deliver_to(primary)
    wait_for(lab, primary_active=1, second_active=0, third_active=0)
    client.reload(lab.config(network()))
    assert set(states_of(in_csv(client), "active")) == {"primary", "second"}
    assert in_query(client).keys() == in_csv(client).keys()
    for gone in (NEITHER, 'network("primary" port(514))'):
        client.reload(lab.config(gone))
        assert (in_csv(client), in_query(client)) == ({}, {})
        client.control("stats", "--remove-orphans")
        assert (in_csv(client), in_query(client)) == ({}, {})
        client.reload(lab.config(network(servers=THREE)))
        lab.deliver_to(primary)
        wait_for(lab, primary_active=1, second_active=0, third_active=0)


def test_read_all_the_time_while_it_is_reloaded(lab: Lab) -> None:
    """Statistics are read by threads of their own."""
    (primary,) = lab.start_servers("primary")
    client = lab.start_client(lab.config(network()))
    lab.deliver_to(primary)
    over = threading.Event()

    def read() -> int:
        times = 0
        while not over.is_set():
            assert client.control("stats")
            times += 1
        return times

    with ThreadPoolExecutor() as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for count in range(1, 16):
                client.reload(lab.config(network(servers='"second"' if count % 2 else THREE)))
                client.wait_for(KEPT, count=count)
        finally:
            over.set()
        assert all(reader.result() > 0 for reader in readers)
    wait_for(lab, primary_active=1)


def test_read_after_they_are_gone_under_valgrind(lab: Lab) -> None:
    (primary,) = lab.start_servers("primary")
    report = lab.directory / "valgrind.xml"
    client = lab.start_client(lab.config(network()), wrapper=valgrind(report))
    lab.wait_in_use(primary)
    for _ in range(2):
        wait_for(lab, primary_active=1, second_active=0)
        client.reload(lab.config(NEITHER))
        for command in (("stats", "--remove-orphans"), ("query", "get", "*"), ("stats",)):
            assert "dst.failover" not in client.control(*command)
        client.reload(lab.config(network()))
    client.stop(timeout_s=4 * SOON_S)
    assert errors_of_ours(report) == []
