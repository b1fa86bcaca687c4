# SPDX-License-Identifier: GPL-2.0-or-later
"""What `syslog-ng --syntax-only` takes and refuses: the option as documented, and each mistake with its own text."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import syslog_ng
from harness.syslog_ng import SyntaxCheck, check_syntax
from reference import BOTH_EXAMPLES

#: Ends the line that an error must name, in the snippets of more than one line.
HERE = "# here"


def check(driver: str, directory: Path) -> SyntaxCheck:
    return check_syntax(complete(driver), directory)


def complete(driver: str) -> str:
    # The line break keeps a comment at the end of a snippet to itself.
    return syslog_ng.configuration(syslog_ng.destination("d_remote", f"{driver}\n"), source="internal()")


def expected_line(config: str, driver: str) -> int:
    """The line that ends in HERE, else the only line of the driver."""
    lines = config.splitlines()
    marked = [number for number, line in enumerate(lines, 1) if line.endswith(HERE)]
    return marked[0] if marked else lines.index(driver) + 1


def network(options: str, primary: str = "a", other: str = "port(514)") -> str:
    return f'network("{primary}" {other} failover({options}))'


ACCEPTED = {
    "network": 'network("a" port(514) failover(servers("b")))',
    "syslog": 'syslog("a" port(601) failover(servers("b")))',
    "syslog-tcp": 'syslog("a" transport("tcp") port(514) failover(servers("b")))',
    "tcp": 'tcp("a" port(514) failover(servers("b")))',
    "tcp6": 'tcp6("::1" port(514) failover(servers("[::2]:514")))',
    "default-port": 'network("a" failover(servers("b")))',
    "many-servers": network('servers("b", "c:514", "[::1]:514", "192.0.2.1:1", "192.0.2.1:65535")'),
    "same-host-other-port": network('servers("a:515")'),
    "failback-empty": network('servers("b") failback()'),
    "failback-interval": network('servers("b") failback(tcp-probe-interval(60))'),
    "failback-required": network('servers("b") failback(successful-probes-required(3))'),
    "failback-both": network('servers("b") failback(tcp-probe-interval(60) successful-probes-required(3))'),
    "failback-both-reversed": network('servers("b") failback(successful-probes-required(1) tcp-probe-interval(1))'),
    "failback-before-servers": network('failback(tcp-probe-interval(60)) servers("b")'),
    "interval-decimal": network('servers("b") failback(tcp-probe-interval(0.2))'),
    "underscores": network('servers("b") failback(tcp_probe_interval(2) successful_probes_required(2)) switch_delay(1)'),
    "switch-delay": network('servers("b") switch-delay(1)'),
    "switch-delay-zero": network('servers("b") switch-delay(0)'),
    "switch-delay-decimal": network('servers("b") switch-delay(0.25)'),
    "switch-delay-first": network('switch-delay(2) servers("b")'),
    "timeouts": network('servers("b") connect-timeout(2.5) dead-peer-timeout(0)'),
    "resend": network('servers("b") resend(no) resend-grace(0) resend-buffer-size(64KiB)'),
    "resend-other-way": network('servers("b") resend_buffer_size(1M) resend_grace(1.5) resend(yes)'),
    "everything": network('switch-delay(1) failback(tcp-probe-interval(60) successful-probes-required(3)) servers("b", "c")'),
    "failover-first": 'network("a" failover(servers("b")) port(514) time-reopen(60))',
    "other-flags": network('servers("b")', other="flags(syslog-protocol, no-multi-line)"),
    "transport-tcp-after": 'network("a" failover(servers("b")) transport("tcp"))',
    "transport-tls-after": 'network("a" failover(servers("b")) transport("tls") tls(peer-verify(yes)))',
    "two-destinations": 'network("a" failover(servers("b"))); network("c" failover(servers("d")))',
}


@pytest.mark.parametrize("driver", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(driver: str, tmp_path: Path) -> None:
    result = check(driver, tmp_path)
    assert result.exit_code == 0, result.text


def test_reference_examples_to_the_letter(tmp_path: Path) -> None:
    result = check_syntax(syslog_ng.configuration(BOTH_EXAMPLES, source="internal()"), tmp_path)
    assert result.exit_code == 0, result.text


@dataclass(frozen=True)
class Bad:
    name: str
    driver: str
    text: str


NO_SERVERS = "failover() needs servers()"
NO_SERVER = "servers() needs at least one server"
NOT_A_SERVER = 'is not a server; allowed: "host", "host:port", "[IPv6 address]:port"'
BAD_PORT = "port must be 1 to 65535"
TWICE_LISTED = "is listed twice"
PRIMARY = "is the primary server itself"
BAD_INTERVAL = "tcp-probe-interval() takes seconds above 0"
BAD_REQUIRED = "successful-probes-required() takes a whole number above 0"
BAD_DELAY = "switch-delay() takes seconds, 0 or more"
TWICE_GIVEN = "is given twice"
NO_UDP = "failover() needs a TCP or TLS transport"
INET_ONLY = "failover() works in network(), syslog(), tcp() and tcp6() only"
OLD_OPTION = "failover-servers() and failover() cannot be used together"
NO_IGNORING = "flags(ignore-errors) and failover() cannot be used together"
UNKNOWN = "is not an option of failover()"

BAD = [
    # servers()
    Bad("nothing", network(""), NO_SERVERS),
    Bad("failback-only", network("failback()"), NO_SERVERS),
    Bad("servers-empty", network("servers()"), NO_SERVER),
    Bad("server-empty", network('servers("")'), NOT_A_SERVER),
    Bad("server-empty-among-others", network('servers("b", "", "c")'), NOT_A_SERVER),
    Bad("server-three-parts", network('servers("a:b:c")'), NOT_A_SERVER),
    Bad("server-open-bracket", network('servers("[::1")'), NOT_A_SERVER),
    Bad("server-without-port", network('servers("host:")'), NOT_A_SERVER),
    Bad("server-without-host", network('servers(":514")'), NOT_A_SERVER),
    Bad("port-zero", network('servers("b:0")'), BAD_PORT),
    Bad("port-too-high", network('servers("b:65536")'), BAD_PORT),
    Bad("port-far-too-high", network('servers("b:70000")'), BAD_PORT),
    Bad("port-beyond-integers", network('servers("b:99999999999999999999")'), BAD_PORT),
    Bad("port-of-ipv6", network('servers("[::1]:0")'), BAD_PORT),
    Bad("server-twice", network('servers("b", "c", "b")'), TWICE_LISTED),
    Bad("server-twice-with-port", network('servers("b:515", "b:515")'), TWICE_LISTED),
    Bad("server-twice-implied-port", network('servers("b", "b:514")'), TWICE_LISTED),
    Bad("primary", network('servers("a")'), PRIMARY),
    Bad("primary-with-port", network('servers("b", "a:514")'), PRIMARY),
    Bad("primary-network-default", network('servers("a:514")', other=""), PRIMARY),
    Bad("primary-tcp-default", 'tcp("a" failover(servers("a:514")))', PRIMARY),
    Bad("primary-syslog-default", 'syslog("a" failover(servers("a:601")))', PRIMARY),
    Bad("primary-tls-default", 'syslog("a" transport("tls") failover(servers("a:6514")))', PRIMARY),
    Bad("primary-port-after", 'network("a" failover(servers("a:515")) port(515))', PRIMARY),
    Bad("primary-ipv6", 'tcp6("::1" port(514) failover(servers("[::1]:514")))', PRIMARY),
    # numbers
    Bad("interval-zero", network('servers("b") failback(tcp-probe-interval(0))'), BAD_INTERVAL),
    Bad("interval-zero-decimal", network('servers("b") failback(tcp-probe-interval(0.0))'), BAD_INTERVAL),
    Bad("interval-negative", network('servers("b") failback(tcp-probe-interval(-1))'), BAD_INTERVAL),
    Bad("interval-text", network('servers("b") failback(tcp-probe-interval("x"))'), BAD_INTERVAL),
    Bad("required-zero", network('servers("b") failback(successful-probes-required(0))'), BAD_REQUIRED),
    Bad("required-negative", network('servers("b") failback(successful-probes-required(-1))'), BAD_REQUIRED),
    Bad("required-decimal", network('servers("b") failback(successful-probes-required(1.5))'), BAD_REQUIRED),
    Bad("delay-negative", network('servers("b") switch-delay(-1)'), BAD_DELAY),
    Bad("delay-text", network('servers("b") switch-delay("x")'), BAD_DELAY),
    # as the user wrote it
    Bad("interval-underscores", network('servers("b") failback(tcp_probe_interval(0))'),
        "tcp_probe_interval() takes seconds above 0"),
    Bad("required-underscores", network('servers("b") failback(successful_probes_required(0))'),
        "successful_probes_required() takes a whole number above 0"),
    Bad("delay-underscores", network('servers("b") switch_delay(-1)'), "switch_delay() takes seconds, 0 or more"),
    # twice
    Bad("servers-twice", network('servers("b") servers("c")'), "servers() is given twice"),
    Bad("failback-twice", network('servers("b") failback() failback()'), "failback() is given twice"),
    Bad("interval-twice", network('servers("b") failback(tcp-probe-interval(1) tcp-probe-interval(2))'), TWICE_GIVEN),
    Bad("required-twice", network('servers("b") failback(successful-probes-required(1) successful-probes-required(1))'),
        TWICE_GIVEN),
    Bad("delay-twice", network('servers("b") switch-delay(1) switch-delay(1)'), TWICE_GIVEN),
    Bad("failover-twice", 'network("a" failover(servers("b")) failover(servers("c")))', "failover() is given twice"),
    # where it does not belong
    Bad("udp-before", network('servers("b")', other='transport("udp")'), NO_UDP),
    Bad("udp-after", 'network("a" failover(servers("b")) transport("udp"))', NO_UDP),
    Bad("syslog-udp-after", 'syslog("a" failover(servers("b")) transport("udp"))', NO_UDP),
    Bad("udp-driver", 'udp("a" failover(servers("b")))', NO_UDP),
    Bad("udp6-driver", 'udp6("::1" failover(servers("b")))', NO_UDP),
    Bad("file", 'file("/dev/null" failover(servers("b")))', INET_ONLY),
    Bad("unix-stream", 'unix-stream("/dev/null" failover(servers("b")))', INET_ONLY),
    Bad("old-option-before", network('servers("b")', other='failover-servers("c")'), OLD_OPTION),
    Bad("old-option-after", 'network("a" failover(servers("b")) failover-servers("c"))', OLD_OPTION),
    Bad("ignore-errors-before", network('servers("b")', other='flags(syslog-protocol, ignore-errors)'), NO_IGNORING),
    Bad("ignore-errors-after", 'network("a" failover(servers("b")) flags(ignore-errors))', NO_IGNORING),
    # unknown, and not there yet
    Bad("unknown", network('servers("b") bogus(1)'), f"bogus() {UNKNOWN}"),
    Bad("connect-timeout", network('servers("b") connect_timeout(0)'), "connect_timeout() takes seconds above 0"),
    Bad("dead-peer-timeout", network('servers("b") dead-peer-timeout(-1)'), "dead-peer-timeout() takes seconds, 0 or more"),
    Bad("resend", network('servers("b") resend(perhaps)'), 'resend() takes yes or no, not "perhaps"'),
    Bad("resend-grace", network('servers("b") resend_grace(-1)'), "resend_grace() takes seconds, 0 or more"),
    Bad("resend-buffer-size", network('servers("b") resend-buffer-size(1)'), "resend-buffer-size() takes bytes from 64KiB"),
    Bad("resend twice", network('servers("b") resend(yes) resend(no)'), "resend() is given twice"),
    # the line, in a driver of many lines
    Bad("line-of-server", f"""network("a"
  failover(
    servers("b",
            "c:0" {HERE}
    )
  )
)""", BAD_PORT),
    Bad("line-of-number", f"""network("a"
  failover(
    servers("b")
    failback(
      tcp-probe-interval(0) {HERE}
      successful-probes-required(3)
    )
  )
)""", BAD_INTERVAL),
    Bad("line-of-option", f"""network("a"
  failover(
    servers("b")
    bogus(1) {HERE}
  )
)""", UNKNOWN),
]


@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
def test_refused(bad: Bad, tmp_path: Path) -> None:
    config = complete(bad.driver)
    result = check_syntax(config, tmp_path)
    assert result.exit_code > 0, f"refused, not crashed: {result.exit_code}\n{result.text}"
    assert bad.text in result.text
    assert expected_line(config, bad.driver.splitlines()[0]) in result.lines_blamed(), result.text
