# SPDX-License-Identifier: GPL-2.0-only OR MIT
# packages.sh - sourced by ./run and ./check: sees to it that Debian packages are there.
# shellcheck shell=bash

BUILD_PACKAGES=(gcc libc6-dev pkg-config meson ninja-build libsmartcols-dev libjansson-dev zlib1g-dev)
QUICK_PACKAGES=(libcmocka-dev jq)
TEST_PACKAGES=(g++ clang clang-format gcovr scdoc zsh fish)

# sanitizer_package: what has the sanitizers of this release's clang.
sanitizer_package()
{
	apt-cache depends clang 2>/dev/null | sed -n 's/^ *Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p'
}

# need_packages NAME...: installs those that are missing, and says so; without the right to
# install one line says what to do, and the script ends with 77.
need_packages()
{
	local missing=() name
	if ! command -v dpkg-query >/dev/null; then
		# Not Debian: trust the user, the build says what it lacks.
		return 0
	fi
	for name in "$@"; do
		# Debian 13 renamed some libraries when time became 64 bits wide.
		grep -q '^ii' < <(dpkg-query -W -f '${db:Status-Abbrev}\n' "$name" "${name}t64" 2>/dev/null) ||
			missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || return 0

	local as_root=()
	if [ "$(id -u)" != 0 ]; then
		if ! sudo -n true 2>/dev/null; then
			echo "missing packages, and no right to install them; as root:" \
				"apt-get install ${missing[*]}" >&2
			exit 77
		fi
		as_root=(sudo -n)
	fi
	echo "installing: ${missing[*]}" >&2
	local log
	log=$(mktemp)
	# A source of packages that is out of reach matters only if it is the one that has them.
	{ "${as_root[@]}" apt-get update || true; } >"$log" 2>&1 </dev/null
	if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		echo "could not install: ${missing[*]}" >&2
		exit 77
	fi
	rm -f "$log"
}

# configure DIR [MESON ARGUMENTS]: a build folder, set up once; again where it was set up with other
# arguments. Without any it is taken as it is.
configure()
{
	local dir=$1 log again=()
	shift
	if [ -f "$dir/build.ninja" ]; then
		[ $# -gt 0 ] && [ "$*" != "$(cat "$dir/arguments.txt" 2>/dev/null)" ] || return 0
		again=(--reconfigure)
	else
		rm -rf "$dir"
	fi
	log=$(mktemp)
	if meson setup "${again[@]}" "$dir" "$@" >"$log" 2>&1; then
		echo "$*" >"$dir/arguments.txt"
	else
		tail -n 20 "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

# build DIR [TARGET...]: quiet unless it fails.
build()
{
	local dir=$1 log status=0
	shift
	log=$(mktemp)
	ninja -C "$dir" "$@" >"$log" 2>&1 || status=$?
	# ninja says what it does before it says what failed.
	[ "$status" = 0 ] || sed -n '/^FAILED:/,$p' "$log" | head -n 60 >&2
	rm -f "$log"
	return "$status"
}
