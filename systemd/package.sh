#!/bin/sh
# Builds a Debian package of this tree.
#
#	systemd/package.sh [directory]
#
# It is left in the directory, build/packages where none is given, and its path
# is printed.  Needs dpkg-dev, debhelper and what debian/control has under
# Build-Depends, and says what of that is missing.

set -eu

cd "$(dirname "$0")/.."
to=${1:-build/packages}
mkdir -p "$to"
to=$(cd "$to" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir "$tree/teslacoil"
cp -R CHANGELOG.md LICENSE README.md meson.build conf daemon lib rc.d systemd \
    tests "$tree/teslacoil"
cd "$tree/teslacoil"
mv systemd/debian debian
missing=$(dpkg-checkbuilddeps 2>&1) || {
	echo "package.sh: ${missing##*error: }" >&2
	echo "package.sh: have root run: apt-get install ${missing##*: }" >&2
	exit 1
}
log=$to/build.log
dpkg-buildpackage -b -us -uc >"$log" 2>&1 || {
	tail -n 40 "$log" >&2
	exit 1
}
cp ../*.deb ../*.changes ../*.buildinfo "$to"
ls "$to/teslacoil_$(dpkg-parsechangelog -S Version)_"*.deb
