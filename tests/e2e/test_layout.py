# SPDX-License-Identifier: GPL-2.0-or-later
"""The module proves at load that it knows this syslog-ng's private layouts; and it exports nothing but its entry."""

import re
import subprocess
from pathlib import Path

from harness import syslog_ng
from harness.syslog_ng import MODULE_DIR, WRONG_LAYOUT_DIR, check_syntax, installed_version

PLAIN = syslog_ng.configuration(syslog_ng.destination("d_remote", 'network("a" port(514))'), source="internal()")


def test_right_layout_is_taken(tmp_path: Path) -> None:
    result = check_syntax(PLAIN, tmp_path)
    assert result.exit_code == 0, result.text


def test_wrong_layout_is_refused_with_one_line(tmp_path: Path) -> None:
    assert (WRONG_LAYOUT_DIR / "libfailover.so").exists(), f"not built: {WRONG_LAYOUT_DIR}/libfailover.so"
    result = check_syntax(PLAIN, tmp_path, module_dir=WRONG_LAYOUT_DIR)
    assert result.exit_code > 0, f"not a crash, not a success: {result.exit_code}\n{result.text}"
    lines = [line for line in result.text.splitlines() if "failover" in line and installed_version() in line]
    assert len(lines) == 1, result.text
    versions = re.findall(r"\b\d+\.\d+(?:\.\d+)?\b", re.sub(r"^\[[^\]]*\]", "", lines[0]))
    assert len(versions) >= 2, f"the version found and the versions known: {lines[0]}"


def test_exports_its_entry_points_only() -> None:
    listed = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", str(MODULE_DIR / "libfailover.so")],
                            capture_output=True, text=True, check=True).stdout
    assert sorted(line.split()[0] for line in listed.splitlines()) == ["failover_module_init", "module_info"]
