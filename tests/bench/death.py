# SPDX-License-Identifier: GPL-2.0-or-later
"""Time until a death is noticed, for servers that die in worse ways than by refusing.

The hosts, servers and faults are those of the end-to-end tests (tests/e2e/harness).
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import report
from certificates import CertificateAuthority
from harness.faults import FLAWS, OWN_NETWORK, first_arrival, flawed_certificate
from harness.flow import TCP, TLS, Flow, Wire
from harness.lab import Lab
from harness.sink import Pace, Sink
from sides import title
from waiting import Failure

SIDES = ["module", "own"]
#: What syslog-ng's own failover() does not know.
TIMES = "switch-delay(0) connect-timeout(2) dead-peer-timeout(2)"
_FAILBACK = "failback(tcp-probe-interval(1) successful-probes-required(3))"
_SLOW = Pace(read_bytes=1 << 12, pause_ms=62.5)
_IDLE_RATE = 1
_WARM_S = 3
_PAUSE_S = 0.5  # without an arrival for so long there is no working connection
_POLL_S = 0.05
_LOG_LINES = 40
_BOTH = (TCP, TLS)


class Cancelled(Exception):
    """Another run has failed, or the whole benchmark was interrupted."""


@dataclass(frozen=True)
class Limits:
    """Of one run."""

    cut_s: float  # until a death must be noticed
    watch_s: float  # for what must not happen
    rate: int  # messages a second, under load


@dataclass(frozen=True)
class DeathRun:
    """One run of one side."""

    fault: str
    wire: str
    side: str
    took_s: float | None = None  # from the fault to the first message at the next server; None: none while it was watched
    connections: int = 0  # with messages, at the next server
    paused_s: float = 0  # without a working connection
    lost: int | None = None  # None: not counted


def _name(wire: Wire) -> str:
    return "TLS" if wire.tls else "TCP"


class Scene:
    """A client and three servers, on hosts of their own, for one run."""

    def __init__(self, lab: Lab, fault: str, wire: Wire, side: str, limits: Limits, cancelled: threading.Event) -> None:
        self.fault = fault
        self.limits = limits
        self._lab = lab
        self._wire = wire
        self._side = side
        self._cancelled = cancelled
        self._authority, self._strangers = (self._make_authority(name) for name in ("authority", "strangers"))
        self.flow = Flow(lab, self._authority)

    def add_servers(self, pace: Pace = Pace()) -> None:
        """Not started."""
        self.flow.add_servers(self._wire, primary=pace)

    def start_servers(self, pace: Pace = Pace()) -> None:
        self.add_servers(pace)
        for server in self.flow.servers:
            server.start()

    def begin(self, *, rate: int | None = None, failback: str = "") -> None:
        """Start the client and the stream."""
        more = f"{failback} {TIMES}" if self._side == "module" else failback
        self.flow.begin(self.flow.config(more, module=self._side == "module"), rate=rate or self.limits.rate)

    def spoil(self, flaw: str) -> None:
        """From its next start on, the primary shows a flawed certificate; silent: it speaks no TLS."""
        self.flow.primary.certificate = None if flaw == "silent" else flawed_certificate(
            flaw, "primary", self._authority, self._strangers, self._lab.directory)

    def wait(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Whether it became true within the limit."""
        deadline = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() >= deadline:
                return False
            if self._cancelled.wait(_POLL_S):
                raise Cancelled
        return True

    def until_next(self, fault_at: float, limit_s: float) -> DeathRun:
        """Until a message is at another server than the primary."""
        others = self.flow.servers[1:]
        if not self.wait(lambda: any(server.received() for server in others), limit_s):
            return self.run()
        return self.run(took_s=min(first_arrival(server) for server in others if server.received()) - fault_at)

    def run(self, **figures: float | None) -> DeathRun:
        return DeathRun(self.fault, _name(self._wire), self._side, **figures)

    def story(self) -> str:
        """The end of the client's log."""
        log = "\n".join(client.log_text() for client in self._lab.clients)
        return "\n".join(log.splitlines()[-_LOG_LINES:])

    def _make_authority(self, name: str) -> CertificateAuthority:
        directory = self._lab.directory / name
        directory.mkdir()
        return CertificateAuthority(directory)


# The faults: each is given a scene, lets it happen there and measures what comes of it.


