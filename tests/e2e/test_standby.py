# SPDX-License-Identifier: GPL-2.0-or-later
"""standby-probe-interval(): servers that are not in use are checked, and one that is down is passed over."""

import sys
from pathlib import Path

import log_servers
import pytest

from certificates import CertificateAuthority
from children import Child
from harness.faults import Fault, first_arrival, flawed_certificate
from harness.flow import TCP, TLS, Flow, Wire
from harness.lab import Lab
from harness.sink import PORT
from harness.stock_server import StockServer
from waiting import SOON_S, holds_for, wait_until

UP = "failover: log server is up"
DOWN = "failover: log server is down"
FAILED = "failover: log server failed"
CONNECTED = "failover: connected to log server"
INTERVAL_S = 0.3
CHECKS = f"standby-probe-interval({INTERVAL_S}) switch-delay(0)"
#: Long, so that waiting for it cannot be taken for a slow machine.
CONNECT_TIMEOUT_S = 12.0

both = pytest.mark.parametrize("wire", [TCP, TLS], ids=str)

_OCCUPY = "import socket, sys, time; s = socket.create_connection((sys.argv[1], int(sys.argv[2]))); print('open', flush=True); s.recv(1)"


def full_syslog_ng(place: log_servers.Place) -> list[str]:
    """A stock one with room for one connection."""
    program = log_servers.syslog_ng(place)
    config = place.directory / "server.conf"
    config.write_text(config.read_text().replace("flags(no-parse)", "max-connections(1) flags(no-parse)"))
    return program


def start_client(lab: Lab, authority: CertificateAuthority, wire: Wire, servers: str, failover: str = CHECKS) -> None:
    tls = f'transport("tls") tls(ca-file("{authority.certificate}"))' if wire.tls else ""
    lab.start_client(lab.config(f'network("primary" port({PORT}) {tls} failover(servers({servers}) {failover}))'))


@both
def test_goes_straight_to_one_that_works(lab: Lab, authority: CertificateAuthority, flow: Flow, wire: Wire) -> None:
    flow.add_servers(wire, primary=log_servers.syslog_ng)
    flow.start()
    flow.second.host.vanish()
    flow.begin(flow.config(f"{CHECKS} connect-timeout({CONNECT_TIMEOUT_S})"))
    down = flow.client.wait_for(DOWN, timeout_s=SOON_S + CONNECT_TIMEOUT_S, server=f"second:{PORT}")
    assert down.tags["reason"] == "timeout"
    flow.client.wait_for(UP, server=f"third:{PORT}")
    fault = Fault.now(f"{wire}, the second of three servers silent")
    flow.primary.kill()
    flow.wait_at(flow.third, 1)
    fault.noticed(first_arrival(flow.third), CONNECT_TIMEOUT_S / 2)
    failed = flow.client.wait_for(FAILED, server=f"primary:{PORT}")
    assert failed.tags["next"] == f"third:{PORT}"
    assert not flow.client.lines(FAILED, server=f"second:{PORT}")
    flow.second.host.appear()
    flow.client.wait_for(UP, server=f"second:{PORT}", timeout_s=SOON_S + CONNECT_TIMEOUT_S)
    assert flow.finish().lost == 0


@both
def test_a_stock_server_is_checked_in_order(lab: Lab, authority: CertificateAuthority, wire: Wire) -> None:
    """Its log has no error for it, and only changes are in ours."""
    primary, second = (
        lab.sink(name, kind=log_servers.syslog_ng, certificate=authority.certificate_for(name) if wire.tls else None)
        for name in ("primary", "second")
    )
    primary.start()
    second.start()
    assert isinstance(second, StockServer)
    start_client(lab, authority, wire, '"second"')
    lab.client.wait_for(UP, server=f"second:{PORT}")
    wait_until(lambda: accepted(lab, second) >= 4, SOON_S, "four checks")
    second.stop()
    down = lab.client.wait_for(DOWN, server=f"second:{PORT}")
    assert down.tags["reason"] == "refused"
    second.start()
    lab.client.wait_for(UP, count=2, server=f"second:{PORT}")
    lab.client.reload()
    accepted_before = accepted(lab, second)
    wait_until(lambda: accepted(lab, second) >= accepted_before + 3, SOON_S, "checks after a reload")
    assert len(lab.client.lines(UP)) == 2
    assert len(lab.client.lines(DOWN)) == 1
    said = (lab.directory / "second.output").read_text()
    assert "error" not in said.lower(), said


