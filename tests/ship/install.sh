#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# install.sh - what is installed can be used: headers compile by themselves, the example hypervisor
# is built with pkg-config against the installed libraries and runs, so does `pamt trap`.
# Arguments: build folder, source folder, sanitizers of the build.
set -euo pipefail
build=$1 source=$2 sanitize=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
root=$scratch/root
flags=(-std=gnu11 -Wall -Wextra -Werror -Wundef)
[ "$sanitize" = none ] || flags+=("-fsanitize=$sanitize")
export ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0"

DESTDIR=$root meson install -C "$build" --no-rebuild --quiet
for name in bash-completion/completions/pamt zsh/site-functions/_pamt fish/vendor_completions.d/pamt.fish; do
	[ -s "$(find "$root" -path "*/$name")" ] || { echo "no completion: $name"; exit 1; }
done
for name in libpamt.so libsoftseam.so libpamt.a libsoftseam.a libpamt-trap.so libpamt-qemu.so pamt.pc softseam.pc host.h \
	pamt.1; do
	found=$(find "$root" -name "$name" ! -type d | wc -l)
	if [ "$name" = pamt.1 ] && ! command -v scdoc >/dev/null; then
		continue
	fi
	[ "$found" = 1 ] || { echo "$name is installed $found times"; exit 1; }
done

if command -v scdoc >/dev/null; then
	for name in $(sed -n 's/^\t\t\(\w*\);$/\1/p' "$source"/src/host/libpamt.map \
		"$source"/src/port/trap/libsoftseam.map); do
		page=$(find "$root" -path "*/man3/$name.3")
		if [ ! -s "$page" ]; then
			echo "no manual page $name(3)"
			exit 1
		fi
	done
fi

# Nothing in a .pc file or a library may point to where it was built.
if grep -rlF "$source" "$root" --include='*.pc' --include='*.h'; then
	echo "the files above name the folder that they were built in"
	exit 1
fi

PKG_CONFIG_LIBDIR=$(dirname "$(find "$root" -name pamt.pc)")
export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR=$root
read -ra cflags < <(pkg-config --cflags pamt softseam)
read -ra libs < <(pkg-config --libs pamt softseam)
LD_LIBRARY_PATH=$(dirname "$(find "$root" -name libpamt.so)")
export LD_LIBRARY_PATH

include=$(dirname "$(find "$root" -name host.h)")
for header in "$include"/*.h; do
	echo "#include <pamt/$(basename "$header")>" >"$scratch/header.c"
	cc "${flags[@]}" "${cflags[@]}" -fsyntax-only "$scratch/header.c"
done

cc "${flags[@]}" "${cflags[@]}" "$source/examples/hypervisor.c" "${libs[@]}" -o "$scratch/hypervisor"
"$scratch/hypervisor" | tee "$scratch/out"
grep -qx 'in use: 1 pairs, 32 KB' "$scratch/out" || { echo 'not the use expected'; exit 1; }
grep -qx 'left with zero TDs: 0 bytes' "$scratch/out"
# The same with the archives, beside a function that has the name of one inside.
archives=$(pkg-config --static --libs pamt softseam)
archives=${archives//-lpamt/-l:libpamt.a}
read -ra archives <<<"${archives//-lsoftseam/-l:libsoftseam.a}"
echo 'int region_get(void); int region_get(void) { return 0; }' >"$scratch/twin.c"
cc "${flags[@]}" "${cflags[@]}" "$source/examples/hypervisor.c" "$scratch/twin.c" \
	"${archives[@]}" -o "$scratch/hypervisor-static"
LD_LIBRARY_PATH='' "$scratch/hypervisor-static" | tail -n 1 | grep -qx 'left with zero TDs: 0 bytes'
if "$scratch/hypervisor" /no/such.log 2>"$scratch/err"; then
	echo 'a machine that is not there went unnoticed'
	exit 1
fi
grep -q '/no/such.log' "$scratch/err"

cc "${flags[@]}" "${cflags[@]}" "$source/examples/seamcall.c" -o "$scratch/seamcall"
"$(find "$root" -path '*/bin/pamt')" trap --machine builtin:256g "$scratch/seamcall" >"$scratch/out"
grep -qx 'Dynamic PAMT: yes' "$scratch/out"
# C++ links the same libraries.
if command -v g++ >/dev/null; then
	for std in 11 20; do
		g++ "-std=c++$std" "${flags[@]:1}" "${cflags[@]}" "$source/tests/ship/link.cpp" \
			"${libs[@]}" -o "$scratch/link"
		"$scratch/link" | tee "$scratch/out"
		grep -q '^SYS.INIT: 0, a host without memory: -22, .' "$scratch/out"
	done
fi
echo 'installed, built and run'
