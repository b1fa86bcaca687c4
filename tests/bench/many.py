# SPDX-License-Identifier: GPL-2.0-or-later
"""What many destinations with nothing but dead servers cost: stalls of the main loop, memory, threads.

A datagram goes in and out again through a path of its own, again and again, with
everything on the main loop: it comes back late when the main loop is busy with
something else. It is late on a busy machine, too; so the time that syslog-ng's
main thread and this one have waited for a processor meanwhile is told by the
kernel and taken off.
"""

import re
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import report
from children import Children
from network import Host, Network
from sides import needs_module, title
from stock import SyslogNg
from waiting import Failure

SIDES = ["module", "own", "none"]
#: What syslog-ng's own failover() does not know.
TIMES = "connect-timeout(2)"
LIMIT_MS = 20.0
_CLIENT = "10.77.1.254/16"
_DEAD = [f"10.77.1.{number}" for number in (1, 2, 3)]
_FIRST_PORT = 10_000
_LOOK_S = 0.1  # from one look at the number of threads to the next
_PING_S = 0.002
_STALLED_S = 60.0
_RESOLVER_TIMEOUT_S = 5  # the resolver's own default; it tries twice


@dataclass(frozen=True)
class Memory:
    """Of a process, from /proc/PID/smaps_rollup."""

    pss_kib: int
    private_dirty_kib: int


@dataclass(frozen=True)
class ManyRun:
    """One run of one side."""

    servers: str
    side: str
    destinations: int
    round_trips: int = 0
    median_ms: float = 0
    longest_ms: float = 0
    longest_own_ms: float = 0  # without waits for a processor
    stalls: int = 0  # of these, longer than LIMIT_MS
    cpu_percent: float = 0
    threads: int = 0  # the most
    failures: int = 0  # in its log
    before: Memory = Memory(0, 0)
    after: Memory = Memory(0, 0)


# Dead servers: each prepares the network, and returns what a server of this number is called.


def _refusing(network: Network) -> Host:
    return network.add_host("dead")


def _dropping(network: Network) -> Host:
    host = network.add_host("dead")
    host.vanish()
    return host


def _addresses(host: Host) -> Callable[[int], str]:
    """Different ones of one host, so that a list may have them."""
    for address in _DEAD:
        host.add_address(f"{address}/16")
    return lambda number: _DEAD[number % 3]


def _names(host: Host) -> Callable[[int], str]:
    for number in range(3):
        host.network.set_name(f"dead{number}", [host.ip4])
    return lambda number: f"dead{number % 3}"


def _unknown_names(network: Network) -> Callable[[int], str]:
    """The resolver says so at once."""
    return lambda number: f"unknown{number}.example.com"


def _unanswered_names(network: Network) -> Callable[[int], str]:
    network.ask_name_server(_dropping(network).ip4, _RESOLVER_TIMEOUT_S)
    return _unknown_names(network)


@dataclass(frozen=True)
class Servers:
    description: str
    prepare: Callable[[Network], Callable[[int], str]]
    ours_only: bool = False


SERVERS = {
    "refused": Servers("refuse", lambda network: _addresses(_refusing(network))),
    "dropped": Servers("drop packets", lambda network: _addresses(_dropping(network))),
    "refused-names": Servers("refuse, by name", lambda network: _names(_refusing(network))),
    "dropped-names": Servers("drop packets, by name", lambda network: _names(_dropping(network))),
    "unknown": Servers("names that do not exist", _unknown_names),
    # syslog-ng's own looks names up on the main thread, one by one: it does not start.
    "unanswered": Servers("names, silent name server", _unanswered_names, ours_only=True),
}


# The client


def _destination(side: str, number: int, name: Callable[[int], str]) -> str:
    primary, second, third = (name(3 * number + server) for server in range(3))
    more = f" {TIMES}" if side == "module" else ""
    failover = "" if side == "none" else f' failover(servers("{second}", "{third}"){more})'
    return f'destination d_{number} {{ network("{primary}" port({_FIRST_PORT + number}){failover}); }};\n'


def _configuration(side: str, count: int, name: Callable[[int], str], directory: Path) -> str:
    head = "@version: 3.38\n" + ("@module failover\n" if needs_module(side) else "")
    paths = "".join(f"log {{ source(s_none); destination(d_{number}); }};\n" for number in range(count))
    return f"""{head}options {{ threaded(no); time-reopen(1); stats-freq(0); keep-hostname(yes); }};
source s_none {{ unix-dgram("{directory}/none"); }};
source s_echo {{ unix-dgram("{directory}/in" flags(no-parse)); }};
destination d_echo {{ unix-dgram("{directory}/out" template("$MSG\\n")); }};
log {{ source(s_echo); destination(d_echo); }};
{"".join(_destination(side, number, name) for number in range(count))}{paths}"""


