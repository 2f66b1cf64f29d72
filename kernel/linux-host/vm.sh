# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# vm.sh - sourced by kernel/vm, for `kernel/vm linux`: a TDX host. Debian's newest Linux, as it is,
# built once with a small configuration (config, beside this), boots in a QEMU whose processors
# pamt's plugin makes those of a TDX host, and runs TDs under its own KVM:
#
#	kernel/vm linux [--long] [--image BZIMAGE | --tree FOLDER]	the tests; --long: all of them
#	kernel/vm linux --shell [--image BZIMAGE | --tree FOLDER]	a prompt
#
# --image boots a kernel of your own, --tree builds one out of your source, with that configuration.
#
# QEMU and the kernel's source are fetched from Debian's packages into build-vm/ and stay there.

# QEMU takes plugins of its own API only.
OLDEST_QEMU=1:11.1

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

# kernel_is_asked_for CONFIG FRAGMENT: is what the fragment turns on there?
kernel_is_asked_for()
{
	local missing
	missing=$(grep '^CONFIG_' "$2" | grep -vxFf "$1") || return 0
	echo "vm: this Linux cannot be configured with:" $missing >&2
	return 1
}

# build_kernel SOURCE BUILD LOG: with the small configuration.
build_kernel()
{
	local source=$1 build=$2 log=$3 target config=$here/linux-host/config
	mkdir -p "$build"
	for target in tinyconfig olddefconfig bzImage; do
		[ "$target" != olddefconfig ] || cat "$config" >>"$build/.config"
		[ "$target" != bzImage ] || kernel_is_asked_for "$build/.config" "$config" || return 1
		if ! make -C "$source" O="$build" CC=gcc-12 HOSTCC=gcc-12 -j"$(nproc)" "$target" \
			>>"$log" 2>&1; then
			grep -E 'error|Error' "$log" | head -n 20 >&2
			return 1
		fi
	done
}

