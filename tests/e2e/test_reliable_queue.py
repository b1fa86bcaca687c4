# SPDX-License-Identifier: GPL-2.0-or-later
"""disk-buffer(reliable(yes)): what no log server has confirmed stays in its file, so that nothing is lost when syslog-ng itself
dies, however it does."""

import os
import random
import time
from collections.abc import Iterator

import pytest

from harness.client import Client
from harness.journal import Journal, QueueFile, with_host
from harness.lab import Lab
from harness.receiver import Receiver
from harness.sink import PORT, Pace, Sink
from harness.stock_server import StockServer
from harness.syslog_ng import configuration, destination
from harness.valgrind import errors_of_ours, valgrind
from log_servers import Program, syslog_ng
from messages import PARSED, Messages, parsed
from records import Delivery, Tally, tally
from waiting import SOON_S, wait_until

ARRIVED_S = 40.0
RATE = int(os.environ.get("FAILOVER_RATE", "10000"))
#: How often something is killed, in all tests of that together.
ROUNDS = int(os.environ.get("FAILOVER_ROUNDS", "100"))

CONNECTED = "failover: connected to log server"
DROPPED = "failover: reload dropped messages that no log server has confirmed"
SHORT = "failover: too little room in the disk-buffer, messages leave it before a log server confirmed them"
UNCONFIRMED = "failover: stopped before a log server confirmed the last messages, they may be lost"