def _in_use(scene: Scene, fault: Callable[[Sink], None], rate: int) -> DeathRun:
    """The primary has a fault while messages arrive there."""
    scene.start_servers()
    scene.begin(rate=rate)
    return _has_fault(scene, fault, rate)


def _has_fault(scene: Scene, fault: Callable[[Sink], None], rate: int) -> DeathRun:
    # so long that it is known to keep up
    scene.flow.wait_at(scene.flow.primary, _WARM_S * rate)
    fault_at = time.monotonic()
    fault(scene.flow.primary)
    return scene.until_next(fault_at, scene.limits.cut_s)


def _dropped_under_load(scene: Scene) -> DeathRun:
    return _in_use(scene, lambda primary: primary.host.vanish(), scene.limits.rate)


def _dropped_while_idle(scene: Scene) -> DeathRun:
    return _in_use(scene, lambda primary: primary.host.vanish(), _IDLE_RATE)


def _frozen(scene: Scene) -> DeathRun:
    return _in_use(scene, Sink.freeze, scene.limits.rate)


def _own_network(fault: str) -> Callable[[Scene], DeathRun]:
    """The other servers are reached another way."""

    def measure(scene: Scene) -> DeathRun:
        own = scene.flow.client_host
        scene.add_servers()
        own.add_second_link(*(server.host for server in scene.flow.servers[1:]))
        for server in scene.flow.servers:
            server.start()
        scene.begin()
        return _has_fault(scene, lambda primary: OWN_NETWORK[fault](own, primary.host), scene.limits.rate)

    return measure


def _from_the_start(scene: Scene) -> DeathRun:
    """The client's own start counts, too."""
    fault_at = time.monotonic()
    scene.begin()
    return scene.until_next(fault_at, scene.limits.cut_s)


def _dropped_from_the_start(scene: Scene) -> DeathRun:
    scene.start_servers()
    scene.flow.primary.host.vanish()
    return _from_the_start(scene)


def _bad_tls_from_the_start(flaw: str) -> Callable[[Scene], DeathRun]:
    def measure(scene: Scene) -> DeathRun:
        scene.add_servers()
        scene.spoil(flaw)
        for server in scene.flow.servers:
            server.start()
        return _from_the_start(scene)

    return measure


def _slow(scene: Scene) -> DeathRun:
    """The primary is not to be given up."""
    scene.start_servers(_SLOW)
    scene.begin()
    scene.flow.wait_unread(scene.flow.primary)
    return scene.until_next(time.monotonic(), scene.limits.watch_s)


def _pauses_s(flow: Flow, begin: float, end: float) -> float:
    """The time in between without an arrival at any server, but for short gaps."""
    times = (at / 1e9 for server in flow.servers for connection in server.connections() for at in connection.times())
    moments = [begin, *sorted(at for at in times if begin < at < end), end]
    return sum(gap for gap in (later - earlier for earlier, later in zip(moments, moments[1:])) if gap > _PAUSE_S)


