#!/bin/sh
# Checks the #includes against the floors of the house: a module calls only
# what lies on its own floor or below it, and lib/ is pure.

cd "$(dirname "$0")/.." || exit 1
status=0

fail()
{
	echo "floors: $*" >&2
	status=1
}

# The floor of a module of daemon/, named without its ending.
floor()
{
	case $1 in
	account|born*|channel|checkpoint_writer|clock|control|heap*|meant)
		echo 1 ;;
	needs|opener|scan_queue|sizes|starting|statedir|version)
		echo 1 ;;
	teslacoild|monitor*|worker|confine|teslacoilctl|show)
		echo 5 ;;
	ctl*|metrics*|httpd*|state*)
		echo 4 ;;
	dest*|endpoint*|relp_session|link*|resolve*|targets|tcp_info*)
		echo 3 ;;
	source*|handover|place*|tail*|stream*|ledger*)
		echo 2 ;;
	mounts*|watch*|walk_open*|conf*|cert|log*|say|sandbox*|notify*|privsep*|lock*)
		echo 1 ;;
	esac
}

# Which files of our own a file includes.
includes()
{
	sed -n 's/^#[ 	]*include[ 	]*"\(.*\)".*/\1/p' "$1"
}

for file in lib/*.[ch]; do
	for name in $(includes "$file"); do
		[ -f "lib/$name" ] || fail "$file includes $name"
	done
	if grep -nE '^#[ 	]*include[ 	]*<(ev|confuse|syslog|ares|jansson|sys/(socket|event|inotify))\.h>' \
	    "$file"; then
		fail "$file is not pure"
	fi
done

for file in daemon/*.[ch]; do
	module=$(basename "$file")
	module=${module%.[ch]}
	own=$(floor "$module")
	if [ -z "$own" ]; then
		fail "$file is on no floor: add it to the table"
		continue
	fi
	for name in $(includes "$file"); do
		case $name in
		lib/*)
			continue ;;
		daemon/*)
			other=${name#daemon/} ;;
		*)
			fail "$file includes $name: write lib/ or daemon/"
			continue ;;
		esac
		its=$(floor "${other%.h}")
		[ "${its:-9}" -le "$own" ] ||
		    fail "$file, floor $own, includes $name, floor ${its:-none}"
	done
	# x.c includes x.h first.
	if [ "$file" = "daemon/$module.c" ] && [ -f "daemon/$module.h" ]; then
		first=$(includes "$file" | head -n 1)
		[ "$first" = "daemon/$module.h" ] ||
		    fail "$file does not include daemon/$module.h first"
	fi
done

exit $status
