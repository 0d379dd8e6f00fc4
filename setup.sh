#!/bin/sh
# setup.sh - from a fresh system to a running teslacoil.
#
#	./setup.sh build	installs what a build needs, and builds
#	./setup.sh run		builds, and shows what would be forwarded
#	./setup.sh test		installs what the tests need, and runs them all
#	./setup.sh format	formats all C files as the checks want them
#
# Installs only what is missing, as root or through sudo (OpenBSD: doas).

set -eu

cd "$(dirname "$0")"

build_debian="gcc libc6-dev pkg-config meson ninja-build libev-dev
    libconfuse-dev libc-ares-dev libxxhash-dev libjansson-dev libbsd-dev
    libtls-dev libssl-dev zlib1g-dev libzstd-dev liblzma-dev libseccomp-dev libcap-ng-dev"
build_openbsd="meson ninja libev libconfuse libcares xxhash jansson zstd xz"

# What the tests run, and what rsyslog and syslog-ng, which are unpacked and
# not installed, are linked with.
test_debian="libcmocka-dev clang clang-format clang-tidy libclang-rt-14-dev
    llvm-14 cppcheck valgrind libc6-dbg mandoc mksh logrotate python3 xz-utils zstd openssl systemd
    flex
    libestr0 libfastjson4 liblognorm5 librelp0
    libivykis0 libnet1 libwrap0 libjson-c5 libglib2.0-0 libpcre3 libcap2
    iproute2 util-linux"
test_openbsd="cmocka llvm cppcheck valgrind python3 rsyslog syslog-ng"

peers="rsyslog rsyslog-openssl rsyslog-relp syslog-ng-core"

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf 'setup.sh: %s\n' "$*" >&2
	exit 1
}

#
# Packages.
#

# Prints what runs a command as root, nothing for root itself.  Fails when there
# is nothing that does.
to_root()
{
	[ "$(id -u)" -ne 0 ] || return 0
	[ "$system" = OpenBSD ] && command -v doas || command -v sudo
}

as_root()
{
	$(to_root) "$@"
}

# The command is for whoever may become root, when we may not.
must_install()
{
	say "Missing:$missing"
	to_root >/dev/null ||
	    die "neither root nor sudo: have root run this, and come again:" \
		"$*$missing"
	say "Installing."
}

install_debian()
{
	missing=
	for package; do
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" \
		    2>/dev/null || true)
		[ "$state" = installed ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	must_install apt-get install --no-install-recommends
	as_root apt-get -qq update
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
	    -o Dpkg::Use-Pty=0 --no-install-recommends install $missing \
	    >/dev/null
}

install_openbsd()
{
	missing=
	for package; do
		pkg_info -e "$package-*" >/dev/null 2>&1 ||
		    missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	must_install pkg_add
	# shellcheck disable=SC2086
	as_root pkg_add -I $missing
}

need()
{
	# shellcheck disable=SC2086
	case $system in
	Linux)
		command -v dpkg-query >/dev/null 2>&1 || {
			say "Not a Debian: install what these packages have:" \
			    $1
			return 0
		}
		install_debian $1
		;;
	OpenBSD)
		install_openbsd $2
		;;
	*)
		die "$system: install meson, ninja and the libraries by hand"
		;;
	esac
}

#
# Building.
#

# configure directory [option ...]
configure()
{
	dir=$1
	shift
	if [ -f "$dir/build.ninja" ]; then
		meson configure "$dir" "$@"
	else
		meson setup "$dir" "$@"
	fi
}

build()
{
	need "$build_debian" "$build_openbsd"
	configure build --buildtype=release -Dwerror=false
	ninja -C build
}

#
# Running.
#

# Prints the first log of this host that we can read.
find_log()
{
	for log in /var/log/syslog /var/log/messages /var/log/daemon.log \
	    /var/log/daemon /var/log/auth.log /var/log/authlog \
	    /var/log/dpkg.log; do
		if [ -r "$log" ] && [ -s "$log" ]; then
			say "$log"
			return
		fi
	done
}

size_of()
{
	wc -c < "$1"
}

