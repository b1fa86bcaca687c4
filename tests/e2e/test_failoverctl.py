# SPDX-License-Identifier: GPL-2.0-or-later
"""failoverctl: names and mistakes, which leave syslog-ng unharmed, completion, and many destinations."""

import os
import re
import socket
import subprocess
import time
from typing import Any

from certificates import CertificateAuthority
from harness.control import CANNOT_TELL, start, status, steer
from harness.flow import TCP
from harness.lab import Lab
from harness.sink import PORT
from harness.syslog_ng import MODULE_DIR, REPOSITORY, configuration, destination
from waiting import SOON_S, wait_until

CONNECTED = "failover: connected to log server"
ANONYMOUS = "#anon-destination0#0"


# Names, mistakes, and syslog-ng unharmed


def several(lab: Lab) -> str:
    """Two with one failover() each, one with two, one without a name, and one that has none."""

    def to(primary: str, second: str, **also: str) -> str:
        options = "".join(f' {name.replace("_", "-")}("{value}")' for name, value in also.items())
        return f'network("{primary}" port({PORT}){options} failover(servers("{second}")))'

    return configuration(
        destination("d_one", to("primary", "second")) +
        destination("d_two", to("primary", "second", persist_name="a") + ";\n" + to("second", "primary", persist_name="b")) +
        destination("d_plain", f'network("second" port({PORT}) persist-name("c"))')
    ) + f'log {{ source(s_numbers); destination {{ {to("third", "primary", persist_name="d")}; }}; }};\n'


def test_names(lab: Lab) -> None:
    for name in ("primary", "second", "third"):
        lab.server(name, PORT)
    lab.start_client(several(lab))

    def named(*names: str) -> list[str]:
        return [it["destination"] for it in status(lab, *names)]

    every = ["d_one#0", "d_two#0", "d_two#1", ANONYMOUS]
    assert sorted(named()) == sorted(named("all")) == sorted(every)
    assert named("d_one") == named("d_one#0") == ["d_one#0"]
    assert named("d_two#1") == ["d_two#1"]
    assert named("third") == named(f"third:{PORT}") == named(ANONYMOUS) == [ANONYMOUS]
    for command, wrong in [(("status", "d_two"), ["d_two#0", "d_two#1"]), (("status", "nix"), every),
                           (("status", "d_plain"), every), (("status", "primary"), every),
                           (("switch", "d_one", "third"), [f"primary:{PORT}", f"second:{PORT}"]),
                           (("switch", "d_one", "2"), [f"primary:{PORT}", f"second:{PORT}"]),
                           (("drain", "all", "nix"), every)]:
        line = steer(lab, *command, code=CANNOT_TELL)
        assert all(name in line for name in wrong), line
    done = lab.client.failoverctl("drain", "all", "third")
    assert done.stdout.splitlines()[0].startswith(f"{ANONYMOUS}: third:{PORT}: drained")
    assert "done for 3 of 3" in steer(lab, "drain", "all", "second")


BAD_LINES = [
    b"FAILOVER", b"FAILOVER ", b"FAILOVER nix", b"FAILOVERstatus", b"FAILOVER status a b", b"FAILOVER switch", b"FAILOVER switch d",
    b"FAILOVER drain d s x", b"FAILOVER status --nix", b"FAILOVER status --json --json", b"FAILOVER status \x01\xff\x7f",
    b"FAILOVER status %s%n%s%n", b"FAILOVER check " + b"x" * 2000, b"FAILOVER switch \xc3\x28 \xff", b"FAILOVER status \r",
]


def test_bad_lines(lab: Lab, authority: CertificateAuthority) -> None:
    """Also what our own client would never send. Each has one line for an answer, with the code of what cannot be told."""
    primary = lab.server("primary", PORT)
    lab.network.add_host("second")
    lab.network.add_host("third")
    start(lab, authority, TCP)
    lab.deliver_to(primary)
    for line in BAD_LINES:
        answer = ask(lab, line)
        assert re.fullmatch(rb"3 [ -~\x80-\xff]+\n\.\n", answer), (line, answer)
    assert ask(lab, b"FAILOVER status " + b"x" * 100_000) == b""  # syslog-ng's own limit
    assert ask(lab, b"FAILOVER  status   d_remote ").startswith(b"0 \nd_remote#0: ")
    lab.deliver_to(primary)
    assert "there is no command" in steer(lab, "nix", code=CANNOT_TELL)
    assert steer(lab, code=CANNOT_TELL)
    assert steer(lab, "switch", "d_remote", code=CANNOT_TELL)
    assert steer(lab, "switch", "d_remote", "a b", code=CANNOT_TELL)