# make_kernel FOLDER: a tree, its build, and of that the image, which is all that stays.
make_kernel()
{
	local to=$1 package
	package=$(ls "$cache"/linux-source/*.deb)
	echo "building Linux of $(basename "$package")" >&2
	rm -rf "$to"
	mkdir -p "$to/source"
	dpkg-deb --fsys-tarfile "$package" | tar -x -O --wildcards './usr/src/*.tar.xz' |
		tar -x -J -C "$to/source" --strip-components=1
	build_kernel "$to/source" "$to/build" "$to/log"
	cp "$to/build/arch/x86/boot/bzImage" "$to/bzImage"
	rm -rf "$to/source" "$to/build"
}

# The developer's own tree: built beside it, again and again.
make_tree()
{
	local tree build
	tree=$(realpath "$1")
	build=$cache/tree-$(echo "$tree" | sha256sum | cut -c 1-12)
	echo "building Linux of $tree" >&2
	build_kernel "$tree" "$build" "$build.log"
	kernel=$build/arch/x86/boot/bzImage
}

# The kernel of this source and this configuration, in $kernel.
prepare_kernel()
{
	local key
	fetch_source
	key=$(cat "$here/linux-host/config" <(ls "$cache/linux-source") | sha256sum | cut -c 1-12)
	kernel=$cache/linux-$key/bzImage
	[ -e "$kernel" ] || make_kernel "$cache/linux-$key"
}

# host_initrd FILE: busybox, the test program with its libraries, init.
host_initrd()
{
	local to=$1 tree=$cache/initrd-tree program=$root/build/tests/qemu/host-test library
	rm -rf "$tree"
	mkdir -p "$tree"/{bin,dev,proc,sys,tmp}
	cp "$cache/qemu-11/usr/bin/busybox" "$program" "$tree/bin/"
	ln -s busybox "$tree/bin/sh"
	install -m 755 "$here/linux-host/init" "$tree/init"
	ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$tree/$(dirname "$library")"
		cp -L "$library" "$tree/$library"
	done
	(cd "$tree" && find . | ./bin/busybox cpio -o -H newc 2>/dev/null) | gzip -1 >"$to"
	rm -rf "$tree"
}

# A program that is that QEMU with its own libraries.
qemu_program()
{
	local qemu=$cache/qemu-11 lib=$cache/qemu-11/usr/lib/x86_64-linux-gnu
	cat >"$qemu/run" <<-END
		#!/bin/sh
		export QEMU_MODULE_DIR='$lib/qemu'
		exec '$qemu/usr/lib64/ld-linux-x86-64.so.2' --library-path '$lib' \
			'$qemu/usr/bin/qemu-system-x86_64' -L '$qemu/usr/share/qemu' \
			-L '$qemu/usr/share/seabios' "\$@"
	END
	chmod 755 "$qemu/run"
}

# host [OPTION OF PAMT...] -- ARGUMENT...: this shell becomes a TDX host in QEMU.
host()
{
	local before=()
	while [ "$1" != -- ]; do
		before+=("$1")
		shift
	done
	shift
	exec "$root/build/pamt" qemu --qemu "$cache/qemu-11/run" "${before[@]}" -- -nodefaults \
		-no-user-config -display none -no-reboot "$@"
}

# On a machine that is too busy Linux measures a frequency of the TSC with which no TD can be made.
# Under QEMU it is that of the machine.
tsc_frequency()
{
	sed -n 's/^cpu MHz[^:]*: \([1-9][0-9]*\).*/tsc_early_khz=\1000/p' /proc/cpuinfo | head -n 1
}

# boot_linux OF-PAMT... -- ENVIRONMENT... [-- OF-QEMU...]
boot_linux()
{
	local serial=stdio before=() environment=()
	[ "$host_mode" = test ] || serial=mon:stdio
	while [ "$1" != -- ]; do
		before+=("$1")
		shift
	done
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		environment+=("$1")
		shift
	done
	host "${before[@]}" -- -m 2G -smp 8,sockets=2 -numa node,cpus=0-3 -numa node,cpus=4-7 \
		-serial $serial -device isa-debug-exit,iobase=0xf4,iosize=0x04 -kernel "$kernel" \
		-initrd "$cache/initrd-linux" "${@:2}" -append "console=ttyS0 panic=-1 no_timer_check \
nohibernate kvm-intel.tdx=1 $(tsc_frequency) ${environment[*]}"
}

# with_limit SECONDS LOG COMMAND...: what hangs is ended.
with_limit()
{
	local limit=$1 log=$2 status=0 pid guard
	shift 2
	"$@" </dev/null >"$log" 2>&1 &
	pid=$!
	( sleep "$limit"; kill "$pid" ) 2>/dev/null &
	guard=$!
	wait "$pid" || status=$?
	{ pkill -P "$guard"; kill "$guard"; wait "$guard"; } 2>/dev/null || true
	return "$status"
}

count_ktap()
{
	local count
	count=$(grep -c '^ok ' "$1") || true
	passed=$((passed + count))
	count=$(grep -c '^not ok ' "$1") || true
	failed=$((failed + count))
}

# The processor, asked by a program without a system under it; then one that it must stop at.
test_plugin()
{
	local log=$cache/log-bare status=0 bare
	bare=(-debugcon stdio -device isa-debug-exit,iobase=0x501,iosize=1
		-kernel "$root/build/tests/qemu/bare.image")
	with_limit 300 "$log" host -- "${bare[@]}" || status=$?
	grep -E '^(KTAP|1\.\.|ok |not ok |# )' "$log" || true
	count_ktap "$log"
	[ "$status" = 85 ] || result 'not ok' "the program without a system ended with $status"
	status=0
	with_limit 300 "$log-late" host -- "${bare[@]}" -append late || status=$?
	if [ "$status" = 70 ] && grep -q 'stopped at 0x[0-9a-f]*: 0f 92 c0: ' "$log-late"; then
		result ok 'a reader of flags that cannot be served is named'
	else
		result 'not ok' "a reader of flags that cannot be served is named ($status)"
	fi
}

# test_pairs LOG: a Linux that has Dynamic PAMT gives back each pair.
test_pairs()
{
	local added removed
	added=$(sed -n 's/^ *\([0-9]*\) TDH.PHYMEM.PAMT.ADD SUCCESS$/\1/p' "$1")
	removed=$(sed -n 's/^ *\([0-9]*\) TDH.PHYMEM.PAMT.REMOVE SUCCESS$/\1/p' "$1")
	[ -n "$added" ] || return 0
	if [ "$added" = "$removed" ] && grep -qx 'left with zero TDs: 0 bytes' "$1"; then
		result ok "Dynamic PAMT: $added pairs added, as many removed, none left"
	else
		result 'not ok' "Dynamic PAMT: $added pairs added, ${removed:-0} removed, $(
			grep '^left with zero TDs' "$1")"
	fi
}

