# SPDX-License-Identifier: GPL-2.0-or-later
"""failoverctl: what it shows in each state of a failover, and what it steers."""

import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import log_servers
import pytest

from certificates import CertificateAuthority
from children import Child
from harness.control import CANNOT_TELL, NONE, SOME, WELL, only, server, start, steer, wait_in_use
from harness.flow import TCP, TLS, Flow, Wire
from harness.lab import Lab
from harness.sink import PORT
from harness.syslog_ng import MODULE_DIR
from messages import PARSED
from waiting import SOON_S, wait_until

BACK = "failover: back on the primary log server"
COLUMNS = 100

both = pytest.mark.parametrize("wire", [TCP, TLS], ids=str)


def check_table(lab: Lab, in_use: str | None) -> None:
    """For people: a row for each server, the one in use marked, no line too wide."""
    table = lab.client.failoverctl("status").stdout.splitlines()
    assert max(map(len, table)) <= COLUMNS, table
    rows = [line for line in table if re.search(r" (primary|standby) ", line)]
    assert len(rows) == len(only(lab)["servers"])
    marked = [row.split()[1] for row in rows if row.startswith("*")]
    assert marked == ([f"{in_use}:{PORT}"] if in_use else [])


@contextmanager
def waiting(lab: Lab, *command: str) -> Iterator[Child]:
    """A command whose answer does not come yet."""
    client = lab.client
    argv = [str(MODULE_DIR / "failoverctl"), "-c", str(client.control_socket), *command]
    child = Child(client.host.argv(*argv), lab.directory / "waiting.output")
    try:
        yield child
    finally:
        child.kill()


def ended(child: Child) -> int:
    wait_until(lambda: not child.alive, SOON_S, "the command has its answer")
    assert child.exit_code is not None
    return child.exit_code


#: At least what a connection may have unread.
UNREAD_BYTES = 1 << 16

# What is seen


@both
def test_status_in_each_state(lab: Lab, authority: CertificateAuthority, wire: Wire) -> None:
    servers = [lab.server(name, PORT, certificate=authority.certificate_for(name) if wire.tls else None)
               for name in ("primary", "second", "third")]
    primary, second, third = servers
    start(lab, authority, wire, "switch-delay(0) failback(tcp-probe-interval(3600))")
    lab.deliver_to(primary)
    facts = only(lab)
    assert facts["destination"] == "d_remote#0"
    assert (facts["in_use"]["server"], facts["in_use"]["reason"]) == (f"primary:{PORT}", "start")
    assert [(it["role"], it["state"], it["admin"]) for it in facts["servers"]] == [
        ("primary", "in use", "ready"), ("standby", "unknown", "ready"), ("standby", "unknown", "ready")]
    assert facts["servers"][0]["address"] == f"{primary.host.ip4}:{PORT}"
    assert (facts["servers"][0]["certificate_end_s"] is not None) == wire.tls
    assert abs(facts["in_use"]["since_s"] - time.time()) < 10 * SOON_S
    check_table(lab, "primary")

    primary.kill()
    lab.deliver_to(second)
    facts = only(lab)
    assert facts["in_use"]["server"] == f"second:{PORT}"
    assert sum(facts["switches"].values()) == 1
    assert facts["last_switch_s"] >= facts["servers"][0]["last_failure"]["at_s"]
    assert facts["servers"][0]["state"] == "down"
    assert facts["servers"][0]["failures"]
    assert facts["next"]["step"] == "probe"
    assert facts["next"]["server"] == f"primary:{PORT}"
    assert facts["next"]["due_s"] > time.time() + 60
    check_table(lab, "second")

    second.kill()
    third.kill()
    wait_until(lambda: only(lab)["in_use"] is None, SOON_S, "no server in use")
    wait_until(lambda: {it["state"] for it in only(lab)["servers"]} == {"down"}, SOON_S, "all are down")
    assert only(lab)["next"]["step"] == "connect"
    check_table(lab, None)
    assert "no server in use" in lab.client.failoverctl("status").stdout

    third.start()
    lab.deliver_to(third)
    check_table(lab, "third")


def test_unconfirmed_messages(flow: Flow, lab: Lab) -> None:
    """What a server that does not read has not confirmed, and how old it is."""
    flow.start_all(TCP)
    flow.begin()
    flow.wait_at(flow.primary, 1000)
    flow.primary.freeze()
    flow.wait_stuck(flow.primary)
    facts = only(lab)
    assert 0 < facts["unconfirmed_bytes"] <= facts["resend_buffer_bytes"]
    assert facts["unconfirmed_messages"] == facts["servers"][0]["unconfirmed_messages"] > 0
    assert facts["unconfirmed_oldest_ms"] > 0
    flow.primary.thaw()
    flow.finish()