def ask(lab: Lab, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(SOON_S)
        control.connect(str(lab.client.control_socket))
        answer = b""
        try:
            control.sendall(line + b"\n")
            while not answer.endswith(b"\n.\n") and (piece := control.recv(65536)):
                answer += piece
        except (BrokenPipeError, ConnectionResetError):
            pass
        return answer


def test_no_answer(lab: Lab, authority: CertificateAuthority) -> None:
    lab.start_client(lab.config(f'network("127.0.0.1" port({PORT}))', module=False))
    assert "module not loaded" in steer(lab, "status", code=CANNOT_TELL)
    lab.client.stop()
    assert "syslog-ng does not run" in steer(lab, "status", code=CANNOT_TELL)


def test_no_destination(lab: Lab) -> None:
    lab.start_client(lab.config(f'network("127.0.0.1" port({PORT}))'))
    assert "no destination has failover()" in steer(lab, "status", code=CANNOT_TELL)


def test_version_and_help(lab: Lab) -> None:
    program = str(MODULE_DIR / "failoverctl")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"failoverctl \d+\.\d+\.\d+\n", version)
    usage = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(f"  {command} " in usage for command in ("status", "watch", "check", "switch", "drain", "maint", "ready"))
    assert max(map(len, usage.splitlines())) <= 120
    libraries = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"syslog|glib|ssl|ivykis", libraries)


def complete(lab: Lab, *words: str) -> list[str]:
    """What bash offers for the last of them."""
    script = (f'. "{REPOSITORY}/modules/failoverctl/failoverctl.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _failoverctl; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    typed = ["failoverctl", "-c", str(lab.client.control_socket), *words]
    done = subprocess.run(["bash", "-c", script, "bash", *typed], capture_output=True, text=True, check=True,
                          env={**os.environ, "PATH": f"{MODULE_DIR}:{os.environ['PATH']}"})
    assert not done.stderr
    return done.stdout.split()


def test_completion(lab: Lab) -> None:
    for name in ("primary", "second", "third"):
        lab.server(name, PORT)
    lab.start_client(several(lab))
    assert complete(lab, "s") == ["status", "switch"]
    assert complete(lab, "status", "d_t") == ["d_two#0", "d_two#1"]
    assert complete(lab, "drain", "a") == ["all"]
    assert complete(lab, "drain", "d_one", "") == [f"primary:{PORT}", f"second:{PORT}"]
    assert complete(lab, "switch", "d_two#1", "s") == [f"second:{PORT}"]
    assert set(complete(lab, "drain", "all", "t")) == {f"third:{PORT}"}
    assert complete(lab, "status", "--j") == ["--json"]
    assert complete(lab, "drain", "nix", "") == []


# Many


def test_many_destinations(lab: Lab) -> None:
    """The status of 500 comes in less than a few times what syslog-ng takes for its own counters of them."""
    lab.server("primary", PORT)
    lab.network.add_host("second")
    count = 500
    driver = f'network("primary" port({PORT}) failover(servers("second")) persist-name("p%d"))'
    lab.start_client(configuration("".join(destination(f"d_{i}", driver % i) for i in range(count))))
    wait_until(lambda: len(lab.client.lines(CONNECTED)) == count, 4 * SOON_S, "all are connected")

    def fastest(ask: Any) -> float:
        took = []
        for _ in range(5):
            begun = time.monotonic()
            ask()
            took.append(time.monotonic() - begun)
        return min(took)

    of_counters = fastest(lambda: lab.client.control("stats"))
    of_status = fastest(lambda: status(lab))
    print(f"{count} destinations: counters {of_counters * 1000:.0f} ms, status {of_status * 1000:.0f} ms")
    facts = status(lab)
    assert len(facts) == count
    assert {it["in_use"]["server"] for it in facts} == {f"primary:{PORT}"}
    assert of_status < 5 * of_counters
    assert "done for 500 of 500" in steer(lab, "ready", "all", "primary")
