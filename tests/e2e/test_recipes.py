# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/recipes.md: every block of it is run as it stands, under load, while what it is for happens."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from certificates import CertificateAuthority
from children import find_program
from harness.client import Client
from harness.database import Database
from harness.journal import WITH_HOST, Journal, QueueFile
from harness.lab import Lab
from harness.recipes import ETC, LogServer, Machine, Service, StoringServer, debian_config, page_blocks, used_blocks
from harness.sink import Sink
from harness.syslog_ng import MODULE_DIR
from log_server import log_server
from records import Delivery, tally
from stock import installed_version, module_path
from waiting import SOON_S, Failure, wait_until

RATE = 1_000
ARRIVED_S = 60.0
#: Three probes, five seconds apart, and what comes before them.
BACK_S = 60.0

ALL_FAILED = "failover: all log servers failed"
BACK = "failover: back on the primary log server"
CONNECTED = "failover: connected to log server"
FAILED = "failover: log server failed"
PROBE_FAILED = "failover: probe of the primary failed"

VERSION = tuple(int(number) for number in installed_version().split("."))


@pytest.fixture
def journal(lab: Lab) -> Iterator[Journal]:
    with Journal(lab.directory / "journal", RATE) as journal:
        yield journal


def start_client(lab: Lab, journal: Journal, *blocks: str) -> Client:
    """With blocks of the page in conf.d, and the journal in s_src."""
    machine = Machine(lab, "client")
    machine.install(*blocks)
    return lab.start_client(debian_config(journal.source), wrapper=machine.wrapper)


def start_sinks(lab: Lab, *names: str) -> list[Sink]:
    return [lab.sink(name).start() for name in names]


