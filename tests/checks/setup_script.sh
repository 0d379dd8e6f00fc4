#!/bin/sh
# Goal: setup.sh shows what it does so that it can be read, and says what is to
# be done where it may not.
#
#	setup_script.sh teslacoild
#
# Runs a copy of it with programs that build nothing and install nothing.

top=$(cd "$(dirname "$0")/../.." && pwd)
teslacoild=$1
work=$(mktemp -d) || exit 1
status=0
trap 'rm -rf "$work"' EXIT

fail()
{
	echo "setup: $*" >&2
	cat "$work/said" >&2
	status=1
}

# fake name body: a program that comes before all others
fake()
{
	printf '#!/bin/sh\n%s\n' "$2" > "$work/bin/$1"
	chmod 755 "$work/bin/$1"
}

setup()
{
	PATH=$work/bin:$PATH "$work/setup.sh" "$@" > "$work/said" 2>&1
}

[ "$(uname -s)" = Linux ] && command -v dpkg-query >/dev/null || {
	echo "setup: only where packages are Debian's"
	exit 77
}
mkdir -p "$work/bin" "$work/build/daemon"
cp "$top/setup.sh" "$work"
ln -s "$teslacoild" "$work/build/daemon/teslacoild"
for program in meson ninja; do
	fake $program :
done

# Neither root nor sudo.
fake id 'echo 1000'
fake dpkg-query 'case $* in *" meson") exit 1 ;; esac; echo installed'
fake apt-get 'echo "apt-get ran" >&2'
for dir in $(echo "$PATH" | tr : ' '); do
	[ ! -x "$dir/sudo" ] || hidden=yes
done
if [ -z "${hidden:-}" ]; then
	setup build && fail "it went on without what is missing"
	grep -q "run this, and come again: apt-get install.* meson\$" \
	    "$work/said" || fail "it does not print the command to run"
	grep -q "apt-get ran" "$work/said" && fail "it tried all the same"
fi

# What is there to be seen of a log that is long.
fake id 'echo 0'
fake dpkg-query 'echo installed'
PATH=$work/bin:$PATH timeout -s INT 4 "$work/setup.sh" run > "$work/said" 2>&1
grep -q '^Following ' "$work/said" || fail "it does not say what it follows"
grep -q '^<[0-9]*>1 ' "$work/said" || fail "it shows nothing"
[ "$(wc -l < "$work/said")" -le 40 ] || fail "nobody can read that"
exit $status
