#!/bin/sh
# Goal: on a clean Debian the package is installed, takes one line of
# configuration, and is a service as systemd wants one.
#
#	tests/checks/boot.sh [--keep]
#
# The long form of tests/checks/service_unit.sh: builds the package, makes a Debian of
# this host's release with debootstrap, boots it with systemd-nspawn and works
# as its administrator would.  Takes some minutes.  Needs root, debootstrap,
# systemd-container, what systemd/package.sh needs, and a mirror: MIRROR, or the
# usual one.
# --keep leaves the directory.

set -eu

[ "$(id -u)" -eq 0 ] || { echo "boot: must be root" >&2; exit 1; }
for program in debootstrap systemd-nspawn nsenter dpkg-buildpackage dh; do
	command -v $program >/dev/null || {
		echo "boot: needs $program" >&2
		exit 1
	}
done
if [ "${TESLACOIL_BOOT:-}" != inside ]; then
	# nspawn wants a tmpfs there, and what it leaves should not stay.
	TESLACOIL_BOOT=inside exec unshare -m sh -c \
	    'mount -t tmpfs tmpfs /run && exec "$0" "$@"' "$0" "$@"
fi

top=$(cd "$(dirname "$0")/../.." && pwd)
mirror=${MIRROR:-}	# empty: what debootstrap takes by itself
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
keep=
[ "${1:-}" != --keep ] || keep=yes
work=$(mktemp -d /var/tmp/teslacoil-boot.XXXXXX)
root=$work/root
nspawn= init=

say()
{
	echo "--- $*"
}

fail()
{
	echo "boot: $*" >&2
	[ -z "$init" ] ||
	    inside journalctl -b --no-pager -n 60 -u teslacoild.service >&2
	exit 1
}

end()
{
	[ -z "$init" ] || inside systemctl --no-block poweroff || true
	[ -z "$nspawn" ] || wait "$nspawn" || true
	[ -n "$keep" ] || rm -rf --one-file-system "$work"
}
trap end EXIT
trap 'exit 1' INT TERM HUP

has_init()
{
	init=$(tr -d ' ' <"/proc/$nspawn/task/$nspawn/children")
	[ -n "$init" ]
}

# inside command ...: as root in the booted system
inside()
{
	nsenter -t "$init" -m -u -i -n -p -- "$@"
}

# wait_until what command ...: for two minutes
wait_until()
{
	what=$1 left=240
	shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || fail "waited in vain for $what"
		sleep 0.5
	done
}

# property name: of the service
property()
{
	inside systemctl show -P "$1" teslacoild.service
}

# is value command ...
is()
{
	want=$1
	shift
	got=$("$@") || true
	[ "$got" = "$want" ] || { echo "$* is \"$got\"" >&2; return 1; }
}

# received text: the journal, which is the receiver, has it as the text of a
# message of the program example, and just once
received()
{
	n=$(inside journalctl -b --no-pager -o cat _TRANSPORT=syslog \
	    SYSLOG_IDENTIFIER=example PRIORITY=5 SYSLOG_FACILITY=16 \
	    _SYSTEMD_UNIT=teslacoild.service | grep -cx -- "$1")
	[ "$n" -le 1 ] || fail "$1 arrived $n times"
	[ "$n" -eq 1 ]
}

# said text: the daemon did
said()
{
	inside journalctl -b --no-pager -o cat _TRANSPORT=stdout \
	    -u teslacoild.service | grep -q -- "$1"
}

# log text file
log()
{
	inside sh -c 'echo "$1" >>"$2"' log "$1" "$2"
}

# signal name process: a minimal system has no kill(1)
signal()
{
	inside sh -c 'kill -"$1" "$2"' signal "$1" "$2"
}

worker()
{
	inside cat "/proc/$(property MainPID)/task/$(property MainPID)/children" |
	    tr -d ' '
}

is_another_worker()
{
	[ -n "$(worker)" ] && [ "$(worker)" != "$1" ]
}

drop_in()
{
	inside mkdir -p /etc/systemd/system/teslacoild.service.d
	inside cp "$1" /etc/systemd/system/teslacoild.service.d
	inside systemctl daemon-reload
	inside systemctl restart teslacoild
}

