#!/bin/sh
# Puts the sample where the configuration is, unless there is one already.
set -eu
file=${DESTDIR:-}$2
[ -e "$file" ] || install -D -m 0644 "$1" "$file"
