#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# soak.sh N [FIRST-SEED] - N seeds of the simulator, on all cores.  Stops at the
# first violation, prints the line that replays it and ends with its exit code.
set -u
cd "$(dirname "$0")/../.." || exit 1

seeds=${1:-}
first=${2:-1}
if ! [[ $seeds =~ ^[1-9][0-9]*$ && $first =~ ^[0-9]+$ ]]; then
  echo "usage: tests/sim/soak.sh N [FIRST-SEED]" >&2
  exit 2
fi

simulator=build/tests/sim/failover_sim
share=500 # seeds of one run: a second or two
cores=$(nproc)
work=$(mktemp -d)
declare -A running=() # process: its first seed

end()
{
  [ ${#running[@]} -eq 0 ] || kill "${!running[@]}" 2>/dev/null
  wait
  rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

# one run has ended: all is well, or this is the end
wait_for_one()
{
  local pid status
  wait -n -p pid
  status=$?
  if [ $status -ne 0 ]; then
    # a crash has no such line: what there is says where
    grep -m 1 -A 1 '^FAILED' "$work/${running[$pid]}" || cat "$work/${running[$pid]}"
    unset "running[$pid]"
    exit $status
  fi
  rm "$work/${running[$pid]}"
  unset "running[$pid]"
}

if ! { cmake --preset default && cmake --build --preset default --target failover_sim; } > "$work/build" 2>&1; then
  cat "$work/build"
  exit 1
fi

last=$((first + seeds - 1))
next=$first
start=$EPOCHREALTIME
echo "seeds $first to $last"
while [ "$next" -le "$last" ] || [ ${#running[@]} -gt 0 ]; do
  if [ "$next" -gt "$last" ] || [ ${#running[@]} -ge "$cores" ]; then
    wait_for_one
    continue
  fi
  count=$((last - next + 1 < share ? last - next + 1 : share))
  "$simulator" --seed "$next" --seeds "$count" > "$work/$next" 2>&1 &
  running[$!]=$next
  next=$((next + count))
done
awk -v seeds="$seeds" -v cores="$cores" -v start="$start" -v end="$EPOCHREALTIME" 'BEGIN {
  rate = seeds / (end - start)
  printf "no violation, %.0f seeds a second, %.0f a core\n", rate, rate / cores }'
