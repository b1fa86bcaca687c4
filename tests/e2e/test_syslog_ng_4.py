# SPDX-License-Identifier: GPL-2.0-or-later
"""What syslog-ng 4 adds works with failover() too. Not collected with older ones: conftest.py."""

import re

import pytest

from certificates import CertificateAuthority
from harness.client import Client
from harness.lab import Lab
from harness.syslog_ng import configuration, destination
from waiting import SOON_S, wait_until

ALL_FAILED = "failover: all log servers failed"
CONNECTED = "failover: connected to log server"
KEPT = "failover: connection kept over reload"
DRIVER = 'network("primary" port(514) failover(servers("second") switch-delay(0)))'


def metric(client: Client, name: str, **labels: str) -> int | None:
    """Its value; None if there is none, or more than one."""
    found = []
    for line in client.control("stats", "prometheus").splitlines():
        parsed = re.fullmatch(r"(\w+)\{(.*)\} (\d+)", line)
        if parsed and parsed[1] == name and labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', parsed[2])).items():
            found.append(int(parsed[3]))
    return found[0] if len(found) == 1 else None


def test_prometheus_counts_what_was_delivered(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(DRIVER))
    lab.deliver_to(primary, count=5)
    primary.kill()
    lab.deliver_to(second, count=7)
    labels = {"driver": "afsocket", "id": "d_remote#0"}
    wait_until(lambda: metric(client, "syslogng_output_events_total", result="delivered", **labels) == 12, SOON_S,
               "12 delivered messages in the metrics")
    assert metric(client, "syslogng_output_events_total", result="dropped", **labels) == 0
    assert metric(client, "syslogng_output_events_total", result="queued", **labels) == 0


def test_prometheus_tells_when_no_server_is_reachable(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(DRIVER))

    def unreachable() -> int | None:
        return metric(client, "syslogng_output_unreachable", driver="afsocket", id="d_remote#0")

    lab.deliver_to(primary)
    assert unreachable() == 0
    primary.kill()
    lab.deliver_to(second)
    assert unreachable() == 0
    second.kill()
    client.wait_for(ALL_FAILED)
    wait_until(lambda: unreachable() == 1, SOON_S, "the metric says so")
    client.reload()
    assert unreachable() == 1
    primary.start()
    lab.deliver_to(primary)
    assert unreachable() == 0


@pytest.mark.parametrize("path", ["parallelize(partitions(4));", 'parallelize(partitions(4) partition-key("$HOST"));'])
def test_in_a_parallel_path(lab: Lab, path: str) -> None:
    """Its messages reach the destination from four threads, in any order."""
    primary, second = lab.start_servers("primary", "second")
    config = lab.config(DRIVER).replace("source(s_numbers);", f"source(s_numbers); {path}")
    assert path in config
    lab.start_client(config)
    for server in (primary, second):
        lab.wait_in_use(server)
        sent = set(lab.sender.send(500))
        wait_until(lambda: sent <= set(server.numbers()), SOON_S, f"500 messages at {server}")
        assert len(server.numbers()) == len(set(server.numbers()))
        if server is primary:
            primary.kill()


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
def test_reloads_while_failed_over_keep_the_connection(lab: Lab, authority: CertificateAuthority, tls: bool) -> None:
    """syslog-ng's own failover() gives it up; that of 4.8.1 can abort the process here."""
    primary = lab.server("primary", certificate=authority.certificate_for("primary") if tls else None)
    second = lab.server("second", certificate=authority.certificate_for("second") if tls else None)
    options = f'transport("tls") tls(ca-file("{authority.certificate}"))' if tls else ""
    both = [destination(f"d_{number}", f'network("primary" port(514) persist-name("{number}") {options} '
                                       'failover(servers("second") switch-delay(0)))') for number in (1, 2)]
    client = lab.start_client(configuration("".join(both)))
    client.wait_for(CONNECTED, count=2, server="primary:514")
    primary.kill()
    client.wait_for(CONNECTED, count=2, server="second:514")
    for reloads in range(1, 6):
        client.reload()
        client.wait_for(KEPT, count=2 * reloads, server="second:514")
        sent = list(lab.sender.send(10))
        wait_until(lambda: sorted(second.numbers())[-20:] == sorted(2 * sent), SOON_S, "each message twice at the second")
    assert second.accepted() == 2
    client.stop()
    assert client.exit_code == 0
