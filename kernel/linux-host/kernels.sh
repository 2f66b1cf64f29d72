# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# kernels.sh - sourced by vm.sh: the kernels that it boots. Debian's newest source, or a developer's
# own tree, is built with the configurations beside this.

# The newest source package that there is, as its file in $cache/linux-source.
fetch_source()
{
	local to=$cache/linux-source package
	[ ! -e "$to/ready" ] || return 0
	echo "fetching the source of Linux into $cache" >&2
	prepare_apt trixie
	package=$(private_apt trixie apt-cache search --names-only '^linux-source-[0-9.]+$' |
		grep -o '^[^ ]*' | sort -V | tail -n 1)
	[ -n "$package" ] || not_here "the archive has no package linux-source-*"
	rm -rf "$to"
	mkdir -p "$to"
	(cd "$to" && private_apt trixie apt-get download -qq "$package") >"$cache/apt/log" 2>&1 ||
		not_here "$package cannot be fetched: $(tail -n 1 "$cache/apt/log")"
	touch "$to/ready"
}

# What of these fragments a configuration does not have as they say; of two that differ the later one.
not_as_asked_for() # CONFIG FRAGMENT...
{
	awk 'FNR == 1 { file++ }
		/^CONFIG_/ { name = $0; sub(/=.*/, "", name); value = substr($0, length(name) + 2) }
		/^# CONFIG_.* is not set$/ { name = $2; value = "n" }
		!/^(# )?CONFIG_/ { next }
		file == 1 { is[name] = value; next }
		{ wanted[name] = value }
		END {
			for (name in wanted)
				if ((name in is ? is[name] : "n") != wanted[name])
					print name "=" wanted[name]
		}' "$@"
}

# build_kernel SOURCE BUILD LOG CONFIG...: on top of tinyconfig, with modules if it is to have them.
build_kernel()
{
	local source=$1 build=$2 log=$3 target missing
	shift 3
	mkdir -p "$build"
	: >"$log"
	for target in tinyconfig olddefconfig bzImage modules; do
		[ "$target" != modules ] || grep -qx CONFIG_MODULES=y "$build/.config" || continue
		[ "$target" != olddefconfig ] || cat "$@" >>"$build/.config"
		if ! make -C "$source" O="$build" CC=gcc-12 HOSTCC=gcc-12 -j"$(nproc)" "$target" \
			>>"$log" 2>&1; then
			grep -E 'error|undefined reference|\*\*\*' "$log" | grep -vE '^  [A-Z]+ ' | head -n 20 >&2
			echo "vm: Linux of $source does not build ($target); the log is $log" >&2
			return 1
		fi
		[ "$target" = olddefconfig ] || continue
		missing=$(not_as_asked_for "$build/.config" "$@")
		[ -z "$missing" ] || { echo "vm: this Linux cannot be configured with:" $missing >&2; return 1; }
	done
}

# unpack_source PACKAGE FOLDER: without what no configuration here compiles, which is more than half of it.
unpack_source()
{
	local part leave_out=()
	for part in 'arch/[!x]*' drivers/{accel,clk,gpu,iio,infiniband,media,net,pinctrl,scsi,staging,usb} sound; do
		leave_out+=("--exclude=$part/*.[chS]")
	done
	dpkg-deb --fsys-tarfile "$1" | tar -x -O --wildcards './usr/src/*.tar.xz' |
		tar -x -J -C "$2" --strip-components=1 "${leave_out[@]}" --exclude='*.dts*' \
			--exclude='Documentation/*.rst' --exclude='Documentation/*.yaml' --exclude='tools/testing/*'
}

# make_kernel FOLDER CONFIG...: a tree, its build, and of these what stays: the image, and where
# modules can be built, what they are built against.
make_kernel()
{
	local to=$1 package
	shift
	package=$(ls "$cache"/linux-source/*.deb)
	echo "building Linux of $(basename "$package") with $(basename -a "$@" | paste -sd ' ')" >&2
	rm -rf "$to"
	mkdir -p "$to/source" "$to/boot"
	unpack_source "$package" "$to/source"
	build_kernel "$to/source" "$to/build" "$to/log" "$@"
	mv "$to/build/arch/x86/boot/bzImage" "$to/bzImage"
	if [ -e "$to/build/Module.symvers" ]; then
		find "$to/build" \( -name '*.[oa]' -o -name 'vmlinux*' -o -name '.*.cmd' \) -delete
		find "$to/source" -type f ! -path "$to/source/scripts/*" ! -name '*.h' ! -name '*Makefile*' -delete
		ln -s build "$to/headers"
	else
		rm -rf "$to/source" "$to/build"
	fi
	# Where there is an image all of it is done.
	mv "$to/bzImage" "$to/boot/vmlinuz-pamt"
}

# Kernels are in folders of $cache, made alike: boot/ has the image, and headers what modules are built
# against. The functions below put the folder's name into $series and the image into $kernel.

# make_tree TREE CONFIG...: a developer's own, built again and again, and nothing in it.
make_tree()
{
	local tree to
	tree=$(realpath "$1")
	shift
	series=tree-$(cat <(echo "$tree") "$@" | sha256sum | cut -c 1-12)
	to=$cache/$series
	echo "building Linux of $tree in $to" >&2
	mkdir -p "$to/boot"
	build_kernel "$tree" "$to/build" "$to/log" "$@"
	ln -sfn build "$to/headers"
	ln -sf ../build/arch/x86/boot/bzImage "$to/boot/vmlinuz-pamt"
	kernel=$to/boot/vmlinuz-pamt
}

# prepare_kernel CONFIG...: of Debian's source, once.
prepare_kernel()
{
	fetch_source
	series=linux-$(cat "$@" <(ls "$cache/linux-source") | sha256sum | cut -c 1-12)
	kernel=$cache/$series/boot/vmlinuz-pamt
	[ -e "$kernel" ] || make_kernel "$cache/$series" "$@"
}

# choose_kernel IMAGE TREE [FRAGMENT]: the one that was asked for, or Debian's. If nothing is said
# a developer's has what people look at things with. Debian's is small, but where it is traced.
choose_kernel()
{
	local own=$1 tree=$2 more=${3-} at=$here/linux-host
	if [ -n "$own" ]; then
		kernel=$(realpath "$own")
	elif [ -n "$tree" ]; then
		make_tree "$tree" "$at/config" "$at/${more:-traced}.config"
	elif [ "$more" = traced ]; then
		prepare_kernel "$at/config" "$at/traced.config"
	else
		prepare_kernel "$at/config" "$at/small.config" ${more:+"$at/$more.config"}
	fi
}

# Why no TDX host can be built out of this folder: nothing, or words.
wrong_tree()
{
	if [ ! -e "$1/Kconfig" ]; then
		echo 'no source of Linux (it has no Kconfig)'
	elif [ -e "$1/.config" ] || [ -e "$1/include/config" ]; then
		echo "Linux was built in it; say --image $1/arch/x86/boot/bzImage, or 'make mrproper' there"
	elif [[ "$(realpath "$1")" == *[[:space:]:]* ]]; then
		echo 'Linux is built in no folder that has a space or a colon in its name'
	elif ! grep -qsx 'config KVM_INTEL_TDX' "$1/arch/x86/kvm/Kconfig"; then
		echo "Linux $(make -s -C "$1" kernelversion 2>/dev/null || echo '(of what version?)') has no TDX" \
			'host support (KVM_INTEL_TDX, of 6.16 and newer)'
	fi
}

# refuse_other_files IMAGE TREE TESTS: what is no kernel is said before anything is fetched.
refuse_other_files()
{
	local refused=''
	if [ -n "$1" ] && [ -n "$2" ]; then
		refused='one kernel at a time: --image or --tree'
	elif [ -n "$1" ] && [ ! -f "$1" ]; then
		refused="--image $1: no such file"
	elif [ -n "$1" ] && [ "$(dd if="$1" bs=1 skip=514 count=4 2>/dev/null)" != HdrS ]; then
		refused="--image $1: no bzImage of Linux"
	elif [ -n "$1" ] && [ "$3" = debug ]; then
		refused="--debug builds modules: it wants a --tree, or neither"
	elif [ -n "$2" ]; then
		refused=$(wrong_tree "$2")
		[ -z "$refused" ] || refused="--tree $2: $refused"
	fi
	[ -z "$refused" ] || { echo "vm: $refused" >&2; exit 2; }
}