# demo_source name path option ...
demo_source()
{
	printf 'source "%s" {\n\tpaths = "%s"\n' "$1" "$2"
	shift 2
	[ $# -eq 0 ] || printf '\t%s\n' "$@"
	say "}"
}

# A configuration that has the last lines of a log, and what comes to it.  All
# that is in it would run past before it could be read.
demo_conf()
{
	say "state_dir = \"$demo/state\""
	say 'user = ""'
	say 'control_socket = ""'
	say 'log_level = "warning"'
	say 'destination "screen" { url = "stdout:" }'
	if [ -n "$log" ]; then
		tail -n 3 "$log" > "$demo/last"
		demo_source last "$demo/last" "app_name = \"${log##*/}\""
		demo_source "${log##*/}" "$log" 'start = "end"'
	fi
	[ -z "$children" ] || demo_source demo "$demo/demo.log"
}

# Appends a line a second to a log of its own, as a program would.
pretend()
{
	i=0
	while :; do
		i=$((i + 1))
		say "$(date '+%b %d %H:%M:%S') $(uname -n) demo[$$]:" \
		    "request $i served in $((i * 37 % 90 + 10)) ms"
		sleep 1
	done
}

run_cleanup()
{
	[ -z "$children" ] || kill $children 2>/dev/null || true
	[ -z "$demo" ] || rm -rf "$demo"
}

run_demo()
{
	children= demo= daemon=
	trap run_cleanup EXIT
	# Ctrl-C reaches the daemon too, a signal to this script alone not.
	trap : INT
	trap 'kill $daemon 2>/dev/null' TERM HUP

	log=$(find_log)
	demo=$(mktemp -d)
	if [ -n "$log" ]; then
		before=$(size_of "$log")
		sleep 1
	fi
	if [ -z "$log" ] || [ "$(size_of "$log")" -eq "$before" ]; then
		pretend > "$demo/demo.log" &
		children=$!
	fi
	demo_conf > "$demo/teslacoil.conf"
	what=
	[ -z "$log" ] || what="the last lines of $log and what comes to it"
	[ -z "$children" ] || what="${what:+$what, and }a log made for this"
	say "Following $what: each line is printed as the syslog message that" \
	    "would be sent; Ctrl-C stops."
	build/daemon/teslacoild -d -f "$demo/teslacoil.conf" &
	daemon=$!
	# A signal ends the first wait, and the daemon the second.
	wait "$daemon" || wait "$daemon"
}

#
# Testing.
#

# rsyslog and syslog-ng conflict as packages, and the logger of this host is
# not ours to replace: both are unpacked, not installed.
unpack_peers()
{
	if [ "$system" != Linux ] ||
	    { [ -x build/peers/usr/sbin/rsyslogd ] &&
	    [ -x build/peers/usr/sbin/syslog-ng ]; }; then
		return
	fi
	command -v dpkg-deb >/dev/null 2>&1 || return 0
	rm -rf build/peers
	mkdir -p build/peers/packages
	(
		cd build/peers/packages
		# shellcheck disable=SC2086
		apt-get -qq download $peers 2>/dev/null || {
			as_root apt-get -qq update
			apt-get -qq download $peers
		}
		for package in *.deb; do
			dpkg-deb -x "$package" ..
		done
	)
	for program in rsyslogd syslog-ng; do
		if LD_LIBRARY_PATH=build/peers/usr/lib/syslog-ng \
		    ldd "build/peers/usr/sbin/$program" | grep 'not found'; then
			die "$program lacks libraries"
		fi
	done
}

stage()
{
	name=$1
	shift
	begin=$(date +%s)
	say "" "=== $name"
	stage_passed=1 stage_failed=0
	if ! "$@"; then
		stage_passed=0 stage_failed=1
	fi
	passed=$((passed + stage_passed))
	failed=$((failed + stage_failed))
	verdict=ok
	[ "$stage_failed" -eq 0 ] || verdict=FAILED
	say "--- $name: $verdict, $(($(date +%s) - begin)) s"
}

# Runs meson test; its cases are counted, not itself.
meson_tests()
{
	dir=$1
	shift
	status=0
	# Most of a test is waiting.
	meson test -C "$dir" --print-errorlogs --num-processes 4 "$@" ||
	    status=$?
	counts=$(python3 tests/checks/tally.py "$(last_log "$dir")") || counts="0 1"
	stage_passed=${counts% *} stage_failed=${counts#* }
	if [ "$status" -ne 0 ] && [ "$stage_failed" -eq 0 ]; then
		stage_failed=1
	fi
	return 0
}

last_log()
{
	# shellcheck disable=SC2012
	ls -t "$1"/meson-logs/testlog*.json | head -n 1
}

build_gcc()
{
	configure build --buildtype=release -Ddebug=true -Dwerror=true &&
	    ninja -C build
}

build_clang()
{
	CC=clang configure build-clang --buildtype=debugoptimized \
	    -Dwerror=true -Db_sanitize=address,undefined -Db_lundef=false \
	    -Dc_args=-fsanitize=fuzzer-no-link &&
	    ninja -C build-clang
}

sanitized()
{
	TESLACOIL_ROUNDS=2 \
	ASAN_OPTIONS=detect_stack_use_after_return=1 \
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	    meson_tests build-clang "$@"
}

under_valgrind()
{
	valgrind="valgrind --quiet --error-exitcode=99 --leak-check=full"
	meson_tests build --suite unit --timeout-multiplier 10 \
	    --wrapper "$valgrind --errors-for-leak-kinds=definite" \
	    --logbase testlog-valgrind
}

daemon_under_valgrind()
{
	TESLACOILD=$(pwd)/build/tests/teslacoild-lenient \
	TESLACOIL_RECEIVER=$(pwd)/build/tests/receiver \
	TESLACOIL_WRAP="valgrind --error-exitcode=99 --leak-check=full" \
	TESLACOIL_LIMIT=300 \
	    python3 tests/e2e/test_restart.py -q \
	    Restart.test_sigterm_with_unix_stream \
	    Reload.test_a_destination_that_is_gone
}

tidy()
{
	# What looks at other kernels is compiled with their headers alone.
	find lib daemon -name '*.c' ! -name 'tcp_info_*bsd.c' \
	    ! -name mounts_bsd.c -print |
	    xargs -P 2 -n 4 clang-tidy -p build --quiet 2>&1 |
	    grep -v 'warnings generated\|^Suppressed\|^Use -header-filter' ||
	    true
}

check_tidy()
{
	found=$(tidy)
	[ -z "$found" ] || { say "$found"; return 1; }
}

check_cppcheck()
{
	# The uninitialised key of an RB_FIND() is none.
	cppcheck --quiet --std=c11 --inline-suppr -I . -I /usr/include/bsd \
	    -DLIBBSD_OVERLAY --enable=warning,performance,portability \
	    --error-exitcode=1 --suppress=missingIncludeSystem \
	    --suppress=ctuuninitvar --suppress=arrayIndexThenCheck \
	    lib daemon tests/receiver
}

check_manuals()
{
	status=0
	for page in daemon/*.8 conf/*.5; do
		[ -f "$page" ] || continue
		mandoc -T lint -W warning "$page" || status=1
	done
	return $status
}

check_scripts()
{
	for shell in sh mksh; do
		for script in setup.sh systemd/package.sh rc.d/port.sh \
		    tests/checks/*.sh tests/rc.d/rc.subr; do
			$shell -n "$script" || return 1
		done
	done
}

# 77: what it needs could not be had, and it has said so.
check_cross()
{
	status=0
	tests/checks/cross.sh || status=$?
	[ "$status" -ne 77 ] || stage_passed=0 status=0
	return $status
}

# Each fuzzer for a few seconds on its corpus; what it finds is not kept.
fuzz()
{
	status=0
	for fuzzer in build-clang/tests/fuzzer_*; do
		[ -f "$fuzzer" ] && [ -x "$fuzzer" ] || continue
		target=${fuzzer##*/fuzzer_}
		say "$target"
		scratch=$(mktemp -d)
		"$fuzzer" -max_total_time=5 -verbosity=0 -print_final_stats=0 \
		    -artifact_prefix="$scratch/" "$scratch" \
		    "tests/fuzz/corpus/$target" || status=1
		rm -rf "$scratch"
	done
	return $status
}

run_tests()
{
	need "$build_debian $test_debian" "$build_openbsd $test_openbsd"
	unpack_peers
	passed=0 failed=0 start=$(date +%s)
	stage "build with gcc, optimised" build_gcc
	stage "unit tests" meson_tests build --no-suite e2e
	stage "end to end" meson_tests build --suite e2e
	stage "build with clang, address and undefined behaviour sanitizers" \
	    build_clang
	stage "unit tests, sanitized" sanitized --no-suite e2e
	stage "end to end, sanitized" sanitized --suite e2e
	stage "unit tests under valgrind" under_valgrind
	stage "the daemon under valgrind" daemon_under_valgrind
	stage "coverage by unit tests" tests/checks/coverage
	stage "compiled for the BSDs" check_cross
	stage "fuzzers" fuzz
	stage "clang-tidy" check_tidy
	stage "cppcheck" check_cppcheck
	stage "manual pages" check_manuals
	stage "shell scripts" check_scripts
	stage "benchmark, short" python3 tests/bench/throughput.py --short
	stage "many files, short" python3 tests/bench/scale.py --short
	say "" "$(($(date +%s) - start)) s in all"
	say "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}

#
# Formatting.
#

# Headers are aligned by hand.
format()
{
	command -v clang-format >/dev/null 2>&1 ||
	    die "there is no clang-format: install it (OpenBSD: clang-tools-extra)"
	find lib daemon tests -name '*.c' -exec clang-format -i {} +
}

usage()
{
	say "usage: ./setup.sh build | run | test | format" >&2
	exit 2
}

[ $# -eq 1 ] || usage
system=$(uname -s)
if [ "$system" = OpenBSD ]; then
	# libev has no pkg-config file to tell where packages are.
	export CPPFLAGS="-I/usr/local/include" LDFLAGS="-L/usr/local/lib"
fi
case $1 in
build)
	build
	;;
run)
	build
	run_demo
	;;
test)
	run_tests
	;;
format)
	format
	;;
*)
	usage
	;;
esac
