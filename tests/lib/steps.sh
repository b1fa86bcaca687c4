# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the scripts beside it, which set $work: checks one after the other, counted.
# shellcheck shell=bash disable=SC2154

passed=0
failed=0

# step NAME COMMAND...: one check; what it prints is shown if it fails
step()
{
  local start=$SECONDS
  printf '%s: ' "$1"
  shift
  if "$@" > "$work/log" 2>&1; then
    passed=$((passed + 1))
    echo "passed ($((SECONDS - start)) s)"
  else
    failed=$((failed + 1))
    echo "FAILED ($((SECONDS - start)) s)"
    cat "$work/log"
  fi
}
