# SPDX-License-Identifier: GPL-2.0-or-later
"""failover() together with the other options of the destinations: each still does what it does alone."""

import pytest

from certificates import CertificateAuthority
from harness.lab import Lab
from harness.receiver import Receiver
from waiting import holds_for, wait_until

ALL_FAILED = "failover: all log servers failed"
BACK = "failover: back on the primary log server"
CONNECTED = "failover: connected to log server"
FAILED = "failover: log server failed"
KEPT = "failover: connection kept over reload"

OTHER_OPTIONS = [
    "keep-alive(yes)",
    "keep-alive(no)",
    "so-keepalive(yes)",
    "so-keepalive(yes) tcp-keepalive-time(5) tcp-keepalive-intvl(5) tcp-keepalive-probes(3)",
    "so-sndbuf(65536)",
    "ip-protocol(4)",
    "ip-protocol(6)",
    "ip-ttl(10)",
    'localip("0.0.0.0")',
    'persist-name("mine")',
    "flags(syslog-protocol)",
    "flush-lines(10)",
    "log-fifo-size(1000)",
    "throttle(1000)",
    "suppress(1)",
    r'template("$MSG in a template of our own\n")',
    "ts-format(iso)",
]


@pytest.mark.parametrize("other", OTHER_OPTIONS)
@pytest.mark.parametrize("order", ["before", "after"])
def test_with_other_option(lab: Lab, other: str, order: str) -> None:
    options = [other, 'failover(servers("second") switch-delay(0))']
    if order == "after":
        options.reverse()
    primary, second = lab.start_servers("primary", "second")
    lab.start_client(lab.config(f'network("primary" port(514) {" ".join(options)})'))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)


@pytest.mark.parametrize("options", ["threaded(yes)", "threaded(no)", "threaded(yes); use-dns(no)", "log-fifo-size(500)"])
def test_with_global_option(lab: Lab, options: str) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config('network("primary" port(514) failover(servers("second")))',
                                         options=f"time-reopen(1); {options}"))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    client.reload()
    client.wait_for(KEPT, server="second:514")
    lab.deliver_to(second)


def test_keep_alive_no_gives_the_connection_up_at_reload(lab: Lab) -> None:
    primary, _ = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config('network("primary" port(514) keep-alive(no) failover(servers("second")))'))
    lab.deliver_to(primary)
    client.reload()
    wait_until(lambda: primary.connections()[0].end, 30, "the old connection is closed")
    lab.deliver_to(primary)
    assert not client.lines(KEPT)


def test_close_on_input_no_notices_the_end_when_it_sends(lab: Lab) -> None:
    """The option tells syslog-ng not to read from the connection; so what ends it is a failed write."""
    primary, second = lab.start_servers("primary", "second")
    lab.start_client(lab.config('network("primary" port(514) close-on-input(no) failover(servers("second")))'))
    lab.deliver_to(primary)
    kill_while_sending(lab, primary, second)
    lab.deliver_to(second)


def kill_while_sending(lab: Lab, server: Receiver, following: Receiver) -> None:
    """Kill the server in use and wait until the one that follows it has a connection."""
    lab.sender.stream(per_second=50)
    server.kill()
    lab.wait_in_use(following)
    lab.sender.pause()


def test_so_keepalive_reaches_every_connection(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    lab.start_client(lab.config(
        'network("primary" port(514) so-keepalive(yes) failover(servers("second") switch-delay(0)))'))
    for server in (primary, second):
        lab.deliver_to(server)
        wait_until(lambda: any("keepalive" in line for line in lab.client_host.sockets("dst", server.host.ip4)),
                   30, f"the keepalive timer of the connection to {server}")
        server.kill()


@pytest.mark.parametrize("localip", ["10.77.0.200", "own"])
def test_localip_is_the_source_of_every_connection(lab: Lab, localip: str) -> None:
    """Of probes, too."""
    own = "10.77.0.200"
    lab.client_host.add_address(f"{own}/24")
    lab.network.set_name("own", [own])
    primary, second = lab.start_servers("primary", "second")
    lab.start_client(lab.config(
        f'network("primary" port(514) localip("{localip}") failover(servers("second") switch-delay(0)'
        " failback(tcp-probe-interval(0.3) successful-probes-required(2))))"))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    primary.start()
    lab.client.wait_for(BACK)
    lab.deliver_to(primary)
    assert {connection.peer_ip for connection in primary.connections() + second.connections()} == {own}


# disk-buffer()


def disk_buffer(lab: Lab, reliable: str) -> str:
    buffer = f'disk-buffer(reliable({reliable}) disk-buf-size(2097152) dir("{lab.directory}"))'
    return f'network("primary" port(514) {buffer} failover(servers("second") switch-delay(0)))'


@pytest.mark.parametrize("reliable", ["yes", "no"])
def test_disk_buffer(lab: Lab, reliable: str) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(disk_buffer(lab, reliable)))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    client.reload()
    client.wait_for(KEPT, server="second:514")
    lab.deliver_to(second)


