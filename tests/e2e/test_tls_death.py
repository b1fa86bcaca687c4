# SPDX-License-Identifier: GPL-2.0-or-later
"""A server whose TCP works and whose TLS does not is a failed server: at the start, in the rotation, for going back."""

import subprocess
from pathlib import Path

import pytest

from certificates import Certificate, CertificateAuthority
from harness.faults import (FLAWS, Fault, TlsReceiver, fingerprint, flawed_certificate, message_time, tls_server,
                            wait_none_lost)
from harness.lab import Lab
from waiting import SOON_S, holds_for, wait_until

BACK = "failover: back on the primary log server"
CONNECTED = "failover: connected to log server"
FAILED = "failover: log server failed"
PROBE_FAILED = "failover: probe of the primary failed"
PROBE_OK = "failover: probe of the primary succeeded"

TIMES = "switch-delay(0) connect-timeout(2) dead-peer-timeout(2)"
PROBES = "failback(tcp-probe-interval(0.3) successful-probes-required(2))"
PORT = 6514


@pytest.fixture
def strangers(tmp_path: Path) -> CertificateAuthority:
    """An authority that the client does not know."""
    return CertificateAuthority(tmp_path)


def driver(authority: CertificateAuthority, *, tls: str = "", failover: str = "", servers: str = '"second", "third"') -> str:
    return (f'network("primary" port({PORT}) transport("tls") tls(ca-file("{authority.certificate}") {tls})'
            f" failover(servers({servers}) {TIMES} {failover}))")


def start_servers(lab: Lab, authority: CertificateAuthority, *, client_authority: Path | None = None) -> list[TlsReceiver]:
    return [tls_server(lab, name, authority.certificate_for(name), client_authority=client_authority)
            for name in ("primary", "second", "third")]


# At the start, and in the rotation


@pytest.mark.parametrize("flaw", FLAWS)
def test_primary_with_bad_certificate(lab: Lab, authority: CertificateAuthority, strangers: CertificateAuthority,
                                      tmp_path: Path, flaw: str) -> None:
    primary = tls_server(lab, "primary", flawed_certificate(flaw, "primary", authority, strangers, tmp_path))
    second = tls_server(lab, "second", authority.certificate_for("second"))
    fault = Fault.now(f"{flaw} certificate from the start")
    client = lab.start_client(lab.config(driver(authority)))
    sent = lab.sender.send(10)
    wait_none_lost(lab, sent[-1])
    fault.noticed(message_time(second, sent[0]))
    failed = client.wait_for(FAILED, server="primary:6514", reason="tls")
    print(f"error: {failed.tags['error']}")
    assert "alert" not in failed.tags["error"] and "verify failed" not in failed.tags["error"], "what is wrong with it"
    assert not primary.numbers()


@pytest.mark.parametrize("flaw", FLAWS)
def test_failover_server_with_bad_certificate(lab: Lab, authority: CertificateAuthority, strangers: CertificateAuthority,
                                              tmp_path: Path, flaw: str) -> None:
    primary, second, third = start_servers(lab, authority)
    second.kill()
    second.certificate = flawed_certificate(flaw, "second", authority, strangers, tmp_path)
    second.start()
    client = lab.start_client(lab.config(driver(authority)))
    lab.deliver_to(primary)
    fault = Fault.now(f"primary killed, second has a {flaw} certificate")
    primary.kill()
    sent = lab.sender.send(10)
    wait_none_lost(lab, sent[-1])
    fault.noticed(message_time(third, sent[-1]))
    client.wait_for(FAILED, server="second:6514", reason="tls", next="third:6514")
    assert not second.numbers()


def test_tls_port_that_says_nothing(lab: Lab, authority: CertificateAuthority) -> None:
    lab.server("primary", PORT)  # without TLS: it reads the client's hello and waits for more
    second = tls_server(lab, "second", authority.certificate_for("second"))
    fault = Fault.now("TLS port that says nothing")
    client = lab.start_client(lab.config(driver(authority)))
    sent = lab.sender.send(10)
    wait_none_lost(lab, sent[-1])
    fault.noticed(message_time(second, sent[0]))
    failed = client.wait_for(FAILED, server="primary:6514", reason="timeout")
    assert 1_800 <= float(failed.tags["took_ms"]) < 10_000


