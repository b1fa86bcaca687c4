# SPDX-License-Identifier: GPL-2.0-or-later
"""What must not change: syslog-ng without the module's @module line, and destinations without failover()."""

from pathlib import Path

import pytest

from harness import syslog_ng
from harness.lab import Lab
from harness.syslog_ng import check_syntax
from waiting import wait_until

OWN_SWITCH = "Current failover server is inaccessible, sending the messages to the next failover server"

WITHOUT_FAILOVER = {
    "network": 'network("a" port(514))',
    "syslog": 'syslog("a" transport("tcp") port(514))',
    "tcp": 'tcp("a")',
    "tcp6": 'tcp6("::1")',
    "udp": 'udp("a")',
    "udp6": 'udp6("::1")',
    "network-udp": 'network("a" transport("udp"))',
    "unix-stream": 'unix-stream("/dev/null")',
    "file": 'file("/dev/null")',
    "old-option": 'network("a" failover-servers("b", "c"))',
    "many-options": 'network("a" port(514) transport("tcp") keep-alive(no) so-keepalive(yes) persist-name("p") localip("::1"))',
    "disk-buffer": 'network("a" disk-buffer(reliable(no) disk-buf-size(1048576)))',
    "bad-option": 'network("a" bogus(1))',
    "bad-transport": 'network("a" transport("carrier pigeon"))',
    "failover-as-a-string": 'network("failover" template("failover\\n"))',
}


@pytest.mark.parametrize("driver", WITHOUT_FAILOVER.values(), ids=WITHOUT_FAILOVER.keys())
def test_other_destinations_are_checked_as_before(driver: str, tmp_path: Path) -> None:
    destination = syslog_ng.destination("d_remote", driver)
    # An empty line in place of @module keeps the line numbers.
    without = syslog_ng.configuration("\n" + destination, source="internal()", module=False)
    with_module = syslog_ng.configuration(destination, source="internal()", module=True)
    expected = check_syntax(without, tmp_path)
    result = check_syntax(with_module, tmp_path)
    assert result.exit_code == expected.exit_code, result.text
    assert result.lines_blamed() == expected.lines_blamed()


def test_without_the_module_line_the_option_is_syslog_ngs_own(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config('network("primary" port(514) failover(servers("second")))', module=False))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    client.wait_for(OWN_SWITCH)
    assert client.failover_lines() == []
    assert client.lines("Module loaded and initialized successfully", module="failover") == []


@pytest.mark.parametrize("failover", ['servers("b") switch-delay(0)', 'servers("b") failback(tcp-probe-interval(0.5))'])
def test_without_the_module_line_its_options_are_unknown(failover: str, tmp_path: Path) -> None:
    destination = syslog_ng.destination("d_remote", f'network("a" failover({failover}))')
    result = check_syntax(syslog_ng.configuration(destination, source="internal()", module=False), tmp_path)
    assert result.exit_code != 0


def test_with_the_module_line_a_plain_destination_reconnects_as_before(lab: Lab) -> None:
    primary = lab.server("primary")
    client = lab.start_client(lab.config('network("primary" port(514))'))
    lab.deliver_to(primary)
    primary.kill()
    client.wait_for("Syslog connection failed", server=f"AF_INET({primary.host.ip4}:514)")
    primary.start()
    lab.deliver_to(primary)
    assert client.failover_lines() == []


def test_with_the_module_line_failover_servers_is_syslog_ngs_own(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config('network("primary" port(514) failover-servers("second"))'))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    client.wait_for(OWN_SWITCH)
    assert client.failover_lines() == []


def test_plain_destination_beside_one_with_failover(lab: Lab) -> None:
    primary, second, plain = lab.start_servers("primary", "second", "plain")
    destinations = syslog_ng.destination("d_failover", 'network("primary" port(514) failover(servers("second")))')
    destinations += syslog_ng.destination("d_plain", 'network("plain" port(514))')
    client = lab.start_client(syslog_ng.configuration(destinations))
    lab.wait_in_use(primary)
    sent = list(lab.sender.send(3))
    wait_until(lambda: primary.numbers() == sent and plain.numbers() == sent, 30, "the messages at both")
    primary.kill()
    lab.wait_in_use(second)
    more = list(lab.sender.send(3))
    wait_until(lambda: second.numbers()[-3:] == more and plain.numbers() == sent + more, 30, "the messages at both")
    assert second.numbers() in (more, sent + more)  # within the grace of the first ones they are sent again
    assert plain.accepted() == 1
    assert all("d_plain" not in line.tags["destination"] for line in client.failover_lines())
