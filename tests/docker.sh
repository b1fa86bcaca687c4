#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# docker.sh [RELEASE] - the image of docker/Dockerfile on a release of Debian (the first in
# tests/lib/releases.sh if none is named) and the services of docker/compose.yaml, really
# built and run.  It needs no docker engine: podman does it, with a base image made by
# debootstrap, in a network of its own.  Needs root.  Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/lib/packages.sh
. tests/lib/packages.sh
# shellcheck source=tests/lib/chroot.sh
. tests/lib/chroot.sh
# shellcheck source=tests/lib/steps.sh
. tests/lib/steps.sh

export RELEASE=${1:-$(release_names | head -n 1)} # compose.yaml reads it
release_check "$RELEASE" || exit 2
image=localhost/syslog-ng-failover
base=docker.io/library/debian:$RELEASE-slim
services=(primary second third client)
deadline_s=120

if [ "$(id -u)" -ne 0 ]; then
  echo "tests/docker.sh makes chroots and containers: run it as root (sudo tests/docker.sh)" >&2
  exit 1
fi

# Outside of the namespaces: what is mounted and what runs inside ends with them, the
# folder after them.
if [ -z "${FAILOVER_DOCKER_WORK:-}" ]; then
  install_packages debootstrap podman podman-compose buildah crun netavark iptables aardvark-dns uidmap iproute2 || exit 1
  root=$(chroot_release "$RELEASE") || exit 1
  work=$(mktemp -d -p "$PWD/.cache" docker.XXXXXX) || exit 1
  trap 'rm -rf --one-file-system "$work"' EXIT
  FAILOVER_DOCKER_WORK=$work FAILOVER_DOCKER_BASE=$root \
    unshare --mount --propagation private --net --pid --fork --kill-child --mount-proc "$0" "$RELEASE" \
    < /dev/null 3< /proc/self/ns/net &
  # process 1 of a namespace heeds no other signal
  trap 'kill -KILL $!' INT TERM HUP
  wait $!
  status=$?
  wait
  exit $status
fi

work=$FAILOVER_DOCKER_WORK

# on_network COMMAND...: in the host's network, for packages; all else is in one of its own
on_network() { nsenter --net=/proc/self/fd/3 "$@"; }

# No cgroups and no systemd: a container in a test need not have them.
settings()
{
  local driver=vfs
  mkdir "$work"/{lower,upper,work,merged}
  mount -t overlay overlay -o "lowerdir=$work/lower,upperdir=$work/upper,workdir=$work/work" "$work/merged" 2> /dev/null &&
    umount "$work/merged" && driver=overlay

  cat > "$work/storage.conf" <<END
[storage]
driver = "$driver"
graphroot = "$work/storage"
runroot = "$work/run"
END
  cat > "$work/containers.conf" <<END
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[network]
network_backend = "netavark"
network_config_dir = "$work/networks"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
tmp_dir = "$work/tmp"
END
  export CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf
  export BUILDAH_ISOLATION=chroot BUILDAH_FORMAT=docker DISABLE_HC_SYSTEMD=true
  # crun does not want version 1 and version 2 at the same time
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
}

# what follows a failed step would only wait for what cannot come
go_on_if_passed()
{
  [ $failed -gt 0 ] || return 0
  podman ps --all
  for service in "${services[@]}"; do
    echo "the log of $service ends with"
    podman logs --tail 20 "$(container_of "$service")"
  done
  echo "$passed passed, $failed failed"
  exit 1
}

# wait_for COMMAND...: until it succeeds
wait_for()
{
  local end=$((SECONDS + deadline_s))
  until "$@"; do
    [ $SECONDS -lt $end ] || { echo "not within $deadline_s s: $*"; return 1; }
    sleep 0.2
  done
}

import_base()
{
  tar -C "$FAILOVER_DOCKER_BASE" --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' --exclude=./src -c . |
    podman import - "$base"
}

build_image()
{
  on_network podman-compose --file docker/compose.yaml build client | tee "$work/build.log"
  podman image exists "$image"
}

# in_image COMMAND...: in a container of the image
in_image() { podman run --rm --network=none --entrypoint "$1" "$image" "${@:2}"; }

container_of() { podman ps --all --quiet --filter "label=com.docker.compose.service=$1"; }

check_unit_tests() { grep '^100% tests passed' "$work/build.log"; }

check_user()
{
  local user
  user=$(in_image id -u) && echo "user $user" && [ "$user" -ne 0 ]
}

# the same syslog-ng as the release has it, and nothing to build with
check_image()
{
  # shellcheck disable=SC2016
  in_image dpkg-query -W -f '${Package} ${Version}\n' syslog-ng-core syslog-ng-mod-failover &&
    in_image dpkg --verify syslog-ng-core syslog-ng-mod-failover &&
    ! in_image sh -c 'command -v gcc g++ cmake'
}

check_default_configuration() { in_image syslog-ng --syntax-only --no-caps; }