test_linux()
{
	local log=$cache/log-linux status=0 at=$SECONDS release
	with_limit 1200 "$log" boot_linux --stats -- PAMT_MODE=test || status=$?
	plain_log "$log"
	release=$(sed -n 's/^Linux version \([^ ]*\).*/\1/p' "$log.txt" | head -n 1)
	echo "Linux $release in QEMU $(cat "$cache/qemu-11/version")"
	grep -E '^(KTAP|1\.\.|ok |not ok |# |pamt-qemu: |pairs: |pages: |left with )' "$log.txt" || true
	count_ktap "$log.txt"
	if grep -q 'TDX-Module initialized' "$log.txt"; then
		result ok "Linux $release initialised the TDX module"
	else
		result 'not ok' "Linux $release did not initialise the TDX module"
	fi
	test_pairs "$log.txt"
	if [ "$status" = 85 ] && grep -q '^all tests ran$' "$log.txt"; then
		result ok "Linux $release ran to the end in $((SECONDS - at)) s"
	else
		tail -n 25 "$log.txt" >&2
		result 'not ok' "Linux $release ended with $status; the log is $cache/log-linux"
	fi
	if grep -nE "$trouble" "$log.txt" >&2; then
		result 'not ok' "the kernel log of Linux $release is clean"
	else
		result ok "the kernel log of Linux $release is clean"
	fi
}

# plain_log LOG: what Linux said in it, without times, in LOG.txt.
plain_log()
{
	tr -d '\r' <"$1" | sed 's/^\[ *[0-9.]*\] //' >"$1.txt"
}

# promise_run WHAT PROMISE NAME LEAF STATUS TESTS OPTION...: TDs live while calls of a leaf fail with
# that status. What KVM makes of it is told; what is asked for here is that the machine goes on. How
# often it happened is in $happened.
promise_run()
{
	local what=$1 promise=$2 log=$cache/log-linux-$3 leaf=$4 answer=$5 tests=$6 status=0
	local troubles kept=kept
	shift 6
	with_limit 900 "$log" boot_linux --stats "$@" -- PAMT_MODE=test "PAMT_TESTS=$tests" ||
		status=$?
	plain_log "$log"
	happened=$(sed -n "s/^ *\([0-9]*\) $leaf .*$answer.*/\1/p" "$log.txt" | paste -sd+ | bc)
	happened=${happened:-0}
	troubles=$(grep -cE "$trouble" "$log.txt") || true
	grep -q '^not ok ' "$log.txt" && kept="not kept, a TD failed"
	[ "$troubles" = 0 ] || kept="not kept, $troubles warnings: $(grep -m 1 -E "$trouble" "$log.txt")"
	echo "# with $what, $happened times: $promise: $kept"
	[ "$status" = 85 ] || tail -n 25 "$log.txt" >&2
	return $((status != 85))
}

# fault_run WHAT PROMISE LEAF NUMBERS STATUS: failures on request, which have to come.
fault_run()
{
	if promise_run "$1" "$2" "$3" "$3" "$5" td_with --fault-leaf "$3" --faults "$4" &&
		[ "$happened" -gt 0 ]; then
		result ok "Linux goes on with $1"
	else
		result 'not ok' "Linux goes on with $1 ($happened failures)"
	fi
}