def _tls_breaks(flaw: str) -> Callable[[Scene], DeathRun]:
    """The primary comes back with TCP that works and TLS that does not, while another server is in use."""

    def measure(scene: Scene) -> DeathRun:
        flow = scene.flow
        scene.start_servers()
        scene.begin(failback=_FAILBACK)
        flow.wait_at(flow.primary, scene.limits.rate // 2)
        flow.primary.kill()
        flow.wait_at(flow.second, scene.limits.rate // 2)
        scene.spoil(flaw)
        flow.primary.start()
        begin = time.monotonic()
        scene.wait(lambda: False, scene.limits.watch_s)
        end = time.monotonic()
        flow.primary.kill()
        tally = flow.finish_with_losses()
        connections = sum(bool(connection.numbers) for connection in flow.second.connections())
        return scene.run(connections=connections, paused_s=_pauses_s(flow, begin, end), lost=tally.lost)

    return measure


# What is said of the runs of one fault, one wire and one side


def _noticed(runs: list[DeathRun], limits: Limits) -> str:
    times = [run.took_s for run in runs if run.took_s is not None]
    if len(times) < len(runs):
        return f"not within {limits.cut_s:g}" + (f" in {len(runs) - len(times)} of {len(runs)}" if times else "")
    return report.spread(times, ".2f")


def _not_given_up(runs: list[DeathRun], limits: Limits) -> str:
    times = [run.took_s for run in runs if run.took_s is not None]
    return f"given up after {report.spread(times, '.2f')}" if times else f"stays ({limits.watch_s:g} s watched)"


def _stayed(runs: list[DeathRun], limits: Limits) -> str:
    lost, paused_s, connections = (median(figures) for figures in zip(
        *((run.lost or 0, run.paused_s, run.connections) for run in runs)))
    if connections == 1 and not paused_s:
        return f"stays ({limits.watch_s:g} s watched), {lost:g} lost"
    return (f"{paused_s:.1f} of {limits.watch_s:g} without a working connection, {connections:g} connections to the next, "
            f"{lost:g} lost")


@dataclass(frozen=True)
class Fault:
    description: str
    measure: Callable[[Scene], DeathRun]
    wires: tuple[Wire, ...] = (TLS,)
    cell: Callable[[list[DeathRun], Limits], str] = _noticed


_FLAWS = {"expired": "is expired", "wrong-name": "is another server's", "untrusted": "is of an unknown authority"}

FAULTS = {
    "drop-load": Fault("packets dropped, under load", _dropped_under_load, _BOTH),
    "drop-idle": Fault("packets dropped, a message a second", _dropped_while_idle, _BOTH),
    "drop-start": Fault("packets dropped from the start", _dropped_from_the_start, _BOTH),
    "freeze": Fault("server frozen (SIGSTOP), under load", _frozen, _BOTH),
    **{name.replace(" ", "-"): Fault(f"our own {name}", _own_network(name), _BOTH) for name in OWN_NETWORK},
    "slow": Fault("server reads 64 KiB/s", _slow, _BOTH, _not_given_up),
    **{flaw: Fault(f"certificate {_FLAWS[flaw]}", _bad_tls_from_the_start(flaw)) for flaw in FLAWS},
    "silent": Fault("TLS port that says nothing", _bad_tls_from_the_start("silent")),
    "back-expired": Fault("primary is back with an expired certificate", _tls_breaks("expired"), cell=_stayed),
    "back-silent": Fault("primary is back and says nothing", _tls_breaks("silent"), cell=_stayed),
}


# All of them


@dataclass(frozen=True)
class Case:
    fault: str
    wire: Wire
    side: str

    def __str__(self) -> str:
        return f"{self.fault}, {self.wire}, {title(self.side)}"


@contextmanager
def _scene(case: Case, limits: Limits, module_dir: Path, cancelled: threading.Event) -> Iterator[Scene]:
    with Lab(module_dir) as lab:
        scene = Scene(lab, case.fault, case.wire, case.side, limits, cancelled)
        try:
            yield scene
            if lab.client_died():
                raise Failure("syslog-ng has ended by itself.")
        except (AssertionError, OSError, Failure) as error:
            raise Failure(f"{case}: {error}\n{scene.story()}") from error


def _measure(case: Case, limits: Limits, module_dir: Path, cancelled: threading.Event) -> DeathRun:
    if cancelled.is_set():
        raise Cancelled
    with _scene(case, limits, module_dir, cancelled) as scene:
        return FAULTS[case.fault].measure(scene)


def cases(faults: list[str], runs: dict[str, int]) -> list[Case]:
    """The sides in turns."""
    return [Case(name, wire, side) for number in range(max(runs.values())) for name in faults
            for wire in FAULTS[name].wires for side in SIDES if number < runs[side]]


def measure_deaths(planned: list[Case], limits: Limits, module_dir: Path, jobs: int,
                   progress: Callable[[str], None]) -> list[DeathRun]:
    """So many runs at a time, since nearly all they do is wait."""
    cancelled = threading.Event()
    done: list[DeathRun] = []
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in as_completed([pool.submit(_measure, case, limits, module_dir, cancelled) for case in planned]):
                done.append(future.result())
                progress(f"{len(done)} of {len(planned)} runs")
        except BaseException:
            cancelled.set()
            raise
    return done


def table(runs: list[DeathRun], limits: Limits) -> str:
    rows = [["", "over", *(title(side) for side in SIDES)]]
    for name, fault in FAULTS.items():
        for wire in fault.wires:
            cells = [[run for run in runs if (run.fault, run.wire, run.side) == (name, _name(wire), side)] for side in SIDES]
            if any(cells):
                rows.append([fault.description, _name(wire), *(fault.cell(cell, limits) if cell else "" for cell in cells)])
    return report.table(rows)
