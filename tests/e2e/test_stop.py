# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGTERM in every state ends syslog-ng promptly and cleanly; a whole life under valgrind shows no error of ours."""

from collections.abc import Callable

import pytest

from certificates import CertificateAuthority
from harness.lab import Lab
from harness.receiver import Receiver
from harness.valgrind import errors_of_ours, valgrind
from log_lines import parse_log
from waiting import SOON_S, wait_until

ALL_FAILED = "failover: all log servers failed"
BACK = "failover: back on the primary log server"
CONNECTED = "failover: connected to log server"
FAILED = "failover: log server failed"
PROBE_OK = "failover: probe of the primary succeeded"
UNCONFIRMED = "failover: stopped before a log server confirmed the last messages, they may be lost"

#: It should take under one second; the rest is for machines under load.
PROMPTLY_S = 3.0


def network(failover: str = "") -> str:
    return f'network("primary" port(514) failover(servers("second") {failover}))'


def connected(lab: Lab) -> None:
    primary, _ = lab.start_servers("primary", "second")
    lab.start_client(lab.config(network()))
    lab.deliver_to(primary)


def connecting(lab: Lab) -> None:
    primary, _ = lab.start_servers("primary", "second")
    primary.host.vanish()
    lab.start_client(lab.config(network()))
    wait_until(lambda: lab.client_host.sockets("state", "syn-sent"), 30, "an attempt under way")


def connecting_with_messages_waiting(lab: Lab) -> None:
    connecting(lab)
    lab.sender.send(100)


def resolving(lab: Lab) -> None:
    name_server = lab.network.add_host("nameserver")
    name_server.vanish()
    lab.network.ask_name_server(name_server.ip4, timeout_s=30)
    lab.start_client(lab.config('network("unknown" port(514) failover(servers("unknown-too")))'))
    question = f"{name_server.ip4}:53"
    wait_until(lambda: question in lab.client_host.run("ss", "-unH"), 30, "a look-up under way")


def handshaking(lab: Lab, authority: CertificateAuthority) -> None:
    primary = lab.server("primary", certificate=authority.certificate_for("primary"))
    primary.freeze()
    lab.start_client(lab.config(
        f'network("primary" port(514) transport("tls") tls(ca-file("{authority.certificate}")) failover(servers("second")))'
    ))
    lab.sender.send(1)
    wait_until(lambda: lab.client_host.sockets("state", "established"), 30, "a connection that answers nothing")


def waiting_for_the_switch(lab: Lab) -> None:
    primary, _ = lab.start_servers("primary", "second")
    lab.start_client(lab.config(network("switch-delay(3600)")))
    lab.deliver_to(primary)
    primary.kill()
    lab.client.wait_for(FAILED, wait_ms="3600000")


def waiting_for_the_next_round(lab: Lab) -> None:
    lab.server("primary", start=False)
    lab.server("second", start=False)
    lab.start_client(lab.config(network("switch-delay(0)"), options="time-reopen(3600)"))
    lab.client.wait_for(ALL_FAILED)


def on_the_second(lab: Lab, failback: str) -> None:
    primary, second = lab.start_servers("primary", "second")
    lab.start_client(lab.config(network(f"switch-delay(0) failback({failback})")))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)


def between_probes(lab: Lab) -> None:
    on_the_second(lab, "tcp-probe-interval(3600)")


def probing(lab: Lab) -> None:
    on_the_second(lab, "tcp-probe-interval(0.3)")
    lab.network.hosts["primary"].vanish()
    wait_until(lambda: lab.client_host.sockets("state", "syn-sent"), 30, "a probe under way")


@pytest.mark.parametrize(
    "state",
    [connected, connecting, connecting_with_messages_waiting, resolving, waiting_for_the_switch, waiting_for_the_next_round,
     between_probes, probing],
)
def test_sigterm_ends_it_promptly(lab: Lab, state: Callable[[Lab], None]) -> None:
    state(lab)
    stop_promptly(lab)


def test_sigterm_during_a_handshake(lab: Lab, authority: CertificateAuthority) -> None:
    handshaking(lab, authority)
    stop_promptly(lab)


