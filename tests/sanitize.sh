#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The end-to-end tests with an instrumented module in the stock syslog-ng:
#
#   tests/sanitize.sh address [PYTEST OPTION...]   AddressSanitizer and UBSan
#   tests/sanitize.sh thread [PYTEST OPTION...]    ThreadSanitizer
#
# The program itself is not instrumented: the runtime is preloaded.  Each report
# counts as a failure.  Takes long, so tests/run.sh does not call it.  Ends with
# "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/lib/packages.sh
. tests/lib/packages.sh

kind=${1:-}
shift
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
options="log_path=$reports/report:exitcode=0"

runtime()
{
  gcc -print-file-name="lib$1.so"
}

case $kind in
  address)
    sanitizers=address,undefined
    # the host's own leaks are not ours to count; valgrind looks for those of the module
    under="env LD_PRELOAD=$(runtime asan):$(runtime ubsan) ASAN_OPTIONS=detect_leaks=0:$options UBSAN_OPTIONS=print_stacktrace=1:$options"
    rate=5000
    ;;
  thread)
    sanitizers=thread
    # TSan's memory map has no room for as much randomness as newer kernels use
    under="setarch -R env LD_PRELOAD=$(runtime tsan) TSAN_OPTIONS=$options:report_thread_leaks=0:suppressions=$PWD/tests/tsan.supp"
    rate=50
    ;;
  *)
    echo "usage: tests/sanitize.sh address|thread [PYTEST OPTION...]" >&2
    exit 2
    ;;
esac

install_packages "${PACKAGES_TEST[@]}" && tests/lib/rsyslog.sh && tests/lib/promtool.sh || exit 1
cmake --preset sanitize -B "build-sanitize-$kind" -DFAILOVER_MODULE=ON -DFAILOVER_SANITIZE=$sanitizers >/dev/null \
  && cmake --build "build-sanitize-$kind" --target failover failover_wrong_layout || exit 1

# valgrind cannot run a program with another tool preloaded
FAILOVER_SYSLOG_NG="$under syslog-ng" FAILOVER_RATE=$rate \
  FAILOVER_MODULE_DIR="$PWD/build-sanitize-$kind" FAILOVER_WRONG_LAYOUT_DIR="$PWD/build-sanitize-$kind/wrong-layout" \
  /usr/bin/python3 -m pytest -p no:cacheprovider -n 2 -q -k "not valgrind" --junit-xml="$reports/tests.xml" "${@:-tests/e2e}"

found=$(find "$reports" -name 'report*' | wc -l)
find "$reports" -name 'report*' -exec cat {} +
read -r passed failed < <(/usr/bin/python3 tests/lib/count_tests.py "$reports/tests.xml")
echo "$passed passed, $((failed + found)) failed"
[ $((failed + found)) -eq 0 ]