def accepted(lab: Lab, server: StockServer) -> int:
    """Connections that a stock server has said are over; what it writes down does not tell them apart."""
    output = (lab.directory / f"{server}.output").read_text()
    return output.count("Syslog connection closed")


@both
def test_a_server_is_closed_in_order(lab: Lab, authority: CertificateAuthority, wire: Wire) -> None:
    """With TLS what it sent, session tickets, is read, and it gets a close_notify: a server in Python calls all else a reset."""
    primary, second = (lab.server(name, PORT, certificate=authority.certificate_for(name) if wire.tls else None)
                       for name in ("primary", "second"))
    start_client(lab, authority, wire, '"second"')
    lab.client.wait_for(UP, server=f"second:{PORT}")
    wait_until(lambda: sum(1 for connection in second.connections() if connection.end) >= 4, SOON_S, "four checks")
    assert {connection.end for connection in second.connections() if connection.end} == {"closed"}
    assert len(primary.connections()) == 1
    lab.deliver_to(primary)


@both
def test_a_stock_server_at_its_max_connections_is_down(lab: Lab, authority: CertificateAuthority, wire: Wire) -> None:
    primary, second = (
        lab.sink(name, kind=kind, certificate=authority.certificate_for(name) if wire.tls else None)
        for name, kind in (("primary", log_servers.syslog_ng), ("second", full_syslog_ng))
    )
    primary.start()
    second.start()
    occupant = Child(second.host.argv(sys.executable, "-c", _OCCUPY, second.host.ip4, str(PORT)),
                     lab.directory / "occupant.output")
    try:
        wait_until(lambda: "open" in occupant.output.read_text(), SOON_S, "the only place is taken")
        start_client(lab, authority, wire, '"second"')
        down = lab.client.wait_for(DOWN, server=f"second:{PORT}")
        if not wire.tls:
            assert down.tags["reason"] == "closed"
            assert "max-connections()" in down.tags["error"]
    finally:
        occupant.kill()
    lab.client.wait_for(UP, server=f"second:{PORT}")


def test_bad_certificate(lab: Lab, authority: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory,
                         tmp_path: Path) -> None:
    strangers = CertificateAuthority(tmp_path_factory.mktemp("strangers"))
    lab.server("primary", PORT, certificate=authority.certificate_for("primary"))
    lab.server("second", PORT, certificate=flawed_certificate("untrusted", "second", authority, strangers, tmp_path))
    start_client(lab, authority, TLS, '"second"')
    assert lab.client.wait_for(DOWN, server=f"second:{PORT}").tags["reason"] == "tls"


def test_failback_has_probes_of_its_own(lab: Lab, authority: CertificateAuthority) -> None:
    """The primary is not checked beside them, the third is."""
    primary, second, third = (lab.server(name, PORT) for name in ("primary", "second", "third"))
    start_client(lab, authority, TCP, '"second", "third"', f"{CHECKS} failback(tcp-probe-interval(3600))")
    lab.deliver_to(primary)
    primary.kill()
    lab.deliver_to(second)
    primary.start()
    before, third_before = primary.accepted(), third.accepted()
    wait_until(lambda: third.accepted() >= third_before + 4, SOON_S, "checks of the third")
    assert primary.accepted() == before


def test_off_by_default(lab: Lab, authority: CertificateAuthority) -> None:
    primary, second = (lab.server(name, PORT) for name in ("primary", "second"))
    start_client(lab, authority, TCP, '"second"', "switch-delay(0)")
    lab.deliver_to(primary)
    holds_for(lambda: second.accepted() == 0, 5 * INTERVAL_S, "the second is left alone")
