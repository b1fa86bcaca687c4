# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/examples/alerts.yml on what a real failover() said: each alert fires when it should, and not before.

Each state of a failover is scraped once, and its samples are laid out over as many minutes as a story says."""

import json
import os
import subprocess
from pathlib import Path

from certificates import CertificateAuthority
from harness.lab import Lab
from harness.metrics import Sample, in_csv, in_prometheus
from harness.syslog_ng import REPOSITORY
from waiting import SOON_S, wait_until

RULES = REPOSITORY / "docs" / "examples" / "alerts.yml"
PROMTOOL = Path(os.environ.get("FAILOVER_PROMTOOL_DIR", REPOSITORY / ".cache" / "promtool")) / "promtool"

ALL_FAILED = "failover: all log servers failed"
DAY = 24 * 60

#: A state, and for how many minutes it lasts.
Story = list[tuple[list[Sample], int]]


def network(failover: str, tls: str = "") -> str:
    return f'network("primary" port(514) {tls} failover(servers("second") switch-delay(0) {failover}))'


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL.exists(), f"{PROMTOOL} does not exist: run tests/lib/promtool.sh."
    return subprocess.run([str(PROMTOOL), *arguments], capture_output=True, text=True)


def series_of(story: Story) -> list[dict[str, str]]:
    """As promtool wants them: one value a minute, and _ where there is none."""
    values: dict[str, list[str]] = {}
    minutes = 0
    for samples, duration in story:
        for sample in samples:
            labels = ",".join(f"{name}={json.dumps(value)}" for name, value in {**sample.labels, "instance": "here"}.items())
            of_series = values.setdefault(f"{sample.name}{{{labels}}}", [])
            # in Prometheus a series that is gone from a scrape ends at once
            of_series += ["stale"] * (minutes - len(of_series)) if of_series else ["_"] * minutes
            of_series += [str(sample.value)] * duration
        minutes += duration
    return [{"series": name, "values": " ".join([*of, *["stale"] * (minutes - len(of))])} for name, of in values.items()]


def check(directory: Path, story: Story, alert: str, expected: dict[int, bool]) -> None:
    """At those minutes the alert fires or does not."""
    count = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)'
    tests = [{"expr": count, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": int(fires)}]}
             for minute, fires in expected.items()]
    file = directory / f"{alert}.json"  # which is YAML
    file.write_text(json.dumps({
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series_of(story), "promql_expr_test": tests}]}))
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{file.read_text()}"


def scrape(lab: Lab, *expected: tuple[tuple[str, str], int]) -> list[Sample]:
    """Once the destination is so."""
    wait_until(lambda: dict(expected).items() <= in_csv(lab.client).items(), SOON_S, f"{expected} in {in_csv(lab.client)}")
    return in_prometheus(lab.client)


def active(server: str, value: int = 1) -> tuple[tuple[str, str], int]:
    return (f"{server}:514", "active"), value


def test_the_rules_are_valid() -> None:
    done = promtool("check", "rules", str(RULES))
    assert done.returncode == 0 and "7 rules found" in done.stdout, f"{done.stdout}{done.stderr}"


def test_servers_that_fail(lab: Lab, tmp_path: Path) -> None:
    primary, second = lab.start_servers("primary", "second")
    # a primary that is back is not returned to while this test goes on
    lab.start_client(lab.config(network("standby-probe-interval(0.3) failback(tcp-probe-interval(3600))")))
    well = scrape(lab, active("primary"), (("second:514", "up"), 1))
    primary.kill()
    on_second = scrape(lab, active("second"), (("", "switches_total_rotation"), 1))
    second.kill()
    lab.client.wait_for(ALL_FAILED)
    none = scrape(lab, active("second", 0), active("primary", 0), (("second:514", "up"), 0))

    check(tmp_path, [(well, 60), (none, 10), (on_second, 10)], "FailoverNoServer", {59: False, 60: False, 61: True, 69: True, 70: False})
    check(tmp_path, [(well, 60), (on_second, 20), (well, 5)], "FailoverNotOnPrimary",
          {59: False, 74: False, 75: True, 79: True, 80: False})
    check(tmp_path, [(well, 60), (on_second, 20), (well, 5)], "FailoverNoServer", {65: False, 79: False})
    check(tmp_path, [(well, 60), (on_second, 20), (well, 5)], "FailoverNoStandby", {59: False, 64: False, 65: True, 80: False})
    for alert in ("FailoverLost", "FailoverManySwitches", "FailoverUnconfirmed", "FailoverCertificateExpires"):
        check(tmp_path, [(well, 60), (on_second, 20), (none, 20)], alert, {minute: False for minute in range(100)})


def test_many_switches(lab: Lab, tmp_path: Path) -> None:
    servers = {server.name: server for server in lab.start_servers("primary", "second")}
    lab.start_client(lab.config(network("")))
    in_use, other = "primary", "second"
    states = [scrape(lab, active("primary"))]
    for count in range(1, 7):
        servers[in_use].kill()
        states.append(scrape(lab, active(other), (("", "switches_total_rotation"), count)))
        servers[in_use].start()
        in_use, other = other, in_use
    calm, five, six = [(states[0], 90)], [(state, 10) for state in states[1:6]], states[6]
    check(tmp_path, [*calm, *five, (six, 120)], "FailoverManySwitches", {89: False, 139: False, 140: True, 149: True, 152: False})
    # one in half an hour is not many
    check(tmp_path, [*calm, *[(state, 30) for state in states[1:]]], "FailoverManySwitches",
          {minute: False for minute in range(90, 270)})


def test_messages_that_nobody_confirms(lab: Lab, tmp_path: Path) -> None:
    primary = lab.server("primary")
    lab.network.add_host("second")
    client = lab.start_client(lab.config(network("resend-buffer-size(65536)")))
    few = scrape(lab, active("primary"))
    primary.freeze()
    list(lab.sender.send(10))
    some = scrape(lab, (("", "unconfirmed_events"), 10))
    list(lab.sender.send(200))

    def over_half() -> bool:
        found = in_csv(client)
        return found["", "unconfirmed_bytes"] > found["", "resend_buffer_bytes"] / 2

    wait_until(over_half, SOON_S, f"more than half of the buffer: {in_csv(client)}")
    many = in_prometheus(client)
    check(tmp_path, [(few, 10), (some, 10), (many, 10), (few, 10)], "FailoverUnconfirmed",
          {9: False, 19: False, 20: False, 21: True, 29: True, 30: False})
    primary.kill()
    client.wait_for(ALL_FAILED)
    client.reload(lab.config(network("resend(no)")))
    wait_until(lambda: in_csv(client)["", "lost_events_total"] > 0, SOON_S, "messages that are lost")
    check(tmp_path, [(few, 10), (many, 10), (in_prometheus(client), 10)], "FailoverLost", {9: False, 19: False, 20: True})


def test_a_certificate_that_expires(lab: Lab, authority: CertificateAuthority, tmp_path: Path) -> None:
    lab.server("primary", certificate=authority.certificate_for("primary"))
    lab.start_client(lab.config(network("", f'transport("tls") tls(ca-file("{authority.certificate}"))')))
    said = scrape(lab, active("primary"))
    (expiry,) = [sample for sample in said if sample.name == "syslogng_output_failover_server_certificate_expiry_timestamp_seconds"]
    # promtool's time begins in 1970
    soon = [sample if sample != expiry else sample._replace(value=20 * DAY * 60) for sample in said]
    check(tmp_path, [(soon, 7 * DAY)], "FailoverCertificateExpires", {6 * DAY - 1: False, 6 * DAY: False, 6 * DAY + 1: True})
    check(tmp_path, [(said, 60)], "FailoverCertificateExpires", {59: False})


def test_a_drain_is_no_reason_to_wake_anybody(lab: Lab, tmp_path: Path) -> None:
    """The administrative state alone is put into the samples by hand."""
    primary, _ = lab.start_servers("primary", "second")
    lab.start_client(lab.config(network("failback(tcp-probe-interval(3600))")))
    scrape(lab, active("primary"))
    primary.kill()
    on_second = scrape(lab, active("second"))
    drained = [sample._replace(value=int(sample.labels["state"] == "drain"))
               if sample.labels.get("state") and sample.labels["role"] == "primary" else sample for sample in on_second]
    check(tmp_path, [(on_second, 30)], "FailoverNotOnPrimary", {29: True})
    check(tmp_path, [(drained, 30)], "FailoverNotOnPrimary", {29: False})
