#!/bin/sh
# Makes an OpenBSD port of this tree.
#
#	rc.d/port.sh [directory]
#
# It is left in the directory, build/port where none is given: the port, which
# belongs in /usr/ports/mystuff/sysutils, with its distinfo, and the distfile,
# which belongs in /usr/ports/distfiles.

set -eu

cd "$(dirname "$0")/.."
to=${1:-build/port}
mkdir -p "$to"
to=$(cd "$to" && pwd)
name=teslacoil-$(sed -n 's/^V =[[:space:]]*//p' rc.d/port/Makefile)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir "$tree/$name"
cp -R CHANGELOG.md LICENSE README.md meson.build conf daemon lib rc.d systemd \
    tests "$tree/$name"
rm -rf "$tree/$name/rc.d/port"
rm -rf "$to/teslacoil"
cp -R rc.d/port "$to/teslacoil"
distfile=$to/$name.tar.gz
(cd "$tree" && tar -cf - "$name") | gzip -9n > "$distfile"
sum=$(openssl dgst -sha256 -binary "$distfile" | openssl base64)
cat > "$to/teslacoil/distinfo" <<-EOT
	SHA256 ($name.tar.gz) = $sum
	SIZE ($name.tar.gz) = $(wc -c < "$distfile" | tr -d ' ')
EOT
echo "$to/teslacoil"