def test_tls_port_frozen(lab: Lab, authority: CertificateAuthority) -> None:
    """Its kernel accepts, and acknowledges the hello."""
    primary, second, _ = start_servers(lab, authority)
    primary.freeze()
    fault = Fault.now("TLS server frozen from the start")
    client = lab.start_client(lab.config(driver(authority)))
    sent = lab.sender.send(10)
    wait_none_lost(lab, sent[-1])
    fault.noticed(message_time(second, sent[0]))
    client.wait_for(FAILED, server="primary:6514", reason="timeout")


# For going back


@pytest.mark.parametrize("flaw", [*FLAWS, "silent"])
def test_stays_while_the_primarys_tls_is_broken(lab: Lab, authority: CertificateAuthority, strangers: CertificateAuthority,
                                                tmp_path: Path, flaw: str) -> None:
    """TCP probes succeed all along; the healthy connection is not given up for them."""
    primary, second, _ = start_servers(lab, authority)
    client = lab.start_client(lab.config(driver(authority, failover=PROBES)))
    lab.deliver_to(primary)
    lab.sender.stream(per_second=100)
    primary.kill()
    lab.wait_in_use(second)
    if flaw == "silent":
        broken = lab.server("primary", PORT)
    else:
        broken = primary
        primary.certificate = flawed_certificate(flaw, "primary", authority, strangers, tmp_path)
        primary.start()
    reason = "timeout" if flaw == "silent" else "tls"
    client.wait_for(PROBE_FAILED, count=3, reason=reason, timeout_s=60)
    assert client.lines(PROBE_OK), "TCP probes succeed"
    assert not client.lines(BACK)
    assert len(client.lines(FAILED)) == 1, "only the primary, when it was killed"
    assert (second.accepted(), len(second.open_connections())) == (1, 1), "one connection, the same all along"
    in_use = second.open_connections()[0].peer_port

    broken.kill()
    if flaw == "silent":
        lab.servers.remove(broken)  # its records are the primary's
    primary.certificate = authority.certificate_for("primary")
    primary.start()
    client.wait_for(BACK, timeout_s=60)
    assert [connection.peer_port for connection in second.connections()] == [in_use]
    last = lab.sender.pause()
    wait_none_lost(lab, last)
    lab.deliver_to(primary)


# What the client shows, and what it asks for


def test_mutual_tls(lab: Lab, authority: CertificateAuthority) -> None:
    """The client shows the same certificate to all."""
    own = authority.certificate_for("client")
    primary, second, third = start_servers(lab, authority, client_authority=authority.certificate)
    lab.start_client(lab.config(driver(authority, tls=f'key-file("{own.key}") cert-file("{own.certificate}")',
                                       failover=PROBES)))
    lab.deliver_to(primary)
    lab.sender.stream(per_second=100)
    primary.kill()
    lab.wait_in_use(second)
    second.kill()
    lab.wait_in_use(third)
    primary.start()
    lab.client.wait_for(BACK)
    wait_none_lost(lab, lab.sender.pause())
    lab.deliver_to(primary)