@pytest.mark.parametrize("reliable", ["yes", "no"])
def test_disk_buffer_over_an_outage_and_a_restart(lab: Lab, reliable: str) -> None:
    primary = lab.server("primary", start=False)
    second = lab.server("second", start=False)
    client = lab.start_client(lab.config(disk_buffer(lab, reliable)))
    waiting = list(lab.sender.send(200))
    client.wait_for(ALL_FAILED)
    client.restart()
    second.start()
    wait_until(lambda: second.numbers()[:200] == waiting, 30, "what was sent during the outage")
    lab.deliver_to(second)
    assert primary.accepted() == 0


# TLS


def tls(authority: CertificateAuthority, failover: str) -> str:
    return (f'network("primary" port(6514) transport("tls") tls(ca-file("{authority.certificate}") peer-verify(yes))'
            f" failover({failover} switch-delay(0)))")


def tls_server(lab: Lab, authority: CertificateAuthority, name: str, certified: str = "") -> Receiver:
    return lab.server(name, 6514, certificate=authority.certificate_for(certified or name))


def test_tls_checks_each_server_by_its_own_name(lab: Lab, authority: CertificateAuthority) -> None:
    primary, second, third = (tls_server(lab, authority, name) for name in ("primary", "second", "third"))
    client = lab.start_client(lab.config(tls(authority, 'servers("second", "third")')))
    lab.deliver_to(primary)
    kill_while_sending(lab, primary, second)
    lab.deliver_to(second)
    kill_while_sending(lab, second, third)
    lab.deliver_to(third)
    primary.start()
    kill_while_sending(lab, third, primary)
    lab.deliver_to(primary)
    assert not client.lines(FAILED, reason="tls")


def test_tls_passes_over_a_server_with_the_wrong_name(lab: Lab, authority: CertificateAuthority) -> None:
    """Not even the primary's own certificate is good for another server."""
    primary, third = tls_server(lab, authority, "primary"), tls_server(lab, authority, "third")
    wrong = tls_server(lab, authority, "second", certified="primary")
    client = lab.start_client(lab.config(tls(authority, 'servers("second", "third")')))
    lab.deliver_to(primary)
    kill_while_sending(lab, primary, third)
    lab.deliver_to(third)
    client.wait_for(FAILED, server="second:6514", reason="tls", next="third:6514")
    assert wrong.accepted() == 1 and wrong.numbers() == []


def test_tls_checks_a_server_given_by_address(lab: Lab, authority: CertificateAuthority) -> None:
    primary = tls_server(lab, authority, "primary")
    address = lab.network.add_host("second").ip4
    second = tls_server(lab, authority, "second", certified=address)
    lab.start_client(lab.config(tls(authority, f'servers("{address}")')))
    lab.deliver_to(primary)
    kill_while_sending(lab, primary, second)
    lab.deliver_to(second)


def test_tls_failback(lab: Lab, authority: CertificateAuthority) -> None:
    primary, second = (tls_server(lab, authority, name) for name in ("primary", "second"))
    failback = "failback(tcp-probe-interval(0.3) successful-probes-required(2))"
    client = lab.start_client(lab.config(tls(authority, f'servers("second") {failback}')))
    lab.deliver_to(primary)
    kill_while_sending(lab, primary, second)
    lab.deliver_to(second)
    primary.start()
    client.wait_for(BACK)
    lab.deliver_to(primary)
    holds_for(primary.open_connections, 1, "the primary stays in use")
    assert not client.lines(FAILED, reason="tls")


def test_tls_with_syslog_framing(lab: Lab, authority: CertificateAuthority) -> None:
    primary, second = (tls_server(lab, authority, name) for name in ("primary", "second"))
    client = lab.start_client(lab.config(
        f'syslog("primary" transport("tls") tls(ca-file("{authority.certificate}")) failover(servers("second") switch-delay(0)))'))
    lab.deliver_to(primary)
    kill_while_sending(lab, primary, second)
    lab.deliver_to(second)
    assert second.connections()[0].framings == {"octets"}
    client.wait_for(CONNECTED, server="second:6514")


def test_tls_end_of_an_idle_connection_is_noticed(lab: Lab, authority: CertificateAuthority) -> None:
    """syslog-ng alone notices it when it next writes, and loses what it writes first."""
    primary, second = (tls_server(lab, authority, name) for name in ("primary", "second"))
    lab.start_client(lab.config(tls(authority, 'servers("second")')))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
