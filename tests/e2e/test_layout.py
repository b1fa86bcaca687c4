# SPDX-License-Identifier: GPL-2.0-or-later
"""The module proves at load that it knows this syslog-ng's private layouts; and it exports nothing but its entry."""

import re
import subprocess
from pathlib import Path

from harness import syslog_ng
from harness.syslog_ng import MODULE_DIR, WRONG_LAYOUT_DIR, check_syntax
from stock import installed_version, stock_module_dir

PLAIN = syslog_ng.configuration(syslog_ng.destination("d_remote", 'network("a" port(514))'), source="internal()")


def refusal(module_dir: Path, tmp_path: Path) -> dict[str, str]:
    """What the one line says with which the module of that folder refuses this syslog-ng."""
    result = check_syntax(PLAIN, tmp_path, module_dir=module_dir)
    assert result.exit_code > 0, f"not a crash, not a success: {result.exit_code}\n{result.text}"
    lines = [line for line in result.text.splitlines() if "failover: refusing to load" in line]
    assert len(lines) == 1, result.text
    tags = dict(re.findall(r"(\w+)='([^']*)'", lines[0]))
    assert tags["built_for"] in tags["supported_versions"].split(", "), lines[0]
    return tags


def test_right_layout_is_taken(tmp_path: Path) -> None:
    result = check_syntax(PLAIN, tmp_path)
    assert result.exit_code == 0, result.text


def test_wrong_layout_is_refused_with_one_line(tmp_path: Path) -> None:
    assert (WRONG_LAYOUT_DIR / "libfailover.so").exists(), f"not built: {WRONG_LAYOUT_DIR}/libfailover.so"
    assert refusal(WRONG_LAYOUT_DIR, tmp_path)["found_version"] == installed_version()


def test_another_release_of_the_same_series_is_refused_with_one_line(tmp_path: Path) -> None:
    """Its layouts may be the same, but nobody has looked."""
    series, patch = installed_version().rsplit(".", 1)
    other = f"{series}.{9 - int(patch)}"
    stock = Path(stock_module_dir(), "libafsocket.so").read_bytes()
    version = f"\0{installed_version()}\0".encode()
    assert stock.count(version) == 1
    (tmp_path / "libafsocket.so").write_bytes(stock.replace(version, f"\0{other}\0".encode()))
    (tmp_path / "libfailover.so").symlink_to(MODULE_DIR / "libfailover.so")
    said = refusal(tmp_path, tmp_path)
    assert (said["found_version"], said["built_for"]) == (other, installed_version())


def test_exports_its_entry_points_only() -> None:
    listed = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", str(MODULE_DIR / "libfailover.so")],
                            capture_output=True, text=True, check=True).stdout
    assert sorted(line.split()[0] for line in listed.splitlines()) == ["failover_module_init", "module_info"]
