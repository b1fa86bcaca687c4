#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows failover() at work: three log servers, two of them killed, one brought back.

Everything runs on loopback addresses, in processes and a temporary directory of
its own; nothing is left when it ends.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from children import Children  # noqa: E402
from ports import free_ports  # noqa: E402
from records import Delivery, Tally, tally  # noqa: E402
from script import run_script  # noqa: E402
from sender import Sender  # noqa: E402
from servers import ADDRESS, MESSAGES, Server, SocatServer, SyslogNgServer  # noqa: E402
from stock import MODULE, SyslogNg, check_module, installed_version  # noqa: E402
from waiting import Failure, wait_until  # noqa: E402
from words import in_plain_words  # noqa: E402

RATE = 500
STREAM_S = 3  # of messages at each server before the next thing happens
STEP_TIMEOUT_S = 30.0
_LOOK_S = 0.005  # from one look at what has arrived to the next

DESTINATION = """destination d_logs {{
  network("{address}" port({primary})
    failover(servers("{address}:{second}", "{address}:{third}")
             failback(tcp-probe-interval(1) successful-probes-required(3)))
    time-reopen(1) template("$MSG\\n"));
}};
"""

CONFIG = """@version: current
@module failover
options {{ stats-freq(0); }};
source s_demo {{ unix-stream("{socket}" flags(no-parse)); }};
{destination}log {{ source(s_demo); destination(d_logs); flags(flow-control); }};
"""


@dataclass(frozen=True)
class Switch:
    """A change of server, and how long it took until messages arrived there."""

    left: str
    taken: str
    since: str
    took_s: float


class Demo:
    """The client with the module, its three servers, and the story told on standard output."""

    def __init__(self, children: Children, directory: Path, module_dir: Path) -> None:
        first, second, third = free_ports(3, [ADDRESS])
        self.primary: Server = SyslogNgServer(children, directory, "primary", first)
        self.second: Server = SocatServer(children, directory, "second", second)
        self.third: Server = SocatServer(children, directory, "third", third)
        self.servers = [self.primary, self.second, self.third]
        self.switches: list[Switch] = []
        self.client: SyslogNg | None = None
        self._children = children
        self._directory = directory
        self._module_dir = module_dir
        self._names = {server.endpoint: server.name for server in self.servers}
        self._started = time.monotonic()

    def run(self) -> Tally:
        self._introduce()
        self._start()
        with Sender(self._socket, self._directory / "sender.log", MESSAGES) as sender:
            sender.stream(RATE)
            self._tell("demo", f"sends {RATE} numbered messages a second to syslog-ng")
            self._stream_to(self.primary)
            self._kill(self.primary, then=self.second)
            self._stream_to(self.second)
            self._kill(self.second, then=self.third)
            self._stream_to(self.third)
            self._bring_back(self.primary, leaving=self.third)
            self._stream_to(self.primary)
            sent = sender.pause()
            self._tell("demo", f"stops, after {sent} messages")
            self._wait_for(lambda: self._has_last(sent), "the last message arrives")
        return self._close(sent)

    # The acts

    @property
    def _socket(self) -> Path:
        return self._directory / "source"

    def _introduce(self) -> None:
        print(f"syslog-ng {installed_version()} as it is installed, with {self._module_dir / MODULE}.")
        print("This is its destination:\n")
        ports = {server.name: server.port for server in self.servers}
        print(self._indented(DESTINATION.format(address=ADDRESS, **ports)), flush=True)

    def _start(self) -> None:
        for server in self.servers:
            server.start()
        self._tell("demo", "started the log servers: " +
                   ", ".join(f"{server.name} ({server.program}, port {server.port})" for server in self.servers))
        ports = {server.name: server.port for server in self.servers}
        destination = DESTINATION.format(address=ADDRESS, **ports)
        self.client = SyslogNg(self._children, self._directory / "client",
                               CONFIG.format(socket=self._socket, destination=destination),
                               module_dir=self._module_dir)
        self._tell("demo", "started syslog-ng with the module")
        self._wait_for(lambda: self._logged("failover: connected to log server"), "syslog-ng connects to the primary")
        self._show_status()

    def _stream_to(self, server: Server) -> None:
        enough = server.received() + STREAM_S * RATE
        self._wait_for(lambda: server.received() >= enough, f"messages arrive at the {server.name} server")

    def _kill(self, server: Server, *, then: Server) -> None:
        killed = server.kill()
        self._tell("demo", f"kills the {server.name} server (SIGKILL)")
        self._arrive(then, left=server, since="the kill", moment=killed)

    def _bring_back(self, server: Server, *, leaving: Server) -> None:
        server.start()
        moment = time.monotonic()
        self._tell("demo", f"starts the {server.name} server again")
        self._arrive(server, left=leaving, since="its start", moment=moment)

    def _arrive(self, server: Server, *, left: Server, since: str, moment: float) -> None:
        """Wait for the first message at the server, and note how long after the moment it came."""
        self._wait_for(lambda: server.received() > 0, f"the first message arrives at the {server.name} server")
        took_s = time.monotonic() - moment
        self.switches.append(Switch(left.name, server.name, since, took_s))
        self._tell("demo", f"sees messages arrive at the {server.name} server, {took_s:.2f} s after {since}")
        self._show_status()

    def _close(self, sent: int) -> Tally:
        """Stop the client first, so that it has nothing more to send."""
        assert self.client
        self.client.child.terminate(STEP_TIMEOUT_S, "syslog-ng stops")
        counted = tally([Delivery(server.name, life.recorded()) for server in self.servers for life in server.lives], sent)
        # A message that a kill has cut short is not torn.
        counted.torn += sum(bool(life.recorded().rest) for server in self.servers for life in server.lives if not life.killed)
        return counted

    # Watching

    def _show_status(self) -> None:
        """What an administrator would see now."""
        self._retell_log()
        asked = subprocess.run([self._module_dir / "failoverctl", f"--control={self._directory / 'client' / 'control'}", "status"],
                               capture_output=True, text=True, check=False)
        if asked.returncode:
            raise Failure(f"failoverctl status ends with {asked.returncode}: {asked.stderr}")
        print(f"\n  # failoverctl status\n{self._indented(asked.stdout)}", flush=True)

    def _logged(self, message: str) -> bool:
        assert self.client
        return self.client.logged(message)

    def _has_last(self, sent: int) -> bool:
        return sent in self.primary.lives[-1].recorded().numbers[-1:]

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        def look() -> bool:
            self._retell_log()
            return condition()

        wait_until(look, STEP_TIMEOUT_S, what, _LOOK_S)
        self._retell_log()

    def _retell_log(self) -> None:
        assert self.client
        for line in self.client.new_lines():
            text = in_plain_words(line, self._names)
            if text:
                self._tell("syslog-ng", text)

    def _tell(self, who: str, what: str) -> None:
        print(f"{time.monotonic() - self._started:7.2f} s  {who:<10} {what}", flush=True)

    @staticmethod
    def _indented(text: str) -> str:
        return "".join(f"  {line}" for line in text.splitlines(keepends=True))