def test_watch(lab: Lab, authority: CertificateAuthority) -> None:
    """Again and again, also over a restart of syslog-ng."""
    for name in ("primary", "second", "third"):
        lab.server(name, PORT)
    start(lab, authority, TCP)
    with waiting(lab, "watch") as watch:
        wait_until(lambda: watch.output.read_text().count("d_remote#0:") >= 2, SOON_S, "two tables")
        lab.client.stop()
        wait_until(lambda: "does not run" in watch.output.read_text(), SOON_S, "it says that syslog-ng is gone")
        before = watch.output.read_text().count("d_remote#0:")
        lab.client.start()
        wait_until(lambda: watch.output.read_text().count("d_remote#0:") > before, SOON_S, "a table again")


@both
def test_check(lab: Lab, authority: CertificateAuthority, wire: Wire) -> None:
    primary, second, third = (lab.server(name, PORT, certificate=authority.certificate_for(name) if wire.tls else None)
                              for name in ("primary", "second", "third"))
    start(lab, authority, wire, "switch-delay(0) connect-timeout(5)")
    lab.deliver_to(primary)
    before = primary.accepted()
    assert steer(lab, "check") == "3 of 3 servers work"
    assert primary.accepted() == before
    assert {it["state"] for it in only(lab)["servers"]} == {"in use", "up"}
    third.kill()
    assert steer(lab, "check", "d_remote", code=SOME) == "2 of 3 servers work"
    done = lab.client.failoverctl("check", "--json")
    assert done.returncode == SOME
    assert [it["state"] for it in json.loads(done.stdout)[0]["servers"]] == ["in use", "up", "down"]
    second.kill()
    primary.kill()
    wait_until(lambda: only(lab)["in_use"] is None, SOON_S, "no server in use")
    wait_until(lambda: lab.client.failoverctl("check").returncode == NONE, SOON_S, "none works")
    assert steer(lab, "check", "nix", code=CANNOT_TELL)
    third.start()
    lab.deliver_to(third)


# What is steered


@both
def test_drain_and_switch_under_load(flow: Flow, lab: Lab, wire: Wire) -> None:
    """Between stock servers; each that is drained is stopped as soon as the answer says that it may be."""
    flow.add_servers(wire, primary=log_servers.syslog_ng, second=log_servers.syslog_ng)
    flow.start()
    flow.begin()
    flow.wait_at(flow.primary)
    answer = steer(lab, "drain", "d_remote", "primary")
    assert answer.endswith("it is safe to stop")
    assert only(lab)["in_use"]["reason"] == "drain"
    flow.primary.stop()
    flow.wait_at(flow.second)
    assert steer(lab, "switch", "d_remote", "third") == f"d_remote#0: third:{PORT}: in use"
    flow.wait_at(flow.third)
    flow.primary.start()
    steer(lab, "ready", "d_remote", "0")
    assert steer(lab, "switch", "all", f"primary:{PORT}") == f"d_remote#0: primary:{PORT}: in use"
    flow.wait_at(flow.primary)
    assert steer(lab, "maint", "d_remote#0", "primary").endswith("it is safe to stop")
    flow.primary.stop()
    flow.wait_at(flow.second)
    counted = flow.finish()
    assert counted.doubled == 0, counted


def test_switch_is_refused(lab: Lab, authority: CertificateAuthority) -> None:
    primary, second = (lab.server(name, PORT) for name in ("primary", "second"))
    lab.network.add_host("third")
    start(lab, authority, TCP)
    lab.deliver_to(primary)
    assert "refused" in steer(lab, "switch", "d_remote", "third", code=SOME)
    steer(lab, "drain", "d_remote", "second")
    assert "drained" in steer(lab, "switch", "d_remote", "second", code=SOME)
    assert "in use" in steer(lab, "switch", "d_remote", "primary")
    steer(lab, "ready", "d_remote", "second")
    lab.deliver_to(primary)
    assert len(primary.connections()) == 1
    steer(lab, "switch", "d_remote", "second")
    lab.deliver_to(second)


def test_switch_with_failback(lab: Lab, authority: CertificateAuthority) -> None:
    """The primary is returned to after probes of its own, and the answer says when."""
    primary, second, _ = (lab.server(name, PORT) for name in ("primary", "second", "third"))
    start(lab, authority, TCP, "failback(tcp-probe-interval(1) successful-probes-required(2))")
    lab.deliver_to(primary)
    done = lab.client.failoverctl("switch", "d_remote", "second")
    assert done.returncode == WELL
    assert re.search(rf"next: probe of primary:{PORT} in \d+s, 0/2 successful", done.stdout), done.stdout
    lab.wait_in_use(second)
    lab.client.wait_for(BACK)
    lab.deliver_to(primary)
    steer(lab, "drain", "d_remote", "primary")
    lab.deliver_to(second)
    lab.client.wait_for("failover: probe of the primary succeeded", count=3)
    assert only(lab)["in_use"]["server"] == f"second:{PORT}"
    steer(lab, "ready", "d_remote", "primary")
    lab.client.wait_for(BACK, count=2)
    lab.deliver_to(primary)