def test_sigterm_just_after_sighup(lab: Lab) -> None:
    on_the_second(lab, "tcp-probe-interval(0.3)")
    lab.client.hang_up()
    stop_promptly(lab)


def stop_promptly(lab: Lab) -> None:
    took_s = lab.client.stop()
    assert lab.client.exit_code == 0
    assert took_s <= PROMPTLY_S


def test_no_warning_of_what_is_acknowledged(lab: Lab) -> None:
    """However late before the stop it came: its grace does not count."""
    primary, _ = lab.start_servers("primary", "second")
    lab.start_client(lab.config(network()))
    stop_without_warning(lab, primary)


def test_no_warning_while_a_connection_is_drained(lab: Lab) -> None:
    on_the_second(lab, "tcp-probe-interval(0.3) successful-probes-required(1)) resend-grace(30")
    primary, _ = lab.servers
    primary.start()
    lab.client.wait_for(BACK)
    stop_without_warning(lab, primary)


def stop_without_warning(lab: Lab, server: Receiver) -> None:
    first = lab.sender.stream(per_second=500)
    wait_until(lambda: first in server.numbers(), SOON_S, f"the stream at {server}")
    stop_promptly(lab)
    assert not lab.client.lines(UNCONFIRMED)


@pytest.mark.parametrize("as_service", [True, False], ids=["service", "stderr"])
def test_the_warning_is_on_standard_error_once(lab: Lab, as_service: bool) -> None:
    """For a service that is the journal. By then internal() delivers nothing any more."""
    primary, _ = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network()), as_service=as_service)
    client.wait_for(CONNECTED, server="primary:514")
    primary.host.vanish()
    lab.sender.send(1)
    wait_until(lambda: any(int(line.split()[1]) for line in lab.client_host.sockets("state", "established")), SOON_S,
               "a message that is not acknowledged")
    stop_promptly(lab)
    (line,) = client.lines(UNCONFIRMED)
    assert line in parse_log(client.stderr_text())
    assert (line.tags["destination"], line.tags["messages"], line.tags["queued"]) == ("d_remote#0", "1", "0")


@pytest.mark.parametrize(
    "failover, on_disk, said", [("", False, ["100"]), ("resend(no)", False, ["100"]), ("", True, [])],
)
def test_what_is_lost_with_the_queue_is_said(lab: Lab, failover: str, on_disk: bool, said: list[str]) -> None:
    """No server works: nothing is sent, and what is not on disk ends with the process."""
    lab.server("primary", start=False)
    buffer = f'disk-buffer(reliable(no) disk-buf-size(1048576) dir("{lab.directory}"))' if on_disk else ""
    driver = f'network("primary" port(514) {buffer} failover(servers("second") {failover}))'
    client = lab.start_client(lab.config(driver, options="time-reopen(3600); stats-level(1)"))
    lab.sender.send(100)
    wait_until(lambda: client.counters("dst")["queued"] == 100, SOON_S, "all messages in the queue")
    stop_promptly(lab)
    assert [line.tags["queued"] for line in client.lines(UNCONFIRMED)] == said
    assert client.lines(UNCONFIRMED, messages="0") == client.lines(UNCONFIRMED)


def test_a_whole_life_under_valgrind(lab: Lab) -> None:
    """Start, switch, probes, return, reload, removal of a server, stop: no bad access, no leak from our code."""
    report = lab.directory / "valgrind.xml"
    primary, second, third = lab.start_servers("primary", "second", "third")
    failover = "switch-delay(0.1) failback(tcp-probe-interval(1) successful-probes-required(2))"
    driver = 'network("primary" port(514) failover(servers("second", "third") ' + failover + "))"
    client = lab.start_client(lab.config(driver), wrapper=valgrind(report))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    client.reload()
    lab.deliver_to(second)
    primary.start()
    client.wait_for(PROBE_OK, timeout_s=60)
    client.reload()
    client.wait_for(BACK, timeout_s=60)
    lab.deliver_to(primary)
    client.reload_broken(lab.config(driver) + "destination {{\n")
    client.reload(lab.config(driver.replace('"second", ', "")))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(third)
    client.stop(timeout_s=120)
    assert client.exit_code == 0
    assert errors_of_ours(report) == []