# mounted TEXT: syslog-ng in the image reads the configuration TEXT
mounted()
{
  printf '@version: current\n@module failover\n%s\n' "$1" > "$work/mounted.conf"
  podman run --rm --network=none --volume "$work/mounted.conf:/etc/syslog-ng/syslog-ng.conf:ro" "$image" --syntax-only
}

check_mounted_configuration()
{
  mounted 'destination d { network("a" failover(servers("b:601") connect-timeout(2))); };' || return 1
  ! mounted 'destination d { network("a" failover(servers("b:601") connect-timeout(0))); };'
}

all_running()
{
  local service
  for service in "${services[@]}"; do
    [ "$(podman inspect --format '{{.State.Status}}' "$(container_of "$service")")" = running ] || return 1
  done
}

# PID 1, from the container's own /proc
check_first_process()
{
  local service
  for service in "${services[@]}"; do
    podman exec "$(container_of "$service")" sh -c '
      program=$(tr "\0" "\n" < /proc/1/cmdline | head -n 1)
      echo "$program"; grep Uid: /proc/1/status
      [ "$program" = /usr/sbin/syslog-ng ] && ! grep -q "^Uid:.*[[:space:]]0" /proc/1/status' || return 1
  done
}

healthy() { timeout 20 podman healthcheck run "$(container_of "$1")"; }

all_healthy()
{
  local service
  for service in "${services[@]}"; do
    wait_for healthy "$service" || return 1
  done
}

# a syslog-ng that hangs
check_unhealthy()
{
  local container status=0
  container=$(container_of third)
  podman kill --signal STOP "$container" || return 1
  healthy third && status=1
  podman kill --signal CONT "$container" && wait_for healthy third && return $status
}

numbers_at() { podman logs "$(container_of "$1")" 2> /dev/null | sed -n 's/^message \([0-9]*\)$/\1/p'; }

# has_more SERVICE NUMBER: has received more than NUMBER messages
has_more() { [ "$(numbers_at "$1" | wc -l)" -gt "$2" ]; }

# arriving SERVICE: fifty more than there are
arriving() { wait_for has_more "$1" $(($(numbers_at "$1" | wc -l) + 50)); }

client_says() { podman logs "$(container_of client)" 2>&1 | grep -F "$1"; }

stop_client() { podman stop --time 20 "$(container_of client)"; }

# what the client sent until its end is what it numbered: the last one that arrived
count_messages()
{
  local server
  for server in primary second third; do numbers_at "$server"; done | sort -n > "$work/numbers"
  arrived=$(wc -l < "$work/numbers")
  sent=$(tail -n 1 "$work/numbers")
  lost=$((sent - $(uniq "$work/numbers" | wc -l)))
  doubled=$((arrived - sent + lost))
}

nothing_lost() { [ "$sent" -gt 150 ] && [ "$lost" -eq 0 ]; }

nothing_runs()
{
  podman ps --all --quiet > "$work/left" && cat "$work/left" && ! [ -s "$work/left" ]
}

settings || exit 1
step "a base image, $base" import_base
step "the image is built, as compose.yaml says" build_image
go_on_if_passed
podman images --format '{{.Repository}}:{{.Tag}} {{.Size}}' "$image"
step "unit tests and simulator passed in the build stage" check_unit_tests

# containers keep their networks there; the host's stays as it is
mount -t tmpfs tmpfs /run
ip link set lo up
step "it has stock syslog-ng and the module, and no compiler" check_image
step "it does not run as root" check_user
step "its own configuration validates" check_default_configuration
step "a mounted configuration is read" check_mounted_configuration

step "compose up" podman-compose --file docker/compose.yaml up --detach
step "the client and three servers run" wait_for all_running
step "syslog-ng is process 1, and not root's" check_first_process
step "all are healthy" all_healthy
go_on_if_passed
step "one that hangs is not" check_unhealthy

step "messages arrive at primary" arriving primary
go_on_if_passed
killed_at=$EPOCHREALTIME
step "kill primary" podman kill "$(container_of primary)"
step "messages arrive at second" arriving second
go_on_if_passed
echo "50 messages at second $(/usr/bin/python3 -c "print(f'{$EPOCHREALTIME - $killed_at:.1f}')") s after the kill, at 10 a second"
step "the client's log tells of the failure" client_says "failover: log server failed"
step "start primary again" podman start "$(container_of primary)"
step "messages arrive at primary again" arriving primary
step "the client's log tells of the return" client_says "failover: back on the primary log server"
podman logs "$(container_of client)" 2>&1 | grep -F 'failover:'

step "the client stops in order" stop_client
count_messages
for server in primary second third; do echo "$server received $(numbers_at "$server" | wc -l)"; done
echo "sent $sent, lost $lost, doubled $doubled"
step "no message is lost" nothing_lost
step "compose down" podman-compose --file docker/compose.yaml down --volumes
step "no container is left" nothing_runs

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
