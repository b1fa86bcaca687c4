#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures what failover() costs and what it does, against the same stock syslog-ng without it.

Each run is made with fresh processes, the sides in turns; figures that are
compared as ratios come from pairs of runs, in alternating order. Build the
module first (cmake -B build && cmake --build build), and let the
machine do nothing else meanwhile. To see how far the figures of a machine can
be trusted, compare a side with itself:

    bench.py cpu --measure none --against none

Figures of CPU spread less when all runs on one processor: taskset -c 1 bench.py
cpu. The rates are lower then.
"""

import argparse
import itertools
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

for directory in ("lib", "e2e"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / directory))

import death  # noqa: E402
import drawing  # noqa: E402
import many  # noqa: E402
import picture  # noqa: E402
import report  # noqa: E402
from certificates import issue_for_addresses  # noqa: E402
from cpu import CpuRun, measure_cpu  # noqa: E402
from loss import SCENARIOS, LossRun, measure_loss  # noqa: E402
from messages import Messages  # noqa: E402
from script import run_script  # noqa: E402
from sides import SIDES, Settings, title  # noqa: E402
from stage import Stage  # noqa: E402
from stock import check_module  # noqa: E402
from switch import SwitchRun, measure_switch  # noqa: E402
from world import World, make_world  # noqa: E402

Pair = tuple[Any, Any]
Measure = Callable[[Stage, str, int], Any]  # stage, side, number of the pair


def _show_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text:<60}\r", end="", file=sys.stderr, flush=True)


def run_pairs(arguments: argparse.Namespace, settings: Settings, world: World, measure: Measure) -> list[Pair]:
    """Run both sides so many times, each first as often as the other; the runs of each pair as (measured, against)."""
    sides, pairs = (arguments.measure, arguments.against), []
    for number in range(arguments.pairs):
        runs: dict[int, Any] = {}
        for which in ((0, 1), (1, 0))[number % 2]:
            _show_progress(f"pair {number + 1} of {arguments.pairs}: {title(sides[which])}")
            runs[which] = measure(Stage(world, settings, arguments.module_dir), sides[which], number)
        pairs.append((runs[0], runs[1]))
    _show_progress("")
    return pairs


# Each command: how one run is made, and what is said about all


def _cpu(arguments: argparse.Namespace) -> Measure:
    messages = Messages(arguments.size)
    return lambda stage, side, _: measure_cpu(stage, side, messages, arguments.messages)


def _cpu_table(arguments: argparse.Namespace, pairs: list[Pair]) -> str:
    rows = [["", title(arguments.measure), title(arguments.against), "ratio in pairs"]]
    figures: list[tuple[str, str, Callable[[CpuRun], float]]] = [
        ("CPU per message, us", ".3f", lambda run: run.cpu_us_per_message),
        ("messages per second", ".0f", lambda run: run.messages_per_second),
        ("peak memory, MiB", ".1f", lambda run: run.peak_memory_kib / 1024),
    ]
    for name, form, figure in figures:
        measured, against = ([figure(run) for run in side] for side in zip(*pairs))
        rows.append([name, f"{median(measured):{form}}", f"{median(against):{form}}",
                     report.spread(report.ratios(pairs, figure), ".3f")])
    return report.table(rows)


def _switch(arguments: argparse.Namespace) -> Measure:
    return lambda stage, side, _: measure_switch(stage, side, arguments.size, arguments.rate)


def _switch_table(arguments: argparse.Namespace, pairs: list[Pair]) -> str:
    rows = [["kill to first message, s", title(arguments.measure), title(arguments.against)]]
    figures: list[tuple[str, Callable[[SwitchRun], float]]] = [
        ("of the primary, at the second", lambda run: run.first_s),
        ("of the second, at the third", lambda run: run.second_s),
    ]
    for name, figure in figures:
        rows.append([name, *(report.spread([figure(run) for run in side], ".3f") for side in zip(*pairs))])
    return report.table(rows)


def _loss(arguments: argparse.Namespace) -> Measure:
    def measure(stage: Stage, side: str, number: int) -> LossRun:
        return measure_loss(stage, side, arguments.scenario, arguments.size, arguments.rate, arguments.seed + number)

    return measure


def _loss_table(arguments: argparse.Namespace, pairs: list[Pair]) -> str:
    rows = [["", title(arguments.measure), title(arguments.against)]]
    figures: list[tuple[str, str, Callable[[LossRun], float]]] = [
        ("sent a run", ".0f", lambda run: run.sent),
        ("lost a run", ".0f", lambda run: run.lost),
        ("doubled a run", ".0f", lambda run: run.doubled),
        ("torn a run", ".0f", lambda run: run.torn),
        ("longest gap between arrivals, ms", ".0f", lambda run: run.longest_gap_ms),
    ]
    for name, form, figure in figures:
        rows.append([name, *(report.spread([figure(run) for run in side], form) for side in zip(*pairs))])
    rows.append(["lost in all", *(f"{sum(run.lost for run in side)} of {sum(run.sent for run in side)}"
                                  for side in zip(*pairs))])
    return report.table(rows)


#: Those that compare two sides in pairs.
PAIRED = {"cpu": (_cpu, _cpu_table), "switch": (_switch, _switch_table), "loss": (_loss, _loss_table)}


# The command line


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def _round_trip(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 10_000:
        raise argparse.ArgumentTypeError("from 0 to 10000")
    return value


def _common(sides: list[str], against: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    legend = "\n".join(f"{side:<8} {SIDES[side][1]}" for side in sides)
    what = parser.add_argument_group("what is compared", legend)
    what.add_argument("--measure", choices=sides, default="module", help="one side (default: %(default)s)")
    what.add_argument("--against", choices=sides, default=against, help="the other (default: %(default)s)")
    what.add_argument("--failover-options", default="", metavar="TEXT",
                      help='more inside the module\'s failover(), such as "switch-delay(0)"')
    how = parser.add_argument_group("how")
    how.add_argument("--pairs", type=_positive, default=7, metavar="N", help="runs of each side (default: %(default)s)")
    how.add_argument("--size", type=_positive, default=200, metavar="BYTES",
                     help="size of a message, newline included (default: %(default)s)")
    how.add_argument("--tls", action="store_true", help="over TLS, the servers' certificate verified")
    how.add_argument("--rtt-ms", type=_round_trip, metavar="MS",
                     help="between two network namespaces with this round trip, made by netem (by a process "
                          "where the kernel has no netem); 0 adds none. Needs root. (default: over loopback)")
    how.add_argument("--no-threads", dest="threaded", action="store_false",
                     help="threaded(no) (default: threaded(yes))")
    _output(how)
    return parser


def _output(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--module-dir", type=Path, default=Path("build"), metavar="DIR",
                        help="where the module is (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to it")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, short: str, long: str, sides: list[str], against: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, parents=[_common(sides, against)], help=short, description=long,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)

    cpu = add("cpu", "CPU per message, messages per second, peak memory",
              "Delivers messages to one healthy server as fast as syslog-ng takes them.", list(SIDES), "none")
    cpu.add_argument("--messages", type=_positive, default=600_000, metavar="N",
                     help="in each run (default: %(default)s)")

    switch = add("switch", "time from a kill to the next server",
                 "Kills the primary and then the second server under a steady stream, with time-reopen(1).",
                 ["module", "own"], "own")
    switch.add_argument("--rate", type=_positive, default=1_000, metavar="N",
                        help="messages a second (default: %(default)s)")

    scenarios = "\n".join(f"  {name:<14} {scenario.description}" for name, scenario in SCENARIOS.items())
    loss = add("loss", "messages lost and doubled when servers go",
               f"Counts numbered messages under a steady stream, when:\n{scenarios}", ["module", "own"], "own")
    loss.add_argument("--scenario", choices=SCENARIOS, default="kill", help="what happens (default: %(default)s)")
    loss.add_argument("--rate", type=_positive, metavar="N",
                      help="messages a second (default: 20000; 40000 in the scenario slow)")
    loss.add_argument("--seed", type=int, default=1, metavar="N",
                      help="of the random moments in the scenario repeat (default: %(default)s)")
    _add_death(commands)
    _add_many(commands)
    _add_picture(commands)
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("seconds above 0")
    return value


def _add_death(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    faults = "\n".join(f"  {name:<13} {fault.description}" for name, fault in death.FAULTS.items())
    parser = commands.add_parser("death", help="time until a death is noticed", description=(
        "Measures the time from a fault to the first message at the next server, the module beside\n"
        "syslog-ng's own failover(). Needs root: the hosts are network namespaces. What happens to\n"
        f"the primary:\n{faults}"), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", choices=death.FAULTS, action="append", help="one of them; may be repeated (default: all)")
    parser.add_argument("--runs", type=_positive, default=3, metavar="N", help="of the module (default: %(default)s)")
    parser.add_argument("--own-runs", type=_positive, default=1, metavar="N",
                        help="of syslog-ng's own failover() (default: %(default)s)")
    parser.add_argument("--cut", type=_seconds, default=300.0, metavar="S",
                        help="give up after so many seconds (default: %(default)g)")
    parser.add_argument("--watch", type=_seconds, default=60.0, metavar="S",
                        help="watch a connection that must stay for so many seconds (default: %(default)g)")
    parser.add_argument("--rate", type=_positive, default=1_000, metavar="N",
                        help="messages a second, under load (default: %(default)s)")
    parser.add_argument("--jobs", type=_positive, default=6, metavar="N", help="runs at a time (default: %(default)s)")
    _output(parser)


def _add_many(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    servers = "\n".join(f"  {name:<14} {of.description}" for name, of in many.SERVERS.items())
    parser = commands.add_parser("many", help="main loop, memory and threads with many destinations", description=(
        "Measures how late a datagram comes through a syslog-ng with many destinations whose servers,\n"
        "three each, are all dead, and its memory and threads. Needs root: the hosts are network\n"
        f"namespaces. The servers:\n{servers}"), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", choices=many.SERVERS, action="append", help="one of them; may be repeated (default: all)")
    parser.add_argument("--side", choices=many.SIDES, action="append", help="one of them; may be repeated (default: all)")
    parser.add_argument("--destinations", type=_positive, nargs="+", default=[250, 500], metavar="N",
                        help="how many, beside none (default: 250 500)")
    parser.add_argument("--seconds", type=_seconds, default=20.0, metavar="S",
                        help="watch each run for so many (default: %(default)g)")
    _output(parser)


def _add_picture(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    events = "\n".join(f"  {event.at_s:2g} s  {' '.join(event.label.split())}" for event in picture.EVENTS)
    parser = commands.add_parser("picture", help="what three servers store while everything dies in turn", description=(
        "Plays one story with syslog-ng's own failover() and with the module, counts what each server stores and\n"
        "what none does, and draws it. Needs root, as the hosts are network namespaces, and for the drawing\n"
        f"python3-matplotlib. The story:\n{events}"), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=_positive, default=2_000, metavar="N", help="messages a second (default: %(default)s)")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw it (docs/failover.svg is that of README.md)")
    parser.add_argument("--from", type=Path, dest="played", metavar="FILE", help="play nothing, take what --json has written")
    _output(parser)


def _headline(arguments: argparse.Namespace, world: World) -> str:
    """What was run, in a line for people."""
    chosen = {"scenario": "scenario {}", "messages": "{} messages a run", "rate": "{} messages a second",
              "size": "{} bytes a message", "tls": "TLS", "failover_options": "{}"}
    parts = [text.format(value) for name, text in chosen.items() if (value := getattr(arguments, name, None))]
    threads = [] if arguments.threaded else ["threaded(no)"]
    return (f"{arguments.command}: {title(arguments.measure)} against {title(arguments.against)}, "
            + ", ".join([f"{arguments.pairs} pairs", *parts, *threads, world.description])
            + f"\n{_environment()}"
            + "\nmedian (least .. most)\n")


def _environment() -> str:
    return ", ".join(f"{name} {value}" for name, value in report.environment().items())


def _run_in_pairs(arguments: argparse.Namespace) -> None:
    if {"module", "loaded"} & {arguments.measure, arguments.against}:
        arguments.module_dir = check_module(arguments.module_dir)
    make_measure, make_table = PAIRED[arguments.command]
    scenario = SCENARIOS[arguments.scenario] if arguments.command == "loss" else None
    with tempfile.TemporaryDirectory(prefix="failover-bench-") as directory, make_world(arguments.rtt_ms) as world:
        certificate = issue_for_addresses(Path(directory), world.servers) if arguments.tls else None
        settings = Settings(bool(scenario and scenario.failback), certificate, arguments.failover_options, arguments.threaded,
                            reliable=bool(scenario and scenario.client_dies))
        print(_headline(arguments, world), flush=True)
        pairs = run_pairs(arguments, settings, world, make_measure(arguments))
        print(make_table(arguments, pairs))
        if arguments.json:
            report.write_json(arguments.json, vars(arguments) | {"network": world.description}, pairs=pairs)


def _run_death(arguments: argparse.Namespace) -> None:
    arguments.module_dir = check_module(arguments.module_dir)
    limits = death.Limits(arguments.cut, arguments.watch, arguments.rate)
    planned = death.cases(arguments.fault or list(death.FAULTS), {"module": arguments.runs, "own": arguments.own_runs})
    print(f"death: seconds from a fault to the first message at the next server, cut at {limits.cut_s:g} s, "
          f"{limits.rate} messages a second under load, time-reopen(1)\n{title('module')} with {death.TIMES}\n"
          f"{_environment()}\nmedian (least .. most)\n", flush=True)
    runs = death.measure_deaths(planned, limits, arguments.module_dir, arguments.jobs, _show_progress)
    _show_progress("")
    print(death.table(runs, limits))
    if arguments.json:
        report.write_json(arguments.json, vars(arguments), runs=runs)


def _run_many(arguments: argparse.Namespace) -> None:
    arguments.module_dir = check_module(arguments.module_dir)
    print(f"many: a syslog-ng of which every log server is dead, watched for {arguments.seconds:g} s a run, time-reopen(1)\n"
          f"{title('module')} with {many.TIMES}\n{_environment()}\n", flush=True)
    runs = []
    for servers in arguments.servers or list(many.SERVERS):
        for count, side in itertools.product(sorted({0, *arguments.destinations}), arguments.side or many.SIDES):
            if side != "module" and many.SERVERS[servers].ours_only:
                continue
            _show_progress(f"{servers}, {count} destinations: {title(side)}")
            runs.append(many.measure_many(servers, side, count, arguments.seconds, arguments.module_dir))
    _show_progress("")
    print(many.table(runs))
    if arguments.json:
        report.write_json(arguments.json, vars(arguments), runs=runs)


def _run_picture(arguments: argparse.Namespace) -> None:
    if arguments.svg:
        drawing.load_matplotlib()
    if arguments.played:
        what = picture.read(arguments.played)
    else:
        what = picture.play_all(arguments.rate, check_module(arguments.module_dir), _show_progress)
    print(picture.table(what))
    if arguments.json:
        what.write(arguments.json)
    if arguments.svg:
        drawing.draw(what, arguments.svg)


#: The others.
ALONE = {"death": _run_death, "many": _run_many, "picture": _run_picture}


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.command in PAIRED:
        return run_script("The benchmark", lambda: _run_in_pairs(arguments))
    return run_script("The benchmark", lambda: ALONE[arguments.command](arguments))


if __name__ == "__main__":
    sys.exit(main())
