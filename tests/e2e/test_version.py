# SPDX-License-Identifier: GPL-2.0-or-later
"""One version, that of project() in CMakeLists.txt, wherever one is told."""

import gzip
import os
import re
import subprocess

from children import find_program
from harness.syslog_ng import MODULE_DIR, REPOSITORY
from stock import stock_module_dir


def first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    assert found, f"no {pattern} in:\n{text}"
    return found[1]


VERSION = first(r"^project\(failover VERSION (\S+)", (REPOSITORY / "CMakeLists.txt").read_text())


def said_by(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def test_of_the_module() -> None:
    syslog_ng = find_program("syslog-ng", "syslog-ng-core")
    registry = said_by(syslog_ng, "--module-registry", f"--module-path={MODULE_DIR}:{stock_module_dir()}")
    assert first(r"^Module: failover\n(?:.+\n)*?Version: (\S+)$", registry) == VERSION


def test_of_the_client() -> None:
    assert said_by(str(MODULE_DIR / "failoverctl"), "--version") == f"failoverctl {VERSION}\n"


def test_of_the_man_page() -> None:
    page = gzip.decompress((MODULE_DIR / "modules/failoverctl/failoverctl.1.gz").read_bytes()).decode()
    assert first(r'^\.TH FAILOVERCTL 1 "\d+" "failover for syslog-ng (\S+)"', page) == VERSION


def test_of_the_changelog() -> None:
    """What comes first is it, or what is not released yet."""
    changelog = (REPOSITORY / "CHANGELOG.md").read_text()
    assert first(r"^## \[(\d\S*)\] - \d{4}-\d\d-\d\d$", changelog) == VERSION
