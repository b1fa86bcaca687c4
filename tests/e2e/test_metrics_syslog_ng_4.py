# SPDX-License-Identifier: GPL-2.0-or-later
"""What `syslog-ng-ctl stats prometheus` says of a failover(). Not collected with versions that have no such thing: conftest.py."""

from harness.lab import Lab
from harness.metrics import in_csv, in_prometheus
from waiting import SOON_S, wait_until

DESTINATION = {"id": "d_remote#0", "driver": "afsocket", "transport": "tcp"}
PREFIX = "syslogng_output_failover_"


def network(primary: str = "primary", servers: str = '"second"') -> str:
    return f'network("{primary}" port(514) persist-name("logs") failover(servers({servers}) switch-delay(0)))'


def found(lab: Lab) -> set[tuple[object, ...]]:
    """Each as (name, what it has besides the destination's own labels, value)."""
    samples = in_prometheus(lab.client)
    for sample in samples:
        assert sample.name.startswith(PREFIX) and DESTINATION.items() <= sample.labels.items(), sample
    all_of_them = [(sample.name.removeprefix(PREFIX), *sorted((sample.labels.items() - DESTINATION.items())), sample.value)
                   for sample in samples]
    assert len(all_of_them) == len(set(all_of_them)) == len(in_csv(lab.client))
    return set(all_of_them)


def server(name: str, role: str, *, active: int, up: int | None, failures: dict[str, int] | None = None) -> set[tuple[object, ...]]:
    labels = (("address", f"{name}:514"), ("role", role))
    expected: set[tuple[object, ...]] = {("server_active", *labels, active)}
    if up is not None:
        expected.add(("server_up", *labels, up))
    for state in ("ready", "drain", "maint"):
        expected.add(("server_admin_state", *labels, ("state", state), int(state == "ready")))
    for reason, count in (failures or {}).items():
        expected.add(("server_failures_total", labels[0], ("reason", reason), labels[1], count))
    return expected


ALWAYS: set[tuple[object, ...]] = {("resent_events_total", 0), ("unconfirmed_events", 0), ("unconfirmed_bytes", 0),
                                   ("resend_buffer_bytes", 16 << 20), ("lost_events_total", 0)}


def wait_for(lab: Lab, *expected: set[tuple[object, ...]]) -> None:
    wanted = ALWAYS.union(*expected)

    def without_time() -> set[tuple[object, ...]]:
        return {sample for sample in found(lab) if sample[0] != "last_switch_timestamp_seconds"}

    wait_until(lambda: without_time() == wanted, SOON_S, f"{wanted} and no more; found {found(lab) ^ wanted} to differ")


def test_each_state_of_a_failover_and_reloads(lab: Lab) -> None:
    primary, second = lab.start_servers("primary", "second")
    client = lab.start_client(lab.config(network()))
    lab.wait_in_use(primary)
    wait_for(lab, server("primary", "primary", active=1, up=1), server("second", "standby", active=0, up=None))

    primary.kill()
    lab.wait_in_use(second)
    switched = {("switches_total", ("reason", "rotation"), 1)}
    failed = server("primary", "primary", active=0, up=0, failures={"closed": 1})
    wait_for(lab, failed, server("second", "standby", active=1, up=1), switched)

    for _ in range(2):
        client.control("stats", "--reset")
        client.reload()
        wait_for(lab, failed, server("second", "standby", active=1, up=1), switched)

    # another list: what belongs to a server stays its own, where it stands is told anew
    client.reload(lab.config(network("second", '"primary"')))
    wait_for(lab, server("primary", "standby", active=0, up=0, failures={"closed": 1}),
             server("second", "primary", active=1, up=1), switched)
    client.reload(lab.config(network("second", '"third"')))
    wait_for(lab, server("second", "primary", active=1, up=1), server("third", "standby", active=0, up=None), switched)


def test_gone_with_the_destination(lab: Lab) -> None:
    (primary,) = lab.start_servers("primary")
    client = lab.start_client(lab.config(network()))
    lab.wait_in_use(primary)
    for gone in ('file("/dev/null")', 'network("primary" port(514) persist-name("logs"))'):
        assert found(lab)
        client.reload(lab.config(gone))
        assert not found(lab)
        client.reload(lab.config(network()))
    wait_for(lab, server("primary", "primary", active=1, up=1), server("second", "standby", active=0, up=None))