@pytest.mark.parametrize("shown", ["another", "none"])
def test_server_that_refuses_our_certificate(lab: Lab, authority: CertificateAuthority, strangers: CertificateAuthority,
                                             shown: str) -> None:
    """With TLS 1.3 it says so only after the client's handshake is complete."""
    primary = tls_server(lab, "primary", authority.certificate_for("primary"), client_authority=strangers.certificate)
    own, asks = authority.certificate_for("client"), authority.certificate
    if shown == "none":
        asks = None
    second = tls_server(lab, "second", authority.certificate_for("second"), client_authority=asks)
    tls = f'key-file("{own.key}") cert-file("{own.certificate}")' if shown == "another" else ""
    client = lab.start_client(lab.config(driver(authority, tls=tls, servers='"second"', failover=PROBES)))
    lab.deliver_to(second)
    lab.sender.stream(per_second=100)
    client.wait_for(FAILED, server="primary:6514", reason="tls", next="second:6514")
    client.wait_for(PROBE_FAILED, count=3, reason="tls", timeout_s=60)
    assert (second.accepted(), len(client.lines(BACK))) == (1, 0), "the healthy connection is not given up for it"

    primary.kill()
    primary.client_authority = asks
    primary.start()
    client.wait_for(BACK, timeout_s=60)
    wait_none_lost(lab, lab.sender.pause())
    lab.deliver_to(primary)


def test_accepted_certificate_is_not_blamed(lab: Lab, authority: CertificateAuthority, strangers: CertificateAuthority) -> None:
    """It is not trusted, and need not be; the server does not want a client without a certificate."""
    tls_server(lab, "primary", strangers.certificate_for("primary"), client_authority=authority.certificate)
    second = tls_server(lab, "second", strangers.certificate_for("second"))
    client = lab.start_client(lab.config(driver(authority, tls="peer-verify(optional-untrusted)", servers='"second"')))
    failed = client.wait_for(FAILED, server="primary:6514", reason="tls")
    assert failed.tags["error"] in ("unexpected eof while reading", "tlsv13 alert certificate required",
                                    "the server ended the TLS handshake"), "as the server says goodbye"
    lab.deliver_to(second)


def test_mutual_tls_without_session_tickets(lab: Lab, authority: CertificateAuthority) -> None:
    """A server that accepts our certificate and says nothing."""
    own = authority.certificate_for("client")
    primary, second, _ = start_servers(lab, authority, client_authority=authority.certificate)
    for server in (primary, second):
        server.kill()
        server.tickets = False
        server.start()
    lab.start_client(lab.config(driver(authority, tls=f'key-file("{own.key}") cert-file("{own.certificate}")')))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    wait_none_lost(lab, lab.sender.send(1)[0])


def locked_key(own: Certificate, directory: Path) -> Path:
    locked = directory / "locked.key"
    subprocess.run(["openssl", "ec", "-in", str(own.key), "-aes128", "-passout", "pass:secret", "-out", str(locked)],
                   capture_output=True, check=True)
    return locked


def unlock(lab: Lab, locked: Path) -> None:
    control = lab.directory / "client" / "control"
    subprocess.run(["syslog-ng-ctl", "credentials", "add", f"--id={locked}", "--secret=secret", f"--control={control}"],
                   capture_output=True, check=True, timeout=30)


def test_key_that_waits_for_its_password(lab: Lab, authority: CertificateAuthority, tmp_path: Path) -> None:
    """Its destination starts when the password is there, and fails over as any other."""
    own = authority.certificate_for("client")
    locked = locked_key(own, tmp_path)
    primary, second, _ = start_servers(lab, authority, client_authority=authority.certificate)
    lab.start_client(lab.config(driver(authority, tls=f'key-file("{locked}") cert-file("{own.certificate}")')))
    sent = lab.sender.send(3)
    holds_for(lambda: not primary.accepted() and not second.accepted(), 1, "no connection without the key")
    unlock(lab, locked)
    lab.deliver_to(primary)
    wait_none_lost(lab, sent[-1])
    primary.kill()
    lab.deliver_to(second)