def wait_at(server: StoringServer | Sink, messages: int = RATE // 2) -> None:
    enough = server.received() + messages
    wait_until(lambda: server.received() >= enough, ARRIVED_S, f"{messages} messages at {server}")


def finish(client: Client, journal: Journal, servers: list[StoringServer] | list[Sink]) -> None:
    """Nothing is lost, and nothing waits any more."""
    sent = journal.stop()
    count = lambda: tally((Delivery(str(server), it) for server in servers for it in server.connections()), sent)
    try:
        wait_until(lambda: not count().lost, ARRIVED_S, "all messages")
    except Failure as late:
        raise Failure(f"{late} {count()}") from None
    wait_until(lambda: client.counters("dst")["queued"] == 0, ARRIVED_S, "an empty queue")
    counted = count()
    print(counted)
    assert not counted.torn


# The page


def test_every_block_is_tested() -> None:
    assert set(page_blocks()) == used_blocks([Path(__file__)])


#: What belongs into conf.d, and the syslog-ng that it is for has.
CONFIGS = [name for name in page_blocks() if name.endswith(".conf") and (name != "balance.conf" or VERSION >= (4, 11))]


@pytest.mark.parametrize("block", CONFIGS)
def test_is_valid_beside_debians_whole_configuration(lab: Lab, authority: CertificateAuthority, block: str) -> None:
    machine = Machine(lab, "client")
    machine.install_certificates(authority)
    machine.install(block)
    machine.install("share.sh", folder=ETC)
    lab.client_host.run(*machine.wrapper, "syslog-ng", "--syntax-only", "--no-caps", module_path(MODULE_DIR.resolve()))


# 1. A forwarder with TLS and a disk buffer


def start_tls_servers(lab: Lab, authority: CertificateAuthority) -> list[StoringServer]:
    servers = []
    for name in ("logs1.example.com", "logs2.example.com"):
        machine = Machine(lab, name)
        machine.install("receive-tls.conf")
        machine.install_certificates(authority)
        servers.append(StoringServer(lab, machine, 6514, Path("/var/log/forwarded.log")))
        servers[-1].start()
    return servers


def test_forwarder_with_tls_and_a_disk_buffer(lab: Lab, authority: CertificateAuthority, journal: Journal) -> None:
    """The primary is killed, then the other hangs and dies with the forwarder itself; then all are back."""
    logs1, logs2 = servers = start_tls_servers(lab, authority)
    machine = Machine(lab, "client")
    machine.install("forward-tls.conf")
    machine.install_certificates(authority)
    client = lab.start_client(debian_config(journal.source), wrapper=machine.wrapper)
    wait_at(logs1)
    logs1.kill()
    client.wait_for(CONNECTED, server="logs2.example.com:6514", reason="rotation")
    wait_at(logs2)
    logs2.freeze()
    unread = journal.last + RATE
    wait_until(lambda: journal.last > unread, SOON_S, "messages that no server reads")
    client.kill()
    logs2.kill()
    client.start()
    logs2.start()
    wait_at(logs2)
    logs1.start()
    client.wait_for(BACK, server="logs1.example.com:6514", timeout_s=BACK_S)
    wait_at(logs1)
    finish(client, journal, servers)


def test_log_server_takes_nothing_without_a_certificate(lab: Lab, authority: CertificateAuthority) -> None:
    logs1 = start_tls_servers(lab, authority)[0]
    stranger = lab.client_host
    asked = stranger.run("sh", "-c", "echo '<13>Jan  1 00:00:00 e2e: hello' | timeout 30 openssl s_client -quiet"
                         f" -connect logs1.example.com:6514 -CAfile {authority.certificate} 2>&1 || true")
    assert "alert certificate required" in asked or "alert handshake failure" in asked, asked
    assert not logs1.received()


# 2. Load over several servers

#: The blocks, and where those that are not for conf.d belong.
BALANCERS = [("share.conf", "share.sh")]
if VERSION >= (4, 11):
    BALANCERS.append(("balance.conf",))


@pytest.mark.parametrize("blocks", BALANCERS, ids=lambda it: it[0])
def test_load_over_several_servers(lab: Lab, journal: Journal, blocks: tuple[str, ...]) -> None:
    """The share of one that dies goes to another, and comes back."""
    logs1, logs2, logs3 = servers = start_sinks(lab, "logs1.example.com", "logs2.example.com", "logs3.example.com")
    machine = Machine(lab, "client")
    machine.install(blocks[0])
    machine.install(*blocks[1:], folder=ETC)
    client = lab.start_client(debian_config(journal.source), wrapper=machine.wrapper)
    for server in servers:
        wait_at(server)
    logs2.kill()
    client.wait_for(CONNECTED, destination="d_logs#1", server="logs1.example.com:514", reason="rotation")
    wait_at(logs1)
    assert len(client.lines(FAILED)) == 1, "the others stay where they are"
    logs2.start()
    client.wait_for(BACK, destination="d_logs#1", server="logs2.example.com:514", timeout_s=BACK_S)
    wait_at(logs2)
    finish(client, journal, servers)


def test_servers_get_messages_in_turn(lab: Lab, journal: Journal) -> None:
    servers = start_sinks(lab, "logs1.example.com", "logs2.example.com", "logs3.example.com")
    machine = Machine(lab, "client")
    machine.install("share.conf")
    machine.install("share.sh", folder=ETC)
    client = lab.start_client(debian_config(journal.source), wrapper=machine.wrapper)
    for server in servers:
        wait_at(server)
    finish(client, journal, servers)
    # what syslog-ng says of itself has numbers, too
    counts = [server.received() for server in servers]
    assert max(counts) - min(counts) < 100, counts


# 3. Two sites


def test_two_sites(lab: Lab, journal: Journal) -> None:
    """There when both here are dead, not back when the other one here is well, unless by hand; and back when the primary is."""
    here1, here2, there1, _ = servers = start_sinks(lab, *(f"{site}{n}.example.com" for site in ("here", "there") for n in (1, 2)))
    client = start_client(lab, journal, "sites.conf")
    wait_at(here1)
    here1.kill()
    wait_at(here2)
    here2.kill()
    wait_at(there1)
    here2.start()
    connections = len(client.lines(CONNECTED))
    client.wait_for(PROBE_FAILED, count=len(client.lines(PROBE_FAILED)) + 1)
    wait_at(there1)
    assert len(client.lines(CONNECTED)) == connections, "there until the primary is back"
    switched = client.failoverctl("switch", "d_logs", "here2.example.com")
    assert switched.returncode == 0, switched.stderr
    wait_at(here2)
    here1.start()
    client.wait_for(BACK, server="here1.example.com:514", timeout_s=BACK_S)
    wait_at(here1)
    finish(client, journal, servers)

# 4. Every message stored once


def test_every_message_is_stored_once(lab: Lab, journal: Journal) -> None:
    """After ten kills of log servers and a restart of the sender; and what is no UTF-8 does not hold anything up."""
    database = Database(lab, "db.example.com")
    database.start()
    database.run(page_blocks()["messages.sql"])
    servers = {}
    for name in ("logs1.example.com", "logs2.example.com"):
        machine = Machine(lab, name)
        machine.install("receive-once.conf")
        servers[f"{name}:601"] = LogServer(lab, machine, 601)
        servers[f"{name}:601"].start()
    client = start_client(lab, journal, "forward-once.conf")
    with journal.path.open("ab", buffering=0) as file:
        file.write(b"<13>Jan  1 00:00:00 host e2e: broken \xff\n")

    stored = lambda: int(database.ask("SELECT count(*) FROM messages")[0])
    for connection in range(1, 12):
        in_use = servers[client.wait_for(CONNECTED, count=connection, timeout_s=ARRIVED_S).tags["server"]]
        enough = stored() + RATE // 2
        wait_until(lambda: stored() >= enough, ARRIVED_S, f"more messages from {in_use}", poll_s=0.1)
        if connection == 6:
            in_use.freeze()
            client.restart()
        in_use.kill()
        in_use.start()
    sent = journal.stop()
    wait_until(lambda: stored() >= sent + 1, ARRIVED_S, f"{sent} messages in the database", poll_s=0.1)
    numbers = database.ask("SELECT substring(message from 'seq=([0-9]+)')::int FROM messages WHERE message LIKE 'seq=%' ORDER BY 1")
    sent_again = sum(int(line.tags["to_resend"]) for line in client.lines(FAILED))
    print(f"MEASURED {sent} sent, {sent_again} sent again, {stored()} stored")
    assert sent_again > sent // 10
    assert list(map(int, numbers)) == list(range(1, sent + 1))
    assert len(database.ask("SELECT 1 FROM messages WHERE message LIKE 'broken%'")) == 1


# 5. Behind load balancers


def test_behind_load_balancers(lab: Lab, journal: Journal) -> None:
    """A server behind the one in use dies, later a load balancer. The other one may not have noticed the first death yet, and
    pass on to the same server; then the list begins anew."""
    servers = start_sinks(lab, "logs1.example.com", "logs2.example.com")
    balancers = []
    for name in ("lb1.example.com", "lb2.example.com"):
        machine = Machine(lab, name)
        machine.install("haproxy.cfg", folder=Path("/etc/haproxy"))
        balancers.append(Service(lab, machine, 514, find_program("haproxy", "haproxy"), "-db", "-f", "/etc/haproxy/haproxy.cfg"))
        balancers[-1].start()
    client = start_client(lab, journal, "balanced.conf")
    in_use = lambda: next((server for server in servers if server.received()), None)
    served = wait_until(in_use, ARRIVED_S, "the first messages")
    wait_at(served)
    served.kill()
    client.wait_for(CONNECTED, server="lb2.example.com:514", reason="rotation")
    (left,) = (server for server in servers if server is not served)
    wait_at(left)
    served.start()
    back = lambda: (client.lines(BACK, server="lb1.example.com:514")
                    or client.lines(ALL_FAILED) and client.lines(CONNECTED, server="lb1.example.com:514", reason="rotation"))
    wait_until(back, BACK_S, "lb1 in use again")
    over_second = len(client.lines(CONNECTED, server="lb2.example.com:514"))
    balancers[0].kill()
    client.wait_for(CONNECTED, count=over_second + 1, server="lb2.example.com:514", reason="rotation")
    finish(client, journal, servers)


# 6. Containers


@pytest.mark.parametrize("block, change", [
    ("daemonset.yaml", ("set", "image", "forwarder=other", "own-state=other")),
    ("configmap.yaml", ("annotate", "other=other")),
])
def test_kubernetes_knows_every_field(tmp_path: Path, block: str, change: tuple[str, ...]) -> None:
    """kubectl drops what it does not know; there is no cluster to ask."""
    file = tmp_path / block
    file.write_text(page_blocks()[block])
    verb = 2 if change[0] == "set" else 1
    argv = [find_program("kubectl", "kubernetes-client"), *change[:verb], "--local", "-f", str(file), *change[verb:], "-o", "yaml"]
    changed = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "KUBECONFIG": ""})
    assert changed.returncode == 0, changed.stderr
    assert missing(yaml.safe_load(page_blocks()[block]), yaml.safe_load(changed.stdout)) == []