def print_result(demo: Demo, result: Tally) -> None:
    print("\n  server     program      received")
    for server in demo.servers:
        fate = ("killed, then started again" if server is demo.primary else "killed") if server.was_killed else ""
        print(f"  {server.name:<10} {server.program:<10} {result.received.get(server.name, 0):>10}   {fate}".rstrip())
    print(f"\n  in all: {result.sent} sent, {result.lost} lost, {result.doubled} doubled, {result.torn} torn")
    if result.lost:
        where = ", ".join(f"{count} with the {name} server" for name, count in result.lost_after.items())
        print(f"  (lost: on their way to a server when it was killed; {where})")
    if result.doubled:
        print("  (doubled on purpose: a killed server may not have read what the last half second brought,")
        print("   so that is sent again to the next one; resend-grace() sets how much)")
    print("\n  switch                 first message at the new server")
    for switch in demo.switches:
        name = f"{switch.left} -> {switch.taken}"
        print(f"  {name:<20} {switch.took_s:8.2f} s after {switch.since}")


def print_logs(directory: Path) -> None:
    """What every process said, before the directory goes."""
    for log in sorted(directory.rglob("*.log")):
        print(f"\n--- {log.relative_to(directory)}\n{log.read_text(errors='replace')}", file=sys.stderr)


def perform(module_dir: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="failover-demo-") as directory, Children() as children:
        demo = Demo(children, Path(directory), module_dir)
        try:
            result = demo.run()
            print_result(demo, result)
            if result.lost or result.torn:
                raise Failure(f"{result.lost} messages were lost, {result.torn} lines torn.")
        except Failure:
            print_logs(Path(directory))
            raise


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module-dir", type=Path, default=Path("build"), metavar="DIR",
                        help=f"where {MODULE} is (default: %(default)s)")
    arguments = parser.parse_args()
    code = run_script("The demo", lambda: perform(check_module(arguments.module_dir)))
    if code == 0:
        print("\nWhere to go on: README.md says how to install the module and use it in your syslog-ng.conf.")
    return code


if __name__ == "__main__":
    sys.exit(main())