# A thread that the scheduler moves inside KVM_TDX_INIT_VCPU: tests/qemu/td.c has the story.
test_moved_thread()
{
	local what='a thread that moves inside KVM_TDX_INIT_VCPU'

	if promise_run "$what" 'its vCPU is initialised' moved TDH.VP.WR VCPU_ASSOCIATED thread_moves; then
		result ok "Linux goes on with $what"
	else
		result 'not ok' "Linux goes on with $what"
	fi
}

test_faults()
{
	fault_run 'TDH.MEM.PAGE.AUG busy' 'the fault is tried again' TDH.MEM.PAGE.AUG 20000 BUSY
	fault_run 'TDH.MEM.PAGE.REMOVE busy' 'memory is given back' TDH.MEM.PAGE.REMOVE 30000 BUSY
	fault_run 'no entropy in TDH.MNG.CREATE' 'it is tried again' TDH.MNG.CREATE 0,600000 ENTROPY
	fault_run 'TDH.MNG.KEY.CONFIG out of entropy' 'the TD is created' TDH.MNG.KEY.CONFIG \
		0,0,0,400000 KEY_GENERATION
	fault_run 'TDH.PHYMEM.CACHE.WB interrupted' 'it is resumed' TDH.PHYMEM.CACHE.WB 0,0,500000 \
		INTERRUPTED
}

# What four TDs of four vCPUs did is taken down.
test_record()
{
	local log=$cache/log-linux-record status=0 calls
	with_limit 1200 "$log" boot_linux --record "$cache/linux.vec" -- PAMT_MODE=test \
		PAMT_TESTS=four_tds || status=$?
	plain_log "$log"
	calls=$(sed -n 's/^pamt-qemu: \([0-9]*\) SEAMCALLs.*/\1/p' "$log")
	if [ "$status" = 85 ] && grep -q '^ok 1 four_tds' "$log.txt" && [ "${calls:-0}" -ge 50000 ] &&
		! grep -nE "$trouble|pamt-qemu: record" "$log.txt" >&2; then
		result ok "four TDs of four vCPUs live while $calls SEAMCALLs are recorded"
	else
		tail -n 25 "$log" >&2
		result 'not ok' "four TDs of four vCPUs live while ${calls:-0} SEAMCALLs are recorded ($status)"
	fi
}

# It is done again, call by call, and once more with one answer changed.
test_replay()
{
	local log=$cache/log-linux-replay record=$cache/linux.vec status=0
	if "$root/build/pamt" replay "$record" >"$log"; then
		result ok "the recording is replayed: $(tail -n 1 "$log")"
	else
		head -n 8 "$log" >&2
		result 'not ok' "the recording is replayed: $(tail -n 1 "$log")"
	fi
	sed '0,/^call 0x6 .*-> rax=0x0 /s/^\(call 0x6 .*-> rax=\)0x0 /\10x8000020000000092 /' "$record" >"$record.wrong"
	"$root/build/pamt" replay "$record.wrong" >"$log" || status=$?
	if [ "$status" = 1 ] && [ "$(sed -n 2p "$log")" = "TDH.MEM.PAGE.AUG on LP $(
		sed -n 's/^[^:]*:[0-9]*: call 0x6 lp=\([0-9]*\) .*/\1/p' "$log" | head -n 1)" ]; then
		result ok "a wrong answer in it is named: $(head -n 1 "$log" | cut -c 1-100)"
	else
		head -n 8 "$log" >&2
		result 'not ok' 'a wrong answer in it is named'
	fi
}

