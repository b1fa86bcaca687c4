# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture of README.md: what three log servers store, second by second, while everything dies in turn.

The same story is played with each side; the hosts, servers and faults are those of the end-to-end tests (tests/e2e/harness).
What is drawn can be kept as JSON and drawn again.
"""

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import report
from harness.journal import Journal, QueueFile
from harness.lab import Lab
from harness.sink import PORT, Sink
from harness.syslog_ng import configuration, destination
from records import Delivery, Recorded, tally
from waiting import SOON_S, Failure, wait_until

SIDES = ["own", "module"]
SLOT_S = 0.5
#: On both sides, and what syslog-ng's own failover() does not know.
COMMON = "time-reopen(1)"
FAILBACK = "failback(tcp-probe-interval(1) successful-probes-required(3))"
TIMES = "dead-peer-timeout(2)"
END_S = 74.0
_ARRIVED_S = 120.0
_MOST_LATE_S = 0.5
_NAMES = ["server 1", "server 2", "server 3"]


class Story:
    """A client that follows a growing file and has a reliable disk-buffer, and three log servers."""

    def __init__(self, lab: Lab, side: str, rate: int) -> None:
        self.lab = lab
        self.side = side
        self.journal = Journal(lab.directory / "journal", rate)
        self.servers: list[Sink] = [lab.sink(name).start() for name in ("first", "second", "third")]
        lab.start_client(self._config())
        lab.client.wait_for("Syslog connection established")

    def settle(self) -> int:
        """End the stream, wait until all that can arrive has arrived; return how many messages were sent."""
        sent, queue = self.journal.stop(), QueueFile(self.lab.directory)
        wait_until(lambda: any(sent in connection.numbers[-1:] for connection in self._connections()), _ARRIVED_S,
                   "the last message arrives")
        wait_until(lambda: (queue.length, queue.backlog) == (0, 0), _ARRIVED_S, "an empty queue")
        self.lab.client.stop()
        for server in self.servers:
            wait_until(lambda: not server.is_reading(), SOON_S, f"{server} has read everything")
        return sent

    def _connections(self) -> list[Recorded]:
        return [connection for server in self.servers for connection in server.connections()]

    def _config(self) -> str:
        """The same to the letter, but for the module and its option."""
        module = self.side == "module"
        buffer = (f'disk-buffer(reliable(yes) disk-buf-size({1 << 28}) mem-buf-size({1 << 20})'
                  f' dir("{self.lab.directory}"))')
        failover = f'failover(servers("second", "third") {FAILBACK}{" " + TIMES if module else ""})'
        remote = f'network("first" port({PORT}) transport("tcp") {buffer} {failover})'
        return configuration(destination("d_remote", remote), source=self.journal.source, flow_control=True, module=module,
                             options=f"{COMMON}; stats-level(1); threaded(yes)")


@dataclass(frozen=True)
class Event:
    at_s: float
    label: str
    act: Callable[[Story], object]
    marked: bool = True


#: Each server that dies is killed: the one that hangs, too, for whatever it has not read is stored after all if it goes on.
EVENTS = [
    Event(10, "server 1\nkilled", lambda story: story.servers[0].kill()),
    Event(22, "server 2\nhangs", lambda story: story.servers[1].freeze()),
    Event(38, "server 2\nkilled", lambda story: story.servers[1].kill()),
    Event(49, "server 1\nis back", lambda story: story.servers[0].start()),
    Event(62, "syslog-ng\nkilled", lambda story: story.lab.client.kill()),
    Event(64, "syslog-ng\nstarted again", lambda story: story.lab.client.start(), marked=False),
]


@dataclass(frozen=True)
class PictureRun:
    """One side's. Counts are of each SLOT_S from the first message on."""

    side: str
    sent: int
    lost: int
    doubled: int
    events_s: list[float]  # when each of EVENTS came
    stored: dict[str, list[int]]  # by server, when they arrived; doubles included
    lost_sent: list[int]  # of no server, when they were sent


def _slot(moment: int, begin: int) -> int:
    return int((moment - begin) / 1e9 / SLOT_S)


def _count(story: Story, begin: int, sent: int, events_s: list[float]) -> PictureRun:
    deliveries = [Delivery(name, connection) for name, server in zip(_NAMES, story.servers)
                  for connection in server.connections()]
    books = tally(deliveries, sent)
    if books.torn:
        raise Failure(f"{books.torn} lines are not exactly one message.")
    arrivals = [(delivery.server, _slot(at, begin), lines) for delivery in deliveries for at, lines in delivery.recorded.lines()]
    slots = 1 + max(slot for _, slot, _ in arrivals)
    stored = {name: [0] * slots for name in _NAMES}
    for name, slot, lines in arrivals:
        stored[name][slot] += lines
    lost_sent = [0] * slots
    for number in set(range(1, sent + 1)).difference(*(delivery.recorded.numbers for delivery in deliveries)):
        lost_sent[_slot(story.journal.written_at(number), begin)] += 1
    return PictureRun(story.side, sent, books.lost, books.doubled, events_s, stored, lost_sent)


def _wait(until: float) -> None:
    time.sleep(max(0.0, until - time.monotonic()))
    late_s = time.monotonic() - until
    if late_s > _MOST_LATE_S:
        raise Failure(f"An event comes {late_s:.1f} s late: the machine is too busy for a picture.")


def _play(lab: Lab, side: str, rate: int) -> PictureRun:
    story, events_s = Story(lab, side, rate), []
    with story.journal:
        begin = time.monotonic()
        for event in EVENTS:
            _wait(begin + event.at_s)
            events_s.append(round(time.monotonic() - begin, 3))
            event.act(story)
        _wait(begin + END_S)
        sent = story.settle()
    return _count(story, int(begin * 1e9), sent, events_s)


def play(side: str, rate: int, module_dir: Path) -> PictureRun:
    """The story with one side."""
    with Lab(module_dir) as lab:
        try:
            return _play(lab, side, rate)
        except (AssertionError, Failure) as error:
            raise Failure(f"{side}: {error}\n{lab.story()}") from error


@dataclass(frozen=True)
class Picture:
    """All that is drawn."""

    rate: int
    slot_s: float
    labels: list[str]  # of each event; nothing: not marked
    environment: dict[str, Any]
    runs: list[PictureRun]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self)) + "\n")


def play_all(rate: int, module_dir: Path, progress: Callable[[str], None]) -> Picture:
    runs = []
    for side in SIDES:
        progress(f"{side}: {END_S:g} s")
        runs.append(play(side, rate, module_dir))
    progress("")
    return Picture(rate, SLOT_S, [event.label if event.marked else "" for event in EVENTS], report.environment(), runs)


def read(path: Path) -> Picture:
    """One that was written."""
    document = json.loads(path.read_text())
    return Picture(**document | {"runs": [PictureRun(**run) for run in document["runs"]]})


def table(picture: Picture) -> str:
    rows = [["", "sent", "lost", "doubled", *_NAMES]]
    for run in picture.runs:
        figures = [run.sent, run.lost, run.doubled, *(sum(counts) for counts in run.stored.values())]
        rows.append([run.side, *map(str, figures)])
    return report.table(rows)