def test_the_last_one(lab: Lab, authority: CertificateAuthority) -> None:
    primary = lab.server("primary", PORT)
    lab.network.add_host("second")
    third = lab.server("third", PORT, start=False)
    start(lab, authority, TCP)
    lab.deliver_to(primary)
    assert "stays in use" in steer(lab, "drain", "d_remote", "primary", code=SOME)
    assert server(lab, "primary")["admin"] == "drain"
    lab.deliver_to(primary)
    steer(lab, "maint", "d_remote", "second")
    steer(lab, "maint", "d_remote", "third")
    assert "last" in steer(lab, "maint", "d_remote", "primary", code=SOME)
    assert server(lab, "primary")["admin"] == "drain"
    third.start()
    steer(lab, "ready", "d_remote", "third")
    wait_in_use(lab, "third")
    lab.deliver_to(third)


def test_states_survive_a_reload_and_no_restart(lab: Lab, authority: CertificateAuthority) -> None:
    primary, second, third = (lab.server(name, PORT) for name in ("primary", "second", "third"))
    start(lab, authority, TCP)
    lab.deliver_to(primary)
    steer(lab, "drain", "d_remote", "primary")
    steer(lab, "maint", "d_remote", "third")
    lab.deliver_to(second)
    lab.client.reload()
    assert [it["admin"] for it in only(lab)["servers"]] == ["drain", "ready", "maint"]
    assert only(lab)["in_use"]["server"] == f"second:{PORT}"
    lab.deliver_to(second)
    lab.client.restart()
    assert {it["admin"] for it in only(lab)["servers"]} == {"ready"}


def test_a_reload_answers_what_waits(flow: Flow, lab: Lab) -> None:
    """A drained server that does not read has nothing confirmed."""
    flow.start_all(TCP)
    flow.begin()
    flow.wait_at(flow.primary, 1000)
    flow.primary.freeze()
    flow.wait_stuck(flow.primary)
    with waiting(lab, "drain", "d_remote", "primary") as drain:
        wait_until(lambda: server(lab, "primary")["admin"] == "drain", SOON_S, "the drain is set")
        assert drain.alive, drain.output.read_text()
        flow.client.reload()
        assert ended(drain) == CANNOT_TELL
        assert "reload" in drain.output.read_text()
    assert server(lab, "primary")["admin"] == "drain"
    flow.primary.thaw()
    flow.finish(most_late=1)  # what was begun when the reload gave its connection up


def test_what_takes_longer_than_a_minute_is_told(lab: Lab, authority: CertificateAuthority) -> None:
    """Its window is full, and our socket is not."""
    primary, second, _ = (lab.server(name, PORT) for name in ("primary", "second", "third"))
    primary.host.run("sh", "-c", f"echo 4096 {UNREAD_BYTES} {UNREAD_BYTES} > /proc/sys/net/ipv4/tcp_rmem")
    start(lab, authority, TCP, "dead-peer-timeout(600)")
    lab.deliver_to(primary)
    primary.freeze()
    unread = list(lab.sender.send(2 * UNREAD_BYTES // PARSED.size))
    wait_until(lambda: only(lab)["unconfirmed_messages"] >= len(unread), SOON_S, "all are sent")
    with waiting(lab, "drain", "d_remote", "primary") as drain:
        wait_until(lambda: not drain.alive, 60 + SOON_S, "an answer")
        assert ended(drain) == SOME
        said = drain.output.read_text()
        assert re.search(r"not finished within a minute, it goes on; [1-9]\d* messages sent to it are not confirmed", said), said
    primary.thaw()
    lab.client.wait_for("failover: log server is out of service, it is safe to stop it")
    lab.deliver_to(second)


def test_a_client_that_hangs_up(flow: Flow, lab: Lab) -> None:
    flow.start_all(TCP)
    flow.begin()
    flow.wait_at(flow.primary, 1000)
    flow.primary.freeze()
    flow.wait_stuck(flow.primary)
    with waiting(lab, "drain", "d_remote", "primary") as drain:
        wait_until(lambda: server(lab, "primary")["admin"] == "drain", SOON_S, "the drain is set")
        drain.signal(signal.SIGKILL)
        wait_until(lambda: not drain.alive, SOON_S, "the client is gone")
    flow.primary.thaw()
    flow.client.wait_for("failover: log server is out of service, it is safe to stop it")
    wait_in_use(lab, "second")
    flow.finish()
