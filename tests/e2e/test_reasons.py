# SPDX-License-Identifier: GPL-2.0-or-later
"""Each way a server fails: the reason in the log, and messages at the next server."""

from collections.abc import Callable

import pytest

from certificates import CertificateAuthority
from harness.lab import Lab
from harness.receiver import Receiver
from waiting import SOON_S, wait_until

CONNECTED = "failover: connected to log server"
FAILED = "failover: log server failed"
DRIVER = 'network("primary" port(514) failover(servers("second") switch-delay(0)))'


def refuse(primary: Receiver) -> None:
    primary.kill()


def unplug(primary: Receiver) -> None:
    primary.host.unplug()


def vanish(primary: Receiver) -> None:
    primary.host.vanish()


def close_at_once(primary: Receiver) -> None:
    primary.behave("close")


def reset_at_once(primary: Receiver) -> None:
    primary.behave("reset")


def greet(primary: Receiver) -> None:
    primary.behave("greet")


@pytest.mark.parametrize(
    "fail, reasons",
    [
        (refuse, {"refused"}),
        (unplug, {"unreachable"}),
        (close_at_once, {"closed"}),
        (reset_at_once, {"reset", "broken"}),
        (greet, {"sent-data"}),
    ],
)
def test_reason_of_a_failed_start(lab: Lab, fail: Callable[[Receiver], None], reasons: set[str]) -> None:
    primary, second = lab.start_servers("primary", "second")
    fail(primary)
    client = lab.start_client(lab.config(DRIVER))
    lab.deliver_to(second)
    failed = client.wait_for(FAILED, server="primary:514")
    assert failed.tags["reason"] in reasons
    assert failed.tags["address"] == f"{primary.host.ip4}:514"
    assert failed.tags["next"] == "second:514"


def test_silent_server_fails_after_ten_seconds(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    vanish(primary)
    client = lab.start_client(lab.config(DRIVER))
    lab.deliver_to(second, timeout_s=60)
    failed = client.wait_for(FAILED, server="primary:514", reason="timeout")
    assert 9_900 <= float(failed.tags["took_ms"]) <= 20_000


def test_connection_closed_by_the_server(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(DRIVER))
    lab.deliver_to(primary)
    primary.drop()
    lab.deliver_to(second)
    client.wait_for(FAILED, server="primary:514", reason="closed")


@pytest.mark.parametrize("resend", ["yes", "no"])
@pytest.mark.parametrize("threaded", ["yes", "no"])
def test_server_that_talks(lab: Lab, resend: str, threaded: str) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(DRIVER.replace("switch", f"resend({resend}) switch"),
                                         options=f"time-reopen(1); threaded({threaded})"))
    lab.deliver_to(primary)
    primary.talk()
    failed = client.wait_for(FAILED, server="primary:514")
    assert failed.tags["reason"] == "sent-data"
    assert failed.tags["error"].startswith("the server sent data")
    lab.deliver_to(second)


def test_source_address_that_is_not_ours(lab: Lab) -> None:
    """What fails on this side is the reason local, not the server's fault; and the daemon goes on trying."""
    servers = lab.start_servers("primary", "second")
    client = lab.start_client(
        lab.config('network("primary" port(514) localip("10.77.0.99") failover(servers("second")))')
    )
    client.wait_for(FAILED, server="primary:514", reason="local")
    lab.client_host.add_address("10.77.0.99/24")
    client.wait_for(CONNECTED)
    wait_until(lambda: any(server.accepted() for server in servers), SOON_S, "a connection once the address is there")
    assert {connection.peer_ip for server in servers for connection in server.connections()} == {"10.77.0.99"}


def test_certificate_of_another_server(lab: Lab, authority: CertificateAuthority) -> None:
    primary = lab.server("primary", 6514, certificate=authority.certificate_for("someone-else"))
    second = lab.server("second", 6514, certificate=authority.certificate_for("second"))
    client = lab.start_client(lab.config(
        f'network("primary" port(6514) transport("tls") tls(ca-file("{authority.certificate}") peer-verify(yes))'
        ' failover(servers("second") switch-delay(0)))'
    ))
    sent = list(lab.sender.send(1))
    lab.deliver_to(second)
    client.wait_for(FAILED, server="primary:6514", reason="tls")
    assert not set(sent) & set(primary.numbers())
