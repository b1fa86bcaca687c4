# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the end-to-end tests, and the client's log in the report of each test that fails."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from certificates import CertificateAuthority
from harness.flow import Flow
from harness.lab import Lab
from harness.syslog_ng import MODULE_DIR
from stock import installed_version

NEEDED = {"syslog-ng": "syslog-ng-core", "ip": "iproute2", "ss": "iproute2", "nft": "nftables", "openssl": "openssl",
          "valgrind": "valgrind", "nm": "binutils", "pkg-config": "pkg-config"}


# Tests of what the installed syslog-ng does not have are not tests of it.
collect_ignore_glob = ["*_syslog_ng_4.py"] if shutil.which("syslog-ng") and installed_version().startswith("3.") else []


@pytest.fixture(scope="session", autouse=True)
def requirements() -> None:
    """One clear line in place of a failure in each test."""
    missing = {package for program, package in NEEDED.items() if not shutil.which(program)}
    if missing:
        pytest.exit(f"the end-to-end tests need the packages: {' '.join(sorted(missing))}", returncode=2)
    if os.geteuid() != 0:
        pytest.exit("the end-to-end tests need root: their hosts are network namespaces", returncode=2)
    if not (MODULE_DIR / "libfailover.so").exists():
        pytest.exit(f"no libfailover.so in {MODULE_DIR}: build it, or name its place in FAILOVER_MODULE_DIR", returncode=2)


def pytest_configure() -> None:
    # So that `timeout pytest` takes everything down as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A network of real processes; gone after the test, however it ended."""
    with Lab() as lab:
        yield lab
        assert not lab.client_died(), f"syslog-ng ended by itself\n{lab.story()}"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    directory: Path = tmp_path_factory.mktemp("certificates")
    return CertificateAuthority(directory)


@pytest.fixture
def flow(lab: Lab, authority: CertificateAuthority) -> Flow:
    return Flow(lab, authority)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    lab = getattr(item, "funcargs", {}).get("lab")
    if report.failed and report.when == "call" and lab:
        report.sections.append(("the lab", lab.story()))
