# SPDX-License-Identifier: GPL-2.0-or-later
"""The laboratory of the end-to-end tests: hosts, log servers, a sender and a real syslog-ng. What it shares with the
benchmark and the demo is in tests/lib."""
