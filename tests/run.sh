#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds everything and runs every test.  Needs root for network namespaces and
# for installing what is missing.  Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/lib/packages.sh
. tests/lib/packages.sh
# shellcheck source=tests/lib/releases.sh
. tests/lib/releases.sh
# shellcheck source=tests/lib/steps.sh
. tests/lib/steps.sh

if [ "$(id -u)" -ne 0 ]; then
  echo "tests/run.sh makes network namespaces: run it as root (sudo tests/run.sh)" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build_and_test()
{
  cmake --preset "$1" && cmake --build --preset "$1" && ctest --preset "$1"
}

cpp_files()
{
  git ls-files 2>/dev/null '*.cpp' '*.hpp' || find modules tests -name '*.cpp' -o -name '*.hpp'
}

check_format()
{
  cpp_files | xargs clang-format --dry-run -Werror
}

check_tidy()
{
  find modules -name '*.cpp' -print0 | xargs -0 -P "$(nproc)" -n 1 clang-tidy --quiet -p build
}

count()
{
  passed=$((passed + $1))
  failed=$((failed + $2))
}

# The end-to-end tests count one by one.
end_to_end()
{
  local report=$work/end-to-end.xml
  echo "end to end:"
  FAILOVER_MODULE_DIR="$PWD/build" FAILOVER_WRONG_LAYOUT_DIR="$PWD/build/wrong-layout" \
    /usr/bin/python3 -m pytest -p no:cacheprovider -n 4 -q --junit-xml="$report" tests/e2e
  # shellcheck disable=SC2046
  count $(/usr/bin/python3 tests/lib/count_tests.py "$report")
}

# So do the checks in the releases that this machine does not run.
other_releases()
{
  local report=$work/other-releases others
  # shellcheck source=/dev/null
  mapfile -t others < <(release_names | grep -vx "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")")
  echo "other releases of Debian:"
  tests/matrix.sh --quick "${others[@]}" | tee "$report"
  # shellcheck disable=SC2046
  count $(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$report" | grep . || echo 0 1)
}

install_packages "${PACKAGES_TEST[@]}" && tests/lib/rsyslog.sh && tests/lib/promtool.sh || exit 1

step "gcc: build, unit tests, simulator" build_and_test default
step "clang: build, unit tests, simulator" build_and_test clang
step "ASan and UBSan: unit tests, simulator" build_and_test sanitize
step "layers" tests/layers.sh build
step "build without its dependencies" tests/dependencies.sh
step "format" check_format
step "clang-tidy" check_tidy
end_to_end
other_releases

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
