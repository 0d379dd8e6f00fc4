#!/bin/sh
# Goal: rc.d/teslacoild does under rc.subr(8) what rcctl(8) expects of it.
#
#	rc_script.sh build/rc.d/teslacoild build/daemon/teslacoild
#
# Run by the Korn shell, with tests/rc.d/rc.subr in place of OpenBSD's.

script=$1 daemon=$2
stub=$(cd "$(dirname "$0")/../rc.d" && pwd)

ksh=$(command -v mksh || command -v ksh) || exit 77
[ -r /proc/self/cmdline ] || exit 77
tmp=$(mktemp -d) || exit 1
chmod 755 "$tmp"

cleanup()
{
	pid=$(monitor)
	[ -z "$pid" ] || ! kill -9 "$pid" 2>/dev/null || sleep 0.5
	rm -rf "$tmp"
}

fail()
{
	echo "rc_script: $*" >&2
	cat "$tmp/said" >&2
	exit 1
}

# rc action: what it prints goes to $tmp/said.
rc()
{
	"$ksh" "$tmp/teslacoild" "$@" >"$tmp/said" 2>&1
}

# rc_says status text action
rc_says()
{
	want=$1 text=$2
	shift 2
	rc "$@"
	got=$?
	[ $got -eq "$want" ] || fail "$*: exit $got and not $want"
	[ -z "$text" ] || grep -qF -- "$text" "$tmp/said" ||
	    fail "$*: does not say \"$text\""
}

monitor()
{
	head -n 1 "$tmp/state/lock" 2>/dev/null
}

worker()
{
	cat /proc/"$(monitor)"/task/*/children 2>/dev/null | tr -d ' '
}

# Signals that monitor and worker can take: they are past their start.
is_ready()
{
	for pid in $(monitor) $(worker); do
		mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$pid/status")
		[ $((0x$mask & 0x4000)) -ne 0 ] || return 1
	done
}

# wait_until command ...: for a minute
wait_until()
{
	left=600
	while ! "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || fail "waited in vain: $*"
		sleep 0.1
	done
}

is_another_worker()
{
	[ -n "$(worker)" ] && [ "$(worker)" != "$1" ]
}

configure()
{
	cat >"$tmp/t.conf" <<-EOF
	state_dir = "$tmp/state"
	user = "$(if [ "$(id -u)" -eq 0 ]; then echo nobody; fi)"
	shutdown_timeout = "1s"
	destination "d" {
		url = "stdout:"
	}
	source "s" {
		paths = "$tmp/*.log"
	}
	$*
	EOF
}

sed -e "s|^daemon=.*|daemon=$daemon|" \
    -e "s|^\. /etc/rc.d/rc.subr|. $stub/rc.subr|" "$script" >"$tmp/teslacoild"
cat >"$tmp/rc.conf" <<EOF
teslacoild_flags="-v -f $tmp/t.conf"
teslacoild_timeout=25
EOF
RC_CONF=$tmp/rc.conf RC_RUNDIR=$tmp/rc.d
export RC_CONF RC_RUNDIR
trap cleanup EXIT

configure
rc_says 1 "" check
rc_says 0 "configuration OK" configtest
rc_says 0 "teslacoild(ok)" start
is_ready || fail "start came back before it was ready"
first=$(monitor)
rc_says 0 "" check
rc_says 0 "" start
[ "$(monitor)" = "$first" ] || fail "start started a second one"

old=$(worker)
rc_says 0 "teslacoild(ok)" reload
wait_until is_another_worker "$old"
wait_until is_ready
[ "$(monitor)" = "$first" ] || fail "reload did not leave the monitor alone"

# What would not start must not end what runs.
old=$(worker)
configure 'nonsense = 1'
for action in reload restart; do
	rc_says 1 "$tmp/t.conf:10: " $action
	grep -qF "teslacoild(failed)" "$tmp/said" || fail "$action did not fail"
done
[ "$(monitor) $(worker)" = "$first $old" ] || fail "it is not what ran before"

configure
rc_says 0 "teslacoild(ok)" restart
is_ready || fail "restart came back before it was ready"
[ "$(monitor)" != "$first" ] || fail "restart did not restart"

# Other flags are for the next start: until then it is the one that runs.
flags()
{
	sed -i "s|^teslacoild_flags=.*|teslacoild_flags=\"$1\"|" "$RC_CONF"
}
cp "$tmp/t.conf" "$tmp/other.conf"
flags "-v -f $tmp/other.conf"
rc_says 0 "" check
old=$(worker)
rc_says 0 "teslacoild(ok)" reload
wait_until is_another_worker "$old"
wait_until is_ready
first=$(monitor)
configure 'nonsense = 1'
rc_says 1 "$tmp/t.conf:10: " restart
[ "$(monitor)" = "$first" ] || fail "restart ended what runs"
configure
rc_says 0 "teslacoild(ok)" restart
ps -o args= -p "$(monitor)" | grep -qF other.conf ||
    fail "restart did not take the new flags"
rc_says 0 "" check
flags "-v -f $tmp/t.conf"
rc_says 0 "teslacoild(ok)" stop
rc_says 1 "" check
rc_says 0 "teslacoild(ok)" start

# A worker that hangs does not keep stop from its end.
kill -STOP "$(worker)"
rc_says 0 "teslacoild(ok)" stop
rc_says 1 "" check

configure 'nonsense = 1'
rc_says 1 "$tmp/t.conf:10: " start
grep -qF "teslacoild(failed)" "$tmp/said" || fail "start did not fail"
rc_says 1 "" check

# What only the daemon itself can find out is also told by start.
configure
: >"$tmp/file"
sed -i 's|^state_dir.*|state_dir = "'"$tmp/file"'"|' "$tmp/t.conf"
rc_says 1 "state_dir $tmp/file" start
