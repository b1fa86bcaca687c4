# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the scripts beside it: the releases of Debian that have a syslog-ng which the
# module can be built for.  To each belongs a row in cmake/FindSyslogNg.cmake.
# shellcheck shell=bash

# name, debootstrap's script for it, version of its syslog-ng
RELEASES=(
  "bookworm bookworm 3.38.1"
  "trixie   trixie   4.8.1"
  "forky    sid      4.12.0"
)

# release_names: the names of all
release_names()
{
  local row
  for row in "${RELEASES[@]}"; do echo "${row%% *}"; done
}

release_script() { _release_field "$1" 2; }
release_syslog_ng() { _release_field "$1" 3; }

# release_check NAME...: says what there is if one of them is not
release_check()
{
  local name
  for name in "$@"; do
    _release_field "$name" 1 > /dev/null && continue
    echo "\"$name\" is not a release in tests/lib/releases.sh, these are: $(release_names | paste -sd ' ')" >&2
    return 1
  done
}

# _release_field NAME NUMBER
_release_field()
{
  local row fields
  for row in "${RELEASES[@]}"; do
    read -ra fields <<< "$row"
    [ "${fields[0]}" = "$1" ] || continue
    echo "${fields[$2 - 1]}"
    return
  done
  return 1
}
