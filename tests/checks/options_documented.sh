#!/bin/sh
# Goal: the options that the daemon takes are those that teslacoil.conf(5) and
# the sample have, with the same defaults, and no others.
# With TESLACOILD set, the sample must pass its check: as it is, and with every
# option turned on.

cd "$(dirname "$0")/../.." || exit 1
tables="daemon/conf/option.c daemon/conf/tls.c daemon/conf/relp.c"
manual=conf/teslacoil.conf.5
sample=conf/teslacoil.conf
status=0

fail()
{
	echo "options: $*" >&2
	status=1
}

# "name default" a line; lines of the tables may be wrapped.
options=$(cat $tables | tr '\n' ' ' |
    grep -oE '\{ "[a-z_]+",[[:space:]]+[0-9A-Z_]+,[[:space:]]+\{[^}]*\},[[:space:]]+[A-Za-z_]+ \}' |
    sed -E 's/^\{ "([a-z_]+)",[^{]*\{ *([^}]*)\}.*/\1 \2/; s/[[:space:]]+$//')
known=" include destination source structured_data tls relp "
count=0
for name in $(echo "$options" | cut -d ' ' -f 1); do
	known="$known$name "
	count=$((count + 1))
done
[ "$count" -ge 30 ] || fail "only $count options found in $tables"

# The defaults of name in the tables; hostname and window are in two of them.
default_of()
{
	echo "$options" | sed -nE "s/^$1 //p" | tr -d '" ' | sort -u
}

documented=$(sed -nE 's/^\.It Ic ([a-z_]+) No = .*/\1/p' "$manual")
shown=$(sed -nE 's/^#?	*([a-z_]+) = .*/\1/p' "$sample")

for name in $known; do
	case $name in
	include)
		grep -q '^\.Ic include' "$manual" ||
		    fail "$manual lacks include"
		grep -q '^#include(' "$sample" ||
		    fail "$sample lacks include"
		continue ;;
	tls|relp)
		grep -qx "\.It Ic $name" "$manual" ||
		    fail "$manual lacks $name"
		grep -qE "^#?	*$name \{" "$sample" ||
		    fail "$sample lacks $name"
		continue ;;
	destination|source|structured_data)
		grep -qE "^(\\.It|\\.Ic)? ?(Ic )?$name Ar" "$manual" ||
		    fail "$manual lacks $name"
		grep -qE "^#?	*$name \"" "$sample" ||
		    fail "$sample lacks $name"
		continue ;;
	esac
	echo "$documented" | grep -qx "$name" || fail "$manual lacks $name"
	echo "$shown" | grep -qx "$name" || fail "$sample lacks $name"
done

for name in $documented; do
	case $known in
	*" $name "*) ;;
	*) fail "$manual has $name, which does not exist" ;;
	esac
done

for name in $shown; do
	case $known in
	*" $name "*) ;;
	*) fail "$sample has $name, which does not exist" ;;
	esac
	case $name in
	url|paths|params|state_dir|control_socket)
		continue ;;	# no default, or one of the build
	esac
	want=$(default_of "$name")
	[ "$want" = NULL ] && want=
	got=$(sed -nE "s/^#	*$name = //p; s/^#$name = //p" "$sample" |
	    sed -E 's/[[:space:]]*#.*//' | tr -d '"{} ' | sort -u)
	[ "$got" = "$want" ] ||
	    fail "$sample: $name is \"$got\", and in $tables \"$want\""
done

if [ -n "$TESLACOILD" ]; then
	all=$(mktemp) || exit 1
	trap 'rm -f "$all"' EXIT
	"$TESLACOILD" -n -f "$sample" >/dev/null ||
	    fail "$sample does not pass"
	sed -E 's/^#(	*[a-z_]+ (= |"|\{))/\1/; s/^#(	*\})/\1/' \
	    "$sample" >"$all"
	for name in tls relp; do
		grep -qx "	$name {" "$all" || fail "$name is not turned on"
	done
	"$TESLACOILD" -n -f "$all" >/dev/null ||
	    fail "$sample with every option turned on does not pass"
fi
exit $status
