#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# package.sh [RELEASE] - the Debian package on a release of Debian (the first in
# tests/lib/releases.sh if none is named): built in a chroot, installed, tried and removed in
# clean ones.  Needs root.  The package stays in .cache/packages/RELEASE.  Ends with
# "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/lib/packages.sh
. tests/lib/packages.sh
# shellcheck source=tests/lib/chroot.sh
. tests/lib/chroot.sh
# shellcheck source=tests/lib/steps.sh
. tests/lib/steps.sh

release=${1:-$(release_names | head -n 1)}
release_check "$release" || exit 2
name=syslog-ng-mod-failover

if [ "$(id -u)" -ne 0 ]; then
  echo "tests/package.sh makes chroots: run it as root (sudo tests/package.sh)" >&2
  exit 1
fi

in_builder() { chroot_run "$builder" "$@"; }
in_clean() { chroot_run "$clean" "$@"; }

# equal WHAT IS SHOULD-BE
equal()
{
  [ "$2" = "$3" ] || { printf '%s is      %s\nshould be %s\n' "$@"; return 1; }
}

build_package()
{
  rm -rf "$builder/build" "$packages"
  in_builder cmake --preset package -B /build &&
    in_builder cmake --build /build --parallel "$(nproc)" &&
    in_builder sh -c 'cd /build && cpack -G DEB' &&
    mkdir -p "$packages" && cp "$builder"/build/*.deb "$packages/" &&
    deb=$(cd "$packages" && echo *.deb)
}

check_lintian()
{
  in_builder lintian --allow-root --fail-on error,warning --tag-display-limit 0 "/build/$deb"
}

field() { dpkg-deb -f "$packages/$deb" "$1"; }

check_name()
{
  equal "the file" "$deb" "${name}_$(field Version)_$(in_builder dpkg --print-architecture).deb"
}

# that of project() in CMakeLists.txt
check_version()
{
  equal "the version" "$(field Version)" \
    "$(sed -n 's/^project(failover VERSION \([^ ]*\).*/\1/p' CMakeLists.txt)-0+syslogng$(release_syslog_ng "$release")"
}

# within VERSION LOWER UPPER
within() { dpkg --compare-versions "$1" ge "$2" && dpkg --compare-versions "$1" lt "$3"; }

# installed PACKAGE: its version there
installed()
{
  # shellcheck disable=SC2016
  in_builder dpkg-query -W -f '${Version}' "$1"
}

