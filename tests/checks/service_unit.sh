#!/bin/sh
# Goal: systemd finds nothing wrong with the unit, and little that it exposes.
#
#	service_unit.sh build/systemd/teslacoild.service teslacoild
#
# Skipped where there is no systemd-analyze.  How the unit works is shown by
# tests/checks/boot.sh.

unit=$1 daemon=$2
top=$(dirname "$0")/../..
most=12				# tenths of systemd's points

command -v systemd-analyze >/dev/null || exit 77
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# As if the program and its manual pages were installed.
sed -e "s|=[^ ]*/teslacoild |=$daemon |" \
    -e "s|=[^ ]*/teslacoilctl |=$(command -v true) |" "$unit" >"$tmp/teslacoild.service"
mkdir "$tmp/man5" "$tmp/man8"
cp "$top"/conf/*.5 "$tmp/man5"
cp "$top"/daemon/*.8 "$tmp/man8"
man=yes
command -v man >/dev/null || man=no

status=0
found=$(MANPATH=$tmp systemd-analyze verify --man=$man \
    "$tmp/teslacoild.service" 2>&1) || status=1
if [ -n "$found" ]; then
	echo "$found"
	status=1
fi

# What each drop-in opens is its business, but it must be one.
for drop_in in "$top"/systemd/*-*.conf; do
	mkdir -p "$tmp/teslacoild.service.d"
	cp "$drop_in" "$tmp/teslacoild.service.d"
	found=$(MANPATH=$tmp systemd-analyze verify --man=$man \
	    "$tmp/teslacoild.service" 2>&1) || status=1
	if [ -n "$found" ]; then
		echo "$drop_in: $found"
		status=1
	fi
	rm -r "$tmp/teslacoild.service.d"
done

# wanted regular-expression what
wanted()
{
	grep -q "$1" "$unit" && return
	echo "the unit lacks: $2"
	status=1
}
wanted '^ExecStart=.* \$OPTIONS$' "options of the administrator"
wanted '^ExecReload=.*/teslacoilctl .*reload$' "a reload that tells how it went"
# By the daemon itself: what it exits with when its configuration is wrong.
echo "no_such_option = 1" >"$tmp/wrong.conf"
"$daemon" -d -f "$tmp/wrong.conf" 2>/dev/null && wrong=0 || wrong=$?
wanted "^RestartPreventExitStatus=.*\b$wrong\b" \
    "that a wrong configuration, status $wrong, is not tried again"

systemd-analyze security --offline=true --threshold=$most --no-pager \
    "$tmp/teslacoild.service" >"$tmp/exposed" || {
	grep '✗\|Overall' "$tmp/exposed"
	status=1
}
exit $status
