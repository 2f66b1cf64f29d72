# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# vm.sh - sourced by kernel/vm, for `kernel/vm linux`: a TDX host. Debian's newest Linux, as it is,
# built once with a small configuration (config, beside this), boots in a QEMU whose processors
# pamt's plugin makes those of a TDX host, and runs TDs under its own KVM:
#
#	kernel/vm linux [--long] [--image BZIMAGE | --tree FOLDER]	the tests; --long: all of them
#	kernel/vm linux --debug [--tree FOLDER]		those for a kernel that looks for mistakes itself
#	kernel/vm linux --shell [--debug] [--image BZIMAGE | --tree FOLDER]	a prompt
#
# --image boots a kernel of your own, --tree builds one out of your source, with that configuration.
#
# QEMU and the kernel's source are fetched from Debian's packages into build-vm/ and stay there.

# shellcheck source=kernel/linux-host/live.sh
. "$here/linux-host/live.sh"

# shellcheck source=kernel/linux-host/pairs.sh
. "$here/linux-host/pairs.sh"

# QEMU takes plugins of its own API only.
OLDEST_QEMU=1:11.1

# shellcheck source=kernel/linux-host/kernels.sh
. "$here/linux-host/kernels.sh"
# shellcheck source=kernel/linux-host/long.sh
. "$here/linux-host/long.sh"
# shellcheck source=kernel/linux-host/stock.sh
. "$here/linux-host/stock.sh"
# shellcheck source=kernel/linux-host/debug.sh
. "$here/linux-host/debug.sh"

# host_initrd FILE [COMMAND...]: busybox, the test program with its libraries, init; and what the command
# puts into the folder that is its last argument.
host_initrd()
{
	local to=$1 tree=$cache/initrd-tree program=$root/build/tests/qemu/host-test library
	shift
	rm -rf "$tree"
	mkdir -p "$tree"/{bin,dev,proc,sys,tmp}
	cp "$busybox" "$program" "$tree/bin/"
	ln -s busybox "$tree/bin/sh"
	install -m 755 "$here/linux-host/init" "$tree/init"
	ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$tree/$(dirname "$library")"
		cp -L "$library" "$tree/$library"
	done
	[ $# = 0 ] || "$@" "$tree"
	(cd "$tree" && find . | ./bin/busybox cpio -o -H newc 2>/dev/null) | gzip -1 >"$to"
	rm -rf "$tree"
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
	exec "$root/build/pamt" qemu --qemu "$qemu" "${before[@]}" -- -nodefaults \
		-no-user-config -display none -no-reboot "$@"
}

# On a machine that is too busy Linux measures a frequency of the TSC with which no TD can be made.
# Under QEMU it is that of the machine.
tsc_frequency()
{
	sed -n 's/^cpu MHz[^:]*: \([1-9][0-9]*\).*/tsc_early_khz=\1000/p' /proc/cpuinfo | head -n 1
}

# boot_linux OF-PAMT... -- ENVIRONMENT... [-- OF-QEMU...]: $kernel with $initrd.
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
		-initrd "$initrd" "${@:2}" -append "console=ttyS0 panic=-1 no_timer_check \
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

test_linux()
{
	local log=$cache/log-linux status=0 at=$SECONDS release
	with_limit 1200 "$log" boot_linux --stats -- PAMT_MODE=test || status=$?
	plain_log "$log"
	release=$(sed -n 's/^Linux version \([^ ]*\).*/\1/p' "$log.txt" | head -n 1)
	echo "Linux $release in QEMU $(cat "$cache/qemu-11/version")"
	grep -E '^(KTAP|1\.\.|ok |not ok |# |pamt-qemu: |Dynamic PAMT: |pairs: |pages: |left with )' "$log.txt" || true
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
	if troubles "$log.txt" "$release" >&2; then
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

# The tests for that kernel; WHICH: usual, long or debug.
linux_tests()
{
	local which=$1 own=$2 tree=$3
	if [ "$which" = debug ]; then
		test_debug
		return
	fi
	test_plugin
	test_linux
	[ -n "$own$tree" ] || test_faults
	[ "$which" != long ] || test_long "$own$tree"
	if [ "$which" = long ] && [ -z "$own" ]; then
		[ -n "$tree" ] || choose_kernel '' '' traced
		test_live
	elif [ -n "$tree" ] && grep -qx 'Dynamic PAMT: yes' "$cache/log-linux.txt"; then
		live_initrd
		test_live_watch
	fi
	if [ "$which" = long ] && [ -z "$own$tree" ]; then
		choose_kernel '' '' debug
		test_debug
	fi
}

linux_host()
{
	local own='' tree='' tests=usual fragment=''
	host_mode=test kernel='' initrd=$cache/initrd-linux
	while [ $# -gt 0 ]; do
		case "$#=$1" in
		*=--shell) host_mode=shell ;;
		*=--long | *=--debug) tests=${1#--} ;;
		*=--image | *=--tree) [ -n "${2-}" ] || usage ;;&
		*=--image) own=$2 && shift ;;
		*=--tree) tree=$2 && shift ;;
		*) usage ;;
		esac
		shift
	done
	refuse_other_files "$own" "$tree" "$tests"
	need_packages "${BUILD_PACKAGES[@]}" "${VM_PACKAGES[@]}" flex bison bc libelf-dev xz-utils
	# For a kernel that has types.
	[ "$tests$tree" = usual ] || need_packages dwarves
	fetch_qemu qemu-11 trixie -t trixie-backports
	use_qemu qemu-11
	dpkg --compare-versions "$(cat "$cache/qemu-11/version")" ge "$OLDEST_QEMU" ||
		not_here "QEMU 11.1 or newer is needed, the archive has $(cat "$cache/qemu-11/version")"
	[ "$tests" != debug ] || fragment=debug
	choose_kernel "$own" "$tree" "$fragment"
	configure "$root/build"
	build "$root/build" pamt src/port/qemu/libpamt-qemu.so tests/qemu/host-test \
		tests/qemu/bare.image
	host_initrd "$initrd"
	[ "$host_mode" = test ] || boot_linux -- PAMT_MODE=shell quiet
	linux_tests "$tests" "$own" "$tree"
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}