# Debian's revisions of the same upstream release, and no other
check_depends()
{
  local syslog_ng next lower upper depends version
  syslog_ng=$(release_syslog_ng "$release")
  next=${syslog_ng%.*}.$((${syslog_ng##*.} + 1))
  depends=$(field Depends)
  echo "Depends: $depends"
  lower=$(sed -n 's/.*syslog-ng-core (>= \([^)]*\)).*/\1/p' <<< "$depends")
  upper=$(sed -n 's/.*syslog-ng-core (<< \([^)]*\)).*/\1/p' <<< "$depends")
  equal "the lowest version" "$lower" "$syslog_ng" || return 1
  for version in "$(installed syslog-ng-core)" "$syslog_ng-1" "$syslog_ng-99+deb99u9" "$syslog_ng-5+b1"; do
    within "$version" "$lower" "$upper" || { echo "it excludes $version"; return 1; }
  done
  for version in "$next-1" "$next~rc1-1" "$syslog_ng~rc1-1"; do
    ! within "$version" "$lower" "$upper" || { echo "it admits $version"; return 1; }
  done
  # dpkg-shlibdeps
  grep -q 'libc6 (>= ' <<< "$depends" && grep -q 'libssl3' <<< "$depends"
}

check_contents()
{
  local module_dir doc=usr/share/doc/$name
  module_dir=$(in_builder pkg-config --variable=moduledir syslog-ng)
  equal "what is installed outside $doc" \
    "$(dpkg-deb --fsys-tarfile "$packages/$deb" | tar -t | grep -v '/$' | grep -v "^\./$doc/" | sort)" \
    "$(printf '.%s\n' "$module_dir/libfailover.so" /usr/sbin/failoverctl \
      /usr/share/bash-completion/completions/failoverctl /usr/share/man/man1/failoverctl.1.gz | sort)" || return 1
  for file in README.md docs/options.md docs/log.md changelog.gz changelog.Debian.gz copyright examples/forwarder.conf; do
    dpkg-deb --fsys-tarfile "$packages/$deb" | tar -t "./$doc/$file" || return 1
  done
  dpkg-deb -x "$packages/$deb" "$work/contents"
  grep -q '^Format: .*copyright-format/1.0/$' "$work/contents/$doc/copyright" || return 1
  for file in "$module_dir/libfailover.so" /usr/sbin/failoverctl; do
    ! readelf -S "$work/contents/$file" | grep -E '\.(debug_info|symtab)' || return 1
  done
}

clean_system()
{
  clean=$work/$1
  chroot_copy "$release" "$clean" && cp "$packages/$deb" "$clean/root/" &&
    in_clean apt-get -q update
}

apt() { in_clean apt-get -q -y --no-install-recommends "$@"; }

install_package() { apt install "/root/$deb"; }

asks_for_restart() { grep 'restart syslog-ng'; }

# the running syslog-ng of a first installation has nothing to forget
check_first_message()
{
  apt install "/root/$deb" > "$work/apt" 2>&1 || { cat "$work/apt"; return 1; }
  ! asks_for_restart < "$work/apt"
}

# for dpkg, the same package again is an upgrade
check_upgrade_message() { in_clean dpkg -i "/root/$deb" 2>&1 | asks_for_restart; }

# complete_configuration: what is on standard input, with a head
complete_configuration()
{
  printf '@version: current\n@module failover\n'
  cat
}

reference_examples()
{
  PYTHONPATH=tests/e2e /usr/bin/python3 -B -c 'import reference; print(reference.BOTH_EXAMPLES)'
}

# validates: the configuration on standard input
validates()
{
  cat > "$clean/root/test.conf" && in_clean syslog-ng --syntax-only --no-caps --cfgfile /root/test.conf
}

check_reference() { reference_examples | complete_configuration | validates; }

check_example()
{
  validates < "$clean/usr/share/doc/$name/examples/forwarder.conf"
}

# syslog-ng's own failover() would not know what is wrong here
check_bad_value()
{
  local output
  output=$(complete_configuration <<< 'destination d { network("a" failover(servers("b") connect-timeout(0))); };' | validates 2>&1) &&
    { echo "connect-timeout(0) passes"; return 1; }
  echo "$output"
  grep -q 'connect-timeout' <<< "$output"
}

# by the default control socket of both
check_client()
{
  local output
  complete_configuration > "$clean/root/client.conf" <<'END'
source s { internal(); };
destination d { network("127.0.0.1" port(9) failover(servers("127.0.0.1:10"))); };
log { source(s); destination(d); };
END
  # shellcheck disable=SC2016
  output=$(in_clean timeout 60 sh -c 'syslog-ng --foreground --no-caps --cfgfile /root/client.conf &
    until failoverctl status; do sleep 0.1; done
    failoverctl check
    echo "exit code $?"
    kill %1' 2>&1)
  echo "$output"
  grep -q '^d#0: no server in use' <<< "$output" && grep -q '^exit code 2$' <<< "$output"
}

check_module_gone()
{
  local output
  output=$(check_reference 2>&1) && { echo "the module is still there"; return 1; }
  echo "$output"
  grep -q "module='failover'" <<< "$output"
}

# every file with its mode, owner and size, but not what dpkg and apt note for themselves
list_files()
{
  find "$clean" \( -path "$clean/root" -o -path "$clean/var/cache/apt" -o -path "$clean/var/lib/apt" -o -path "$clean/var/log" \) -prune \
    -o -path "$clean/var/lib/dpkg/*" -printf '%p\n' -o ! -type f -printf '%p %y %m %U %G\n' -o -printf '%p %y %m %U %G %s\n' | sort
}

# check_nothing_left remove|purge
check_nothing_left()
{
  install_package && list_files > "$work/installed" && ! cmp -s "$work/before" "$work/installed" || return 1
  apt "$1" "$name" && list_files > "$work/after" && diff "$work/before" "$work/after" || return 1
  # shellcheck disable=SC2016
  equal "its state in dpkg" "$(in_clean dpkg-query -W -f '${db:Status-Status}' "$name" 2> /dev/null)" ""
}

install_packages debootstrap python3 binutils || exit 1
builder=$(chroot_with package "$release" "${PACKAGES_BUILD[@]}" dpkg-dev file lintian) || exit 1
packages=$PWD/.cache/packages/$release
mkdir -p "$packages"
work=$(mktemp -d -p "$PWD/.cache" package.XXXXXX) || exit 1
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 1' INT TERM HUP

step "the package is built" build_package
if [ -n "${deb:-}" ]; then
  echo "$deb"
  step "lintian finds no error and no warning" check_lintian
  step "the file is named as Debian names packages" check_name
  step "its version is the project's, and says for which syslog-ng it is" check_version
  step "it depends on one release of syslog-ng-core, in any revision" check_depends
  step "the stripped module is where syslog-ng looks, the client beside syslog-ng-ctl, the documents where Debian looks" check_contents

  step "a clean system" clean_system clean
  step "apt install on it" check_first_message
  step "an upgrade says that syslog-ng has to be restarted" check_upgrade_message
  step "the reference's examples validate" check_reference
  step "the example of the package validates" check_example
  step "a bad value is refused" check_bad_value
  step "failoverctl speaks to a running syslog-ng" check_client
  step "apt remove" apt remove "$name"
  step "the module is gone from syslog-ng" check_module_gone

  step "a system with stock syslog-ng" clean_system stock
  step "apt install syslog-ng-core" apt install syslog-ng-core
  list_files > "$work/before"
  step "apt remove leaves nothing" check_nothing_left remove
  step "apt purge leaves nothing" check_nothing_left purge
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