def missing(wanted: object, there: object, path: str = "") -> list[str]:
    """What of the one is not in the other; only images may differ."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        return [it for key, value in wanted.items() for it in missing(value, there.get(key), f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        return [it for n, value in enumerate(wanted) for it in missing(value, there[n], f"{path}[{n}]")]
    return [] if wanted == there or path.endswith(".image") else [path]


def test_forwarder_in_a_pod(lab: Lab) -> None:
    """What it had taken while no server worked is sent by the next pod."""
    machine = Machine(lab, "client")
    (config,) = yaml.safe_load(page_blocks()["configmap.yaml"])["data"].values()
    client = lab.start_client(config, wrapper=machine.wrapper)
    file = lab.directory / "messages"
    file.write_bytes(WITH_HOST.lines(1, 1001))
    lab.client_host.run("bash", "-c", f"cat {file} > /dev/tcp/127.0.0.1/1514")
    queue = QueueFile(machine.place(Path("/var/lib/syslog-ng")))
    wait_until(lambda: queue.length >= 1000, SOON_S, "messages that wait")
    client.kill()
    client.start()
    logs1, logs2 = (lab.sink(name) for name in ("logs1.example.com", "logs2.example.com"))
    logs2.start()
    wait_until(lambda: set(range(1, 1001)) <= {n for it in logs2.connections() for n in it.numbers}, SOON_S, "all messages")
    logs1.start()
    client.wait_for(BACK, timeout_s=BACK_S)


# 7. Destinations of syslog-ng's library

#: By port, what a message looks like there.
LIBRARY = {
    5141: b'"MESSAGE":"seq=%d ',
    5142: b'"MESSAGE":"seq=%d ',
    12201: b'"short_message":"seq=%d ',
    5143: b'[TOKEN@41058 tag="tag"] seq=%d ',
    10514: b"TOKEN <13>1 ",
    2003: b"metrics.seq %d ",
}


def test_destinations_of_the_library(lab: Lab) -> None:
    """A message through each, and after the death of the server one through each to the next."""
    first, second = Machine(lab, "logs1.example.com"), Machine(lab, "logs2.example.com")
    servers = []
    for machine in (first, second):
        for port in LIBRARY:
            servers.append(Service(lab, machine, port, *log_server(port, record=lab.directory / f"{machine.host.name}-{port}")))
            servers[-1].start()

    def wait_for(machine: Machine, number: int) -> None:
        for port, text in LIBRARY.items():
            wanted = text % number if b"%d" in text else b"seq=%d " % number
            files = lambda: lab.directory.glob(f"{machine.host.name}-{port}-*.received")
            wait_until(lambda: any(wanted in file.read_bytes() for file in files()), SOON_S, f"{wanted!r} at {machine.host.name}")

    machine = Machine(lab, "client")
    machine.install("library.conf")
    lab.start_client(debian_config(), wrapper=machine.wrapper)
    lab.sender.send(1)
    wait_for(first, 1)
    for server in servers:
        if server.host is first.host:
            server.kill()
    lab.sender.send(1)
    wait_for(second, 2)