@pytest.mark.parametrize("then", ["password", "reload"])
def test_key_that_waits_over_a_reload_that_fails(lab: Lab, authority: CertificateAuthority, tmp_path: Path, then: str) -> None:
    """syslog-ng then sets up the old configuration once more, while that still waits: each destination starts once, and
    what is gone with a later reload is not started by the password."""
    own = authority.certificate_for("client")
    locked = locked_key(own, tmp_path)
    primary, second, _ = start_servers(lab, authority, client_authority=authority.certificate)
    waiting = driver(authority, tls=f'key-file("{locked}") cert-file("{own.certificate}")')
    clash = 'udp("127.0.0.1" persist-name("x")); udp("127.0.0.1" persist-name("x"))'
    client = lab.start_client(lab.config(waiting))
    for _ in range(3):
        client.reload_broken(lab.config(f"{waiting}; {clash}"))
    if then == "reload":
        client.reload(lab.config(waiting))
    unlock(lab, locked)
    lab.deliver_to(primary)
    assert primary.accepted() == len(client.lines(CONNECTED)) == 1
    client.reload(lab.config(waiting))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    assert len(client.lines(FAILED)) == 1


def test_connection_that_ends_while_the_key_waits(lab: Lab, authority: CertificateAuthority, tmp_path: Path) -> None:
    """A reload keeps it, and brings a key whose password is not there yet."""
    own = authority.certificate_for("client")
    locked = locked_key(own, tmp_path)
    primary, second, _ = start_servers(lab, authority)
    client = lab.start_client(lab.config(driver(authority)))
    lab.deliver_to(primary)
    client.reload(lab.config(driver(authority, tls=f'key-file("{locked}") cert-file("{own.certificate}")')))
    lab.deliver_to(primary)
    primary.kill()
    (unread,) = lab.sender.send(1)  # its kernel answers with a reset
    wait_until(lambda: not lab.client_host.sockets("state", "established", "dst", primary.host.ip4), SOON_S, "the end of the connection")
    unlock(lab, locked)
    lab.deliver_to(second)
    wait_none_lost(lab, unread)


def test_sni_follows_the_server(lab: Lab, authority: CertificateAuthority) -> None:
    """An address is no server name."""
    primary = tls_server(lab, "primary", authority.certificate_for("primary"))
    second = tls_server(lab, "second", authority.certificate_for("second"))
    host = lab.network.add_host("third")
    third = tls_server(lab, "third", authority.certificate_for(host.ip4))
    lab.start_client(lab.config(driver(authority, tls="sni(yes)", servers=f'"second", "{host.ip4}"', failover=PROBES)))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    second.kill()
    lab.deliver_to(third)
    primary.start()
    lab.client.wait_for(BACK)
    lab.deliver_to(primary)
    wait_none_lost(lab, lab.sender.send(1)[0])
    assert [server.names_asked_for() for server in (primary, second, third)] == [["primary", "primary"], ["second"], [""]]


def test_no_sni_without_asking(lab: Lab, authority: CertificateAuthority) -> None:
    primary, second, _ = start_servers(lab, authority)
    lab.start_client(lab.config(driver(authority)))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    assert [server.names_asked_for() for server in (primary, second)] == [[""], [""]]


@pytest.mark.parametrize("kind", ["trusted-keys", "trusted-dn"])
def test_only_trusted_servers_are_used(lab: Lab, authority: CertificateAuthority, kind: str) -> None:
    """The second has a good certificate that is not on the list, and so has the primary for a while."""
    trusted_certificate = authority.certificate_for("primary")
    primary, second, third = start_servers(lab, authority)
    if kind == "trusted-keys":
        trusted = ", ".join(f'"{fingerprint(server.certificate)}"' for server in (primary, third))
    else:
        trusted = '"CN=primary", "CN=third"'
    client = lab.start_client(lab.config(driver(authority, tls=f"{kind}({trusted})", failover=PROBES)))
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(third)
    client.wait_for(FAILED, server="second:6514", reason="tls", next="third:6514")
    wait_until(lambda: not second.open_connections(), 30, "no connection to the second")

    primary.certificate = authority.certificate_for("someone-else")
    primary.start()
    client.wait_for(PROBE_FAILED, reason="tls")
    assert not client.lines(BACK)
    primary.kill()
    primary.certificate = trusted_certificate
    primary.start()
    client.wait_for(BACK)
    wait_none_lost(lab, lab.sender.send(1)[0])
    assert not second.numbers()