def _waited_s(process: str | int) -> float:
    """For a processor, the main thread of a process until now."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9


def _cpu_s(pid: int) -> float:
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9


def _in_file(pid: int, file: str, field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+)", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
    if not found:
        raise Failure(f"The kernel does not tell {field} in /proc/PID/{file}.")
    return int(found[1])


def _memory(pid: int) -> Memory:
    return Memory(*(_in_file(pid, "smaps_rollup", field) for field in ("Pss", "Private_Dirty")))


@dataclass(frozen=True)
class RoundTrip:
    took_s: float
    own_s: float  # without waits for a processor


class Echo:
    """The path in and out again. It must be there before the client is."""

    def __init__(self, directory: Path) -> None:
        self._in = str(directory / "in")
        self._number = 0
        self._out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._out.bind(str(directory / "out"))
        self._out.settimeout(_STALLED_S)

    def __enter__(self) -> "Echo":
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    def round_trip(self, pid: int) -> RoundTrip:
        self._number += 1
        waited = -_waited_s(pid) - _waited_s("thread-self")
        started = time.monotonic()
        self._out.sendto(b"%d\n" % self._number, self._in)
        try:
            answer = self._out.recv(100)
        except TimeoutError:
            raise Failure(f"The main loop stalls for longer than {_STALLED_S:g} s.") from None
        took = time.monotonic() - started
        waited += _waited_s(pid) + _waited_s("thread-self")
        if answer != b"%d\n" % self._number:
            raise Failure(f"The path answers {answer!r} to {self._number}.")
        return RoundTrip(took, max(took - waited, 0))


def _watch(run: ManyRun, client: SyslogNg, echo: Echo, seconds: float) -> ManyRun:
    pid = client.child.pid
    trips: list[RoundTrip] = []
    threads, look_at = 0, 0.0
    before, cpu, began = _memory(pid), -_cpu_s(pid), time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        trips.append(echo.round_trip(pid))
        if now >= look_at:
            threads, look_at = max(threads, _in_file(pid, "status", "Threads")), now + _LOOK_S
        time.sleep(_PING_S)
    cpu += _cpu_s(pid)
    times = sorted(trip.took_s for trip in trips)
    own = [trip.own_s * 1e3 for trip in trips]
    return replace(
        run, round_trips=len(trips), median_ms=times[len(times) // 2] * 1e3, longest_ms=times[-1] * 1e3,
        longest_own_ms=max(own), stalls=sum(each > LIMIT_MS for each in own), cpu_percent=100 * cpu / seconds,
        threads=threads, before=before, after=_memory(pid),
        failures=sum("failed" in line.message for line in client.new_lines()))


@contextmanager
def _network(directory: Path) -> Iterator[Network]:
    network = Network(directory)
    try:
        network.create()
        yield network
    finally:
        network.close()


def _measure(run: ManyRun, seconds: float, module_dir: Path, directory: Path, network: Network) -> ManyRun:
    name = SERVERS[run.servers].prepare(network)
    host = network.add_host("client")
    host.ip("address", "add", _CLIENT, "dev", "eth0")
    with Echo(directory) as echo, Children() as children:
        client = SyslogNg(children, directory / "client", _configuration(run.side, run.destinations, name, directory),
                          module_dir=module_dir if needs_module(run.side) else None, wrapper=tuple(host.argv()))
        client.wait_for("syslog-ng starting up")
        return _watch(run, client, echo, seconds)


def measure_many(servers: str, side: str, destinations: int, seconds: float, module_dir: Path) -> ManyRun:
    """Start a client with so many destinations, and watch it for so many seconds from when it works."""
    with tempfile.TemporaryDirectory(prefix="failover-bench-") as temporary, _network(Path(temporary)) as network:
        return _measure(ManyRun(servers, side, destinations), seconds, module_dir, Path(temporary), network)


def _bytes_each(runs: list[ManyRun], run: ManyRun, memory: Callable[[ManyRun], Memory]) -> str:
    """By how much private memory has grown with each destination."""
    none = next((other for other in runs if (other.servers, other.side, other.destinations) == (run.servers, run.side, 0)), None)
    if not none or not run.destinations:
        return ""
    kib = memory(run).private_dirty_kib - memory(none).private_dirty_kib
    return f"{kib / run.destinations:.1f}"


def table(runs: list[ManyRun]) -> str:
    rows = [["servers", "", "destinations", "round trip, ms", "longest", "main loop's own", f"over {LIMIT_MS:g} ms",
             "CPU, %", "threads", "private memory, KiB", "KiB a destination", "failures logged"]]
    for run in sorted(runs, key=lambda run: (list(SERVERS).index(run.servers), run.destinations, SIDES.index(run.side))):
        each = " -> ".join(filter(None, (_bytes_each(runs, run, when) for when in (lambda r: r.before, lambda r: r.after))))
        rows.append([SERVERS[run.servers].description, title(run.side), str(run.destinations), f"{run.median_ms:.2f}",
                     f"{run.longest_ms:.1f}", f"{run.longest_own_ms:.1f}", f"{run.stalls} of {run.round_trips}",
                     f"{run.cpu_percent:.1f}", str(run.threads),
                     f"{run.before.private_dirty_kib} -> {run.after.private_dirty_kib}", each, str(run.failures)])
    return report.table(rows)