class Station:
    """A client that follows a growing file and keeps what it has read in a reliable queue, and two log servers."""

    def __init__(self, lab: Lab, rate: int = RATE, messages: Messages = PARSED, primary: Pace | Program = Pace()) -> None:
        self.lab = lab
        self.journal = Journal(lab.directory / "journal", rate, with_host(messages))
        self.servers = self.primary, self.second = lab.sink("primary", kind=primary), lab.sink("second")
        for server in self.servers:
            server.messages = messages
        self.queue = QueueFile(lab.directory)

    def config(self, failover: str = "", *, size: int = 1 << 28, mem_buf: int = 1 << 20, driver: str = "network",
               options: str = "threaded(yes)", other: str = "") -> str:
        buffer = f'disk-buffer(reliable(yes) disk-buf-size({size}) mem-buf-size({mem_buf}) dir("{self.lab.directory}"))'
        failover = failover if "failover" in failover else f'failover(servers("second") switch-delay(0) {failover})'
        remote = f'{driver}("primary" port({PORT}) transport("tcp") {buffer} {other} {failover})'
        return configuration(destination("d_remote", remote), source=self.journal.source, flow_control=True,
                             options=f"time-reopen(1); stats-level(1); {options}")

    def begin(self, config: str | None = None) -> None:
        for server in self.servers:
            server.start()
        self.lab.start_client(config or self.config())

    @property
    def client(self) -> Client:
        return self.lab.client

    def wait_at(self, server: Sink, messages: int = RATE // 4) -> None:
        enough = server.received() + messages
        wait_until(lambda: server.received() >= enough, ARRIVED_S, f"{messages} messages at {server}")

    def tally(self, sent: int) -> Tally:
        return tally((Delivery(str(server), connection) for server in self.servers for connection in server.connections()), sent)

    def finish(self) -> Tally:
        """Everything must arrive, and leave the queue then."""
        sent = self.journal.stop()
        arrived = lambda: sum(server.received() for server in self.servers) >= sent and not self.tally(sent).lost
        try:
            wait_until(arrived, ARRIVED_S, "all messages")
        finally:
            print(self.tally(sent), f"queue: {self.queue.length} and {self.queue.backlog}")
        wait_until(lambda: (self.queue.length, self.queue.backlog) == (0, 0), ARRIVED_S, "an empty queue")
        self.client.stop()
        result = self.tally(sent)
        print(f"MEASURED {result.sent} sent, {result.doubled} doubled")
        assert (result.lost, self._torn()) == (0, []), result
        return result

    def _torn(self) -> list[bytes]:
        """A stock server stores what the end of a connection has cut off as a message."""
        ours = [server for server in self.servers if not isinstance(server, StockServer)]
        return [text for server in ours for connection in server.connections() for text in connection.torn]


@pytest.fixture
def station(lab: Lab) -> Iterator[Station]:
    station = Station(lab)
    with station.journal:
        yield station


# One death


def test_killed_after_its_server_froze(station: Station) -> None:
    station.begin()
    station.wait_at(station.primary)
    station.primary.freeze()
    time.sleep(0.5)  # so that more is on its way than one server has read
    station.client.kill()
    station.primary.kill()
    station.client.start()
    station.wait_at(station.second)
    station.finish()


@pytest.mark.parametrize("driver", ["network", "syslog"])
def test_messages_larger_than_the_resend_buffer(lab: Lab, driver: str) -> None:
    """Each has the buffer to itself, and no grace: a server gets nothing more, has read what it got, and dies then."""

    def cut_off_and_kill(server: Sink) -> None:
        server.host.vanish()
        wait_until(lambda: server.unread_bytes() == 0, SOON_S, f"{server} has read everything")
        server.kill()

    station = Station(lab, 100, parsed(70_000))
    with station.journal:
        station.begin(station.config("resend-buffer-size(64KiB)", driver=driver, options="threaded(yes); log-msg-size(100000)"))
        station.wait_at(station.primary, 100)
        cut_off_and_kill(station.primary)
        station.client.kill()
        station.primary.host.appear()
        station.client.start()
        station.wait_at(station.second, 100)
        station.primary.start()
        cut_off_and_kill(station.second)
        station.second.host.appear()
        station.wait_at(station.primary, 100)
        station.finish()


@pytest.mark.parametrize("death", ["kill", "stop"])
def test_dies_while_all_servers_are_down(station: Station, death: str) -> None:
    """As in issue 5714 of syslog-ng."""
    station.begin()
    station.wait_at(station.primary)
    for server in station.servers:
        server.kill()
    wait_until(lambda: station.queue.length > RATE, ARRIVED_S, "messages that wait")
    getattr(station.client, death)()
    assert not station.client.lines(UNCONFIRMED), "nothing is lost, and so it says"
    station.client.start()
    for server in station.servers:
        server.start()
    station.finish()


def test_a_stop_with_a_healthy_server_doubles_nothing(station: Station) -> None:
    station.begin()
    for _ in range(3):
        station.wait_at(station.primary)
        station.client.restart()
    assert not station.client.lines(UNCONFIRMED)
    assert station.finish().doubled == 0


# Reloads


#: What keeps a configuration from starting, once the destination before it has.
CLASH = 'udp("127.0.0.1" persist-name("x")); udp("127.0.0.1" persist-name("x"))'


@pytest.mark.parametrize("wire", ["network", "syslog"])
def test_a_reload_doubles_nothing(station: Station, wire: str) -> None:
    """What is on its way is neither taken out of the queue again nor acknowledged twice."""
    config = station.config(driver=wire)
    station.begin(config)
    for _ in range(4):
        station.wait_at(station.primary)
        station.client.reload(config)
    station.wait_at(station.primary)
    station.client.reload_broken(config + "destination {{\n")
    station.wait_at(station.primary)
    assert station.finish().doubled == 0
    assert not station.client.lines(DROPPED)


def test_a_configuration_that_is_refused_at_init(station: Station) -> None:
    """The queue was released to it, and comes back."""
    config = station.config()
    station.begin(config)
    station.wait_at(station.primary)
    station.primary.freeze()
    time.sleep(0.3)
    station.client.reload_broken(config.replace(";\n};\n", f";\n{CLASH};\n}};\n"))
    station.client.configure(config)
    time.sleep(0.2)
    station.client.kill()
    station.primary.kill()
    station.client.start()
    station.wait_at(station.second)
    station.finish()


def test_killed_after_reloads(station: Station) -> None:
    station.begin()
    for _ in range(3):
        station.wait_at(station.primary)
        station.client.reload(station.config())
    station.primary.freeze()
    time.sleep(0.3)
    station.client.kill()
    station.primary.kill()
    station.client.start()
    station.wait_at(station.second)
    station.finish()


@pytest.mark.parametrize("after", ['failover(servers("second") switch-delay(0) resend(no))', "keep-alive(yes)"],
                         ids=["resend-off", "failover-off"])
def test_what_another_configuration_does_not_keep_is_in_the_queue(station: Station, after: str) -> None:
    station.begin()
    station.wait_at(station.primary)
    station.primary.freeze()
    time.sleep(0.3)
    if "failover" in after:
        station.client.reload(station.config(after))
    else:
        station.client.reload(station.config().replace('failover(servers("second") switch-delay(0) )', after))
    station.primary.kill()
    station.primary.start()
    station.finish()
    assert not station.client.lines(DROPPED)


def test_a_drain_that_outlives_its_configuration(station: Station) -> None:
    """The connection to the primary is left for the second's, and is not read; then the connection is another, too."""
    config = station.config()
    station.begin(config)
    station.wait_at(station.primary)
    station.primary.freeze()
    time.sleep(0.2)
    for driver in ("syslog", "network"):
        station.client.reload(station.config(driver=driver))
        time.sleep(0.2)
    station.primary.thaw()
    station.wait_at(station.primary)
    station.finish()


# Little room


def test_too_small_a_file_is_acknowledged_at_acceptance(station: Station) -> None:
    """As large as what syslog-ng keeps free of it."""
    station.begin(station.config(size=1 << 24, mem_buf=1 << 24))
    station.wait_at(station.primary)
    assert station.queue.backlog < RATE // 10
    station.client.wait_for(SHORT, timeout_s=ARRIVED_S)
    station.finish()
    assert len(station.client.lines(SHORT, destination="d_remote#0")) == 1


def test_a_full_file(station: Station) -> None:
    """What is on its way takes no room from what waits, and with flow-control nothing is dropped."""
    station.begin(station.config(size=1 << 23, mem_buf=1 << 22))
    station.wait_at(station.primary)
    for server in station.servers:
        server.freeze()
    station.client.wait_for(SHORT, timeout_s=ARRIVED_S)
    wait_until(lambda: station.queue.length > RATE, ARRIVED_S, "messages that wait")
    assert station.queue.backlog == 0
    for server in station.servers:
        server.thaw()
    station.finish()
    assert not station.client.lines("Destination reliable queue full, dropping message")


def test_a_small_resend_buffer(station: Station) -> None:
    """It cuts the grace of servers short; the file holds more than it."""
    station.begin(station.config("resend-buffer-size(65536)"))
    station.wait_at(station.primary)
    for _ in range(3):
        station.client.kill()
        station.client.start()
        station.wait_at(station.primary)
    station.finish()


def throttled(lab: Lab, throttle: int, *, reliable: str = "yes", threaded: str = "yes") -> str:
    buffer = f'disk-buffer(reliable({reliable}) disk-buf-size({1 << 28}) mem-buf-size({1 << 20}) dir("{lab.directory}"))'
    return lab.config(f'network("primary" port(514) {buffer} throttle({throttle})'
                      ' failover(servers("second") switch-delay(0) resend-grace(60)))',
                      options=f"time-reopen(1); threaded({threaded})")


def switch_with_200_to_send_again(lab: Lab, throttle: int, **others: str) -> tuple[Client, Receiver]:
    """From a reload with that throttle() on; return the client, and the server in use."""
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(throttled(lab, 1000, **others))
    lab.deliver_to(primary)
    lab.sender.send(200)
    wait_until(lambda: len(primary.numbers()) >= 200, SOON_S, "all messages at the primary")
    client.reload(throttled(lab, throttle, **others))
    primary.kill()
    lab.wait_in_use(second)
    return client, second


@pytest.mark.parametrize("threaded", ["yes", "no"])
def test_what_waits_for_throttle_uses_no_processor(lab: Lab, threaded: str) -> None:
    """What is sent again goes out at 10 a second, and the queue has more for the time after it."""
    client, second = switch_with_200_to_send_again(lab, 10, threaded=threaded)
    lab.sender.send(10)
    cpu_s, since, before = client.cpu_s(), time.monotonic(), len(second.numbers())
    wait_until(lambda: len(second.numbers()) >= before + 30, SOON_S, "30 messages that are sent again")
    assert client.cpu_s() - cpu_s < (time.monotonic() - since) / 10


@pytest.mark.parametrize("reliable", ["yes", "no"])
def test_a_reload_without_throttle_lets_what_waits_for_it_go(lab: Lab, reliable: str) -> None:
    """It would keep a processor busy: the LogWriter does not wait for it any more."""
    client, second = switch_with_200_to_send_again(lab, 1, reliable=reliable)
    sent = set(lab.sender.send(10))
    assert len(second.numbers()) < 100
    client.reload(throttled(lab, 0, reliable=reliable))
    wait_until(lambda: sent <= set(second.numbers()), SOON_S, "all messages at the second")
    assert second.accepted() == 1, "the connection was kept"


def test_full_sockets_under_valgrind(lab: Lab) -> None:
    """What the LogProto does not take is written on from a copy, and the LogWriter has let go of its text."""
    report = lab.directory / "valgrind.xml"
    station = Station(lab, rate=2000, primary=Pace(read_bytes=4096, pause_ms=20))
    station.primary.start()
    with station.journal:
        config = station.config(driver="syslog", other="so-sndbuf(4096)")
        lab.start_client(config, wrapper=valgrind(report))
        station.wait_at(station.primary, 1000)
        station.finish()
    assert errors_of_ours(report) == []


# What the count of messages must survive


def test_messages_that_render_empty(station: Station) -> None:
    """They are taken out of the queue and never sent: all with a number that ends in 5."""
    empty = """template("$(if match('seq=[0-9]*5 ' value('MSG')) '' '<13>Jan  1 00:00:00 host e2e: ${MSG}\\n')")"""
    station.begin(station.config(other=empty))
    station.wait_at(station.primary)
    station.primary.freeze()
    time.sleep(0.3)
    station.client.kill()
    station.primary.kill()
    station.client.start()
    station.wait_at(station.second)
    sent = station.journal.stop()
    wait_until(lambda: station.tally(sent).lost == sent // 10, ARRIVED_S, "all messages but those")
    wait_until(lambda: station.queue.backlog < 2, ARRIVED_S, "an empty queue, but for what came after the last message")


def test_a_file_that_cannot_be_read(station: Station) -> None:
    """What is in it is lost to syslog-ng; what comes after that is not, and nothing of it is acknowledged for the old ones."""
    station.begin()
    station.wait_at(station.primary)
    for server in station.servers:
        server.freeze()
    wait_until(lambda: station.queue.length > RATE, ARRIVED_S, "messages that wait")
    station.queue.spoil()
    for server in station.servers:
        server.thaw()
    wait_until(lambda: list(station.lab.directory.glob("*.rqf.corrupted*")), ARRIVED_S, "a new file")
    first = station.journal.last + 1
    station.wait_at(station.primary)
    station.primary.freeze()
    time.sleep(0.3)
    station.client.kill()
    station.primary.kill()
    station.client.start()
    station.wait_at(station.second)
    sent = station.journal.stop()
    after = lambda: {number for server in station.servers for connection in server.connections() for number in connection.numbers}
    wait_until(lambda: set(range(first, sent + 1)) <= after(), ARRIVED_S, "all messages of the new file")
    wait_until(lambda: (station.queue.length, station.queue.backlog) == (0, 0), ARRIVED_S, "an empty queue")


# Many deaths


class Fate:
    """Something dies at a random moment, again and again."""

    def __init__(self, station: Station, seed: int) -> None:
        self._station = station
        self._random = random.Random(seed)

    def strike(self) -> None:
        time.sleep(self._random.uniform(0, 0.5))
        self._random.choice([self._client_killed, self._client_killed, self._client_stopped, self._server_killed,
                             self._all_servers_killed, self._server_frozen, self._reload])()

    def _client_killed(self) -> None:
        self._station.client.kill()
        self._station.client.start()

    def _client_stopped(self) -> None:
        self._station.client.restart()

    def _reload(self) -> None:
        self._station.client.reload()

    def _server_killed(self) -> None:
        server = self._random.choice(self._station.servers)
        server.kill()
        time.sleep(self._random.uniform(0, 0.3))
        server.start()

    def _all_servers_killed(self) -> None:
        for server in self._station.servers:
            server.kill()
        time.sleep(self._random.uniform(0, 0.3))
        self._random.choice([self._client_killed, self._client_stopped])()
        for server in self._station.servers:
            server.start()

    def _server_frozen(self) -> None:
        server = self._random.choice(self._station.servers)
        server.freeze()
        time.sleep(self._random.uniform(0, 0.6))
        self._client_killed()
        server.kill()
        server.start()


@pytest.mark.parametrize("driver, options, primary", [
    ("network", "threaded(yes)", Pace()), ("syslog", "threaded(yes)", Pace()), ("network", "threaded(no)", Pace()),
    ("network", "threaded(yes)", syslog_ng),
], ids=["network", "syslog", "not threaded", "to a stock syslog-ng"])
def test_random_deaths(lab: Lab, driver: str, options: str, primary: Pace | Program) -> None:
    """Whatever dies and when: nothing is lost."""
    station = Station(lab, RATE // 4, primary=primary)
    seed = int(os.environ.get("FAILOVER_SEED", random.randrange(1_000_000)))
    print(f"FAILOVER_SEED={seed}")
    fate = Fate(station, seed)
    failback = "failback(tcp-probe-interval(0.2) successful-probes-required(1))"
    with station.journal:
        station.begin(station.config(failback, driver=driver, options=options))
        for _ in range(ROUNDS // 4):
            fate.strike()
        station.finish()