# The guard is quiet about Linux and KVM, and names what a program reads out of /dev/mem.
test_guard()
{
	local log=$cache/log-linux-guard status=0
	with_limit 900 "$log" boot_linux --guard -- PAMT_MODE=test PAMT_TESTS=td_with_one || status=$?
	if [ "$status" = 85 ] && grep -q '^ok 1 td_with_one' "$log" && ! grep -q 'guard: ' "$log"; then
		result ok 'the guard has nothing to say of Linux and its KVM'
	else
		grep 'guard: ' "$log" >&2 || true
		result 'not ok' "the guard has nothing to say of Linux and its KVM ($status)"
	fi
	status=0
	with_limit 900 "$log" boot_linux --guard -- PAMT_MODE=test PAMT_TESTS=guard || status=$?
	if grep 'guard: LP [0-9]*, instruction at 0x[0-9a-f]*: loads from 0x.* of the TD 0x' "$log" |
		head -n 1; then
		result ok 'the guard names what reads the pages of a TD'
	else
		result 'not ok' "the guard names what reads the pages of a TD ($status)"
	fi
}

# A user's own words for QEMU: another processor, a disk, a network.
test_users_line()
{
	local log=$cache/log-linux-line status=0 files=$cache/disk
	rm -rf "$files"
	mkdir "$files"
	with_limit 900 "$log" boot_linux -- PAMT_MODE=line -- -cpu SapphireRapids \
		-drive "file=fat:ro:$files,format=raw,if=virtio,readonly=on" \
		-netdev user,id=n -device virtio-net-pci,netdev=n || status=$?
	plain_log "$log"
	count_ktap "$log.txt"
	grep -E '^(ok |not ok )' "$log.txt" || true
	[ "$status" = 85 ] || result 'not ok' "a user's own line for QEMU ended with $status"
}

# choose_kernel IMAGE TREE: the one that was asked for, or Debian's.
choose_kernel()
{
	if [ -n "$1" ]; then
		kernel=$(realpath "$1")
	elif [ -n "$2" ]; then
		make_tree "$2"
	else
		prepare_kernel
	fi
}

# refuse_other_files IMAGE TREE: what is no kernel is said before anything is fetched.
refuse_other_files()
{
	local refused=''
	if [ -n "$1" ] && [ ! -f "$1" ]; then
		refused="--image $1: no such file"
	elif [ -n "$1" ] && [ "$(dd if="$1" bs=1 skip=514 count=4 2>/dev/null)" != HdrS ]; then
		refused="--image $1: no bzImage of Linux"
	elif [ -n "$2" ] && [ ! -e "$2/Kconfig" ]; then
		refused="--tree $2: no source of Linux (it has no Kconfig)"
	elif [ -n "$2" ] && { [ -e "$2/.config" ] || [ -e "$2/include/config" ]; }; then
		refused="--tree $2: Linux was built in it; say --image $2/arch/x86/boot/bzImage, or 'make mrproper' there"
	fi
	[ -z "$refused" ] || { echo "vm: $refused" >&2; exit 2; }
}

linux_host()
{
	local own='' tree='' long=no
	host_mode=test kernel=''
	while [ $# -gt 0 ]; do
		case "$#=$1" in
		*=--shell) host_mode=shell ;;
		*=--long) long=yes ;;
		1=*) usage ;;
		*=--image) own=$2 && shift ;;
		*=--tree) tree=$2 && shift ;;
		*) usage ;;
		esac
		shift
	done
	refuse_other_files "$own" "$tree"
	need_packages "${BUILD_PACKAGES[@]}" flex bison bc libelf-dev xz-utils
	fetch_qemu qemu-11 trixie -t trixie-backports
	dpkg --compare-versions "$(cat "$cache/qemu-11/version")" ge "$OLDEST_QEMU" ||
		not_here "QEMU 11.1 or newer is needed, the archive has $(cat "$cache/qemu-11/version")"
	choose_kernel "$own" "$tree"
	configure "$root/build"
	build "$root/build" pamt src/port/qemu/libpamt-qemu.so tests/qemu/host-test \
		tests/qemu/bare.image
	qemu_program
	host_initrd "$cache/initrd-linux"
	[ "$host_mode" = test ] || boot_linux -- PAMT_MODE=shell quiet
	test_plugin
	test_linux
	[ -n "$own$tree" ] || test_faults
	if [ "$long" = yes ]; then
		test_moved_thread
		test_users_line
		test_record
		test_replay
		test_guard
	fi
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}
