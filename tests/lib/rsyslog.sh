#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rsyslog.sh [FOLDER] - unpacks Debian's rsyslog there (.cache/rsyslog), if it is not yet, for the tests and
# measurements with it as log server.  It cannot be installed: its package and that of syslog-ng exclude each
# other.  The libraries that it needs can be: they are in packages.sh.
set -eu
cd "$(dirname "$0")/../.."
folder=${1:-.cache/rsyslog}

[ ! -d "$folder" ] || exit 0
rm -rf "$folder.new"
mkdir -p "$folder.new"
cd "$folder.new"
apt-get -q update
apt-get -q -o APT::Sandbox::User=root download rsyslog rsyslog-openssl
for package in *.deb; do
  dpkg-deb -x "$package" .
  rm "$package"
done
mv "$PWD" "${PWD%.new}"
