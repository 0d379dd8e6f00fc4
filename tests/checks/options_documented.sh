#!/bin/sh
# Goal: teslacoil.conf(5) and the sample have the options that the daemon has,
# in the same sections, with the same defaults, and no others.
#
#     tests/checks/options_documented.sh PROGRAM
#
# PROGRAM prints what the daemon has (options_list.c).
# With TESLACOILD set, the sample must pass its check: as it is, and with every
# option turned on.

program=$1
case $program in
/*) ;;
*) program=$PWD/$program ;;
esac
cd "$(dirname "$0")/../.." || exit 1
manual=conf/teslacoil.conf.5
sample=conf/teslacoil.conf
status=0
export LC_ALL=C
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

fail()
{
	echo "options: $*" >&2
	status=1
}

# The options of the manual: "section option" a line.  A list in a list is that
# of the section which its item names; lists of values have no options.
of_manual()
{
	awk '
	/^\.Ss / { section = "" }
	/^\.Ss Global options$/ { section = "global" }
	/^\.Ss Destinations$/ { section = "destination" }
	/^\.Ss Sources$/ { section = "source" }
	/^\.Bl / { depth++ }
	/^\.El/ { depth-- }
	/^\.It Ic (tls|relp)$/ || /^\.It Ic structured_data Ar id$/ {
		inner = $3
	}
	/^\.It Ic [a-z_]+ No = / {
		print (depth == 1 ? section : inner) "\t" $3
	}' "$manual"
}

# The options of the sample: "section option value" a line, turned on or off.
of_sample()
{
	sed -E 's/^#//; s/[[:space:]]#.*//; s/^[[:space:]]+//' "$sample" | awk '
	BEGIN { section[0] = "global" }
	/^[a-z_]+ ("[^"]*" )?\{[[:space:]]*$/ { section[++depth] = $1 }
	/^\}[[:space:]]*$/ { depth-- }
	/^[a-z_]+ = / {
		name = $1
		sub(/^[a-z_]+ = /, "")
		gsub(/["{} \t]/, "")
		print section[depth + 0] "\t" name "\t" $0
	}'
}

# What the first list has and the second lacks, each as "name in section".
lacks()
{
	comm -23 "$1" "$2" | awk -F '\t' '{ print $2 " (" $1 ")" }'
}

"$program" >"$dir/list" || { fail "$program fails"; exit 1; }
cut -f 1,2 "$dir/list" | sort >"$dir/have"
of_manual | sort >"$dir/manual"
of_sample >"$dir/values"
cut -f 1,2 "$dir/values" | sort -u >"$dir/sample"
lacks "$dir/have" "$dir/manual" >"$dir/missing"
while read -r option; do fail "$manual lacks $option"; done <"$dir/missing"
lacks "$dir/have" "$dir/sample" >"$dir/missing"
while read -r option; do fail "$sample lacks $option"; done <"$dir/missing"
lacks "$dir/manual" "$dir/have" >"$dir/missing"
while read -r option; do
	fail "$manual has $option, which does not exist"
done <"$dir/missing"
lacks "$dir/sample" "$dir/have" >"$dir/missing"
while read -r option; do
	fail "$sample has $option, which does not exist"
done <"$dir/missing"
grep -q '^\.Ic include' "$manual" || fail "$manual lacks include"
grep -q '^#include(' "$sample" || fail "$sample lacks include"

# url, paths and params have no default; that of the others may be the build's.
skip='	(url|paths|params|state_dir|control_socket)	'
grep -vE "$skip" "$dir/list" | sort >"$dir/have"
grep -vE "$skip" "$dir/values" | sort -u >"$dir/sample"
comm -13 "$dir/have" "$dir/sample" | cut -f 2,3 >"$dir/missing"
while read -r name value; do
	fail "$sample: $name = \"$value\" is not the default"
done <"$dir/missing"

if [ -n "$TESLACOILD" ]; then
	"$TESLACOILD" -n -f "$sample" >/dev/null ||
	    fail "$sample does not pass"
	sed -E 's/^#(	*[a-z_]+ (= |"|\{))/\1/; s/^#(	*\})/\1/' \
	    "$sample" >"$dir/all"
	for name in tls relp; do
		grep -qx "	$name {" "$dir/all" ||
		    fail "$name is not turned on"
	done
	"$TESLACOILD" -n -f "$dir/all" >/dev/null ||
	    fail "$sample with every option turned on does not pass"
fi
exit $status