say "package"
deb=$("$top/systemd/package.sh" "$work")
if command -v lintian >/dev/null; then
	lintian --allow-root --fail-on error,warning "$work"/*.changes ||
	    fail "lintian"
fi

say "a clean $release"
debootstrap --variant=minbase --include=systemd-sysv,dbus "$release" "$root" \
    ${mirror:+"$mirror"} >"$work/debootstrap.log" 2>&1 || {
	tail "$work/debootstrap.log" >&2
	fail "debootstrap"
}
cp "$deb" "$root/root"
deb=/root/${deb##*/}
cp /etc/resolv.conf /etc/hosts "$root/etc"
# Later there is no network, which is the point.
chroot "$root" apt-get -qq -y --download-only --no-install-recommends \
    install "$deb" >/dev/null

say "boot"
# Its own filter knows no Landlock.
systemd-nspawn -q -D "$root" --private-network --register=no --keep-unit \
    --system-call-filter="landlock_create_ruleset landlock_add_rule \
    landlock_restrict_self" --console=pipe -b </dev/null >"$work/console" 2>&1 &
nspawn=$!
wait_until "a first process" has_init
wait_until "the system" is running inside systemctl is-system-running

say "apt install"
inside apt-get -qq -y -o Dpkg::Use-Pty=0 \
    --no-install-recommends install "$deb" >"$work/apt.log" 2>&1 || {
	cat "$work/apt.log" >&2
	fail "apt-get install"
}
is enabled inside systemctl is-enabled teslacoild || fail "not enabled"
is active inside systemctl is-active teslacoild || fail "not started"
is "_teslacoil adm" inside id -nG _teslacoil || fail "groups"
is "750 _teslacoil _teslacoil" inside stat -c '%a %U %G' /var/lib/teslacoil ||
    fail "state directory"
inside systemctl --failed --quiet --no-legend | grep . && fail "failed units"
first=$(property MainPID)

say "one line of configuration, reload"
inside install -d -m 0750 -g adm /var/log/app
inside install -m 0640 -g adm /dev/null /var/log/app/app.log
log "line 1 from before" /var/log/app/app.log
inside sed -i 's|^	paths = .*|	paths = "/var/log/app/*.log"|' \
    /etc/teslacoil.conf
inside systemctl reload teslacoild
wait_until "the first line" received "line 1 from before"
log "line 2" /var/log/app/app.log
wait_until "the second line" received "line 2"
is "$first" property MainPID || fail "a reload is no restart"

say "status text"
wait_until "the status text" is \
    "forwarding 1 file to 1 destination, 0 bytes behind" property StatusText

inside teslacoilctl show >"$work/show" || fail "teslacoilctl show"
grep -q unix:///dev/log "$work/show" || { cat "$work/show"; fail "show"; }

say "a wrong configuration"
inside cp -p /etc/teslacoil.conf /root
log "nonsense = 1" /etc/teslacoil.conf
! inside systemctl reload teslacoild 2>/dev/null ||
    fail "reload took a wrong configuration"
wait_until "what is wrong" said 'teslacoil.conf:[0-9]*: unknown option'
log "line 3" /var/log/app/app.log
wait_until "the third line" received "line 3"
# Whoever signals by hand is told in the status.
signal HUP "$first"
wait_until "the status text" is \
    "the new configuration is wrong, the old one goes on" property StatusText
inside cp -p /root/teslacoil.conf /etc
is "active $first" echo "$(property ActiveState) $(property MainPID)" ||
    fail "a wrong configuration stopped what ran"

say "reload, crash"
old=$(worker)
inside systemctl reload teslacoild
wait_until "another worker" is_another_worker "$old"
old=$(worker)
signal KILL "$old"
wait_until "another worker" is_another_worker "$old"
log "line 4" /var/log/app/app.log
wait_until "the fourth line" received "line 4"
is "$first 0" echo "$(property MainPID) $(property NRestarts)" ||
    fail "the monitor did not see to its worker"

say "watchdog"
inside mkdir -p /etc/systemd/system/teslacoild.service.d
printf '[Service]\nWatchdogSec=4s\nRestartSec=1s\n' >"$root/root/watchdog.conf"
drop_in /root/watchdog.conf
signal STOP "$(worker)"
log "line 5" /var/log/app/app.log
wait_until "the watchdog" is 1 property NRestarts
wait_until "the fifth line" received "line 5"
inside journalctl -b --no-pager -u teslacoild | grep -q 'Watchdog timeout' ||
    fail "it was not the watchdog"

