# SPDX-License-Identifier: GPL-2.0-or-later
"""The laboratory of the end-to-end tests: hosts, log servers, a sender and a real syslog-ng."""

import sys
from pathlib import Path

# What the tests share with the benchmark and the demo.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