say "a log of root's alone"
inside install -m 0600 /dev/null /var/log/app/secret.log
log "line 6" /var/log/app/secret.log
wait_until "the refusal" said "secret.log.*Permission denied"
! received "line 6" || fail "it was read all the same"
drop_in /usr/share/examples/teslacoil/read-all-logs.conf
wait_until "the sixth line" received "line 6"
log "line 7" /var/log/app/secret.log
wait_until "the seventh line" received "line 7"

say "a log in /home"
inside install -d -m 0755 /home/app
log "line 8" /home/app/app.log
inside sed -i 's|^	paths = .*|	paths = { "/var/log/app/*.log", "/home/*/*.log" }|' \
    /etc/teslacoil.conf
drop_in /usr/share/examples/teslacoil/logs-in-home.conf
wait_until "the eighth line" received "line 8"

say "stop, start"
inside systemctl stop teslacoild
is "inactive success" echo "$(property ActiveState) $(property Result)" ||
    fail "it did not stop in order"
log "line 9" /var/log/app/app.log
inside systemctl start teslacoild
wait_until "the ninth line" received "line 9"
for i in 1 2 3 4 5 6 7 8 9; do
	received "line $i" || received "line $i from before" ||
	    fail "line $i is not there, or twice"
done

say "a stop that takes longer than systemd would wait"
inside sed -i 's|^#shutdown_timeout = .*|shutdown_timeout = "25s"|' \
    /etc/teslacoil.conf
inside systemctl restart teslacoild
signal STOP "$(worker)"
inside systemctl stop teslacoild
is exit-code property Result || fail "systemd did not wait"
inside systemctl start teslacoild

! said "sandbox: " || fail "the unit keeps it from confining itself"

say "upgrade"
old=$(property MainPID)
inside apt-get -qq -y -o Dpkg::Use-Pty=0 --reinstall install "$deb" \
    >"$work/apt.log" 2>&1 || { cat "$work/apt.log" >&2; fail "upgrade"; }
! is "$old" property MainPID 2>/dev/null || fail "the old one still runs"
log "line 10" /var/log/app/app.log
wait_until "the tenth line" received "line 10"

say "a key of root's, as a credential"
inside mkdir -p /etc/ssl/private /etc/ssl/certs
openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=client \
    -keyout "$root/etc/ssl/private/teslacoil.key" \
    -out "$root/etc/ssl/certs/teslacoil.crt" 2>/dev/null
inside chmod 0600 /etc/ssl/private/teslacoil.key
# Another file than usual, and a macro, by the options of the administrator.
cat >"$root/etc/other.conf" <<'EOT'
destination "tls" {
	url = "tls://127.0.0.1:${port}"
	tls {
		ca_file = "/etc/ssl/certs/teslacoil.crt"
		key_file = "${CREDENTIALS_DIRECTORY}/client.key"
		cert_file = "${CREDENTIALS_DIRECTORY}/client.crt"
	}
}
source "app" { paths = "/var/log/app/*.log" }
EOT
echo 'OPTIONS="-f /etc/other.conf -D port=6515"' >"$root/etc/default/teslacoild"
drop_in /usr/share/examples/teslacoil/keys-as-credentials.conf
old=$(worker)
inside systemctl reload teslacoild || fail "the reload reads no credentials"
wait_until "another worker" is_another_worker "$old"
inside teslacoilctl show >"$work/show" || fail "teslacoilctl show"
grep -q tls://127.0.0.1:6515 "$work/show" || { cat "$work/show"; fail "show"; }

say "a start with a wrong configuration"
log "nonsense = 1" /etc/other.conf
! inside systemctl restart teslacoild 2>/dev/null || fail "it started"
sleep 8	# longer than it waits before another try
is "failed 78 0" echo "$(property ActiveState) $(property ExecMainStatus)" \
    "$(property NRestarts)" || fail "it is tried again"
inside rm /etc/other.conf /etc/default/teslacoild
inside systemctl restart teslacoild

say "exposure, as it is installed"
inside systemctl revert teslacoild.service >/dev/null 2>&1
inside systemd-analyze --no-pager security --threshold=12 teslacoild.service \
    >"$work/exposed" || { cat "$work/exposed"; fail "exposed"; }
grep Overall "$work/exposed"

say "purge"
inside apt-get -qq -y -o Dpkg::Use-Pty=0 purge teslacoil >"$work/apt.log" 2>&1
is inactive inside systemctl is-active teslacoild || fail "it still runs"
! inside ls -d /var/lib/teslacoil /etc/teslacoil.conf 2>/dev/null ||
    fail "purge left it"
say "all is well"
