# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# long.sh - sourced by vm.sh: what only `kernel/vm linux --long` runs.

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

# put_vmm FOLDER: Debian's QEMU with its libraries, and firmware for its TD.
put_vmm()
{
	local to=$1 library
	mkdir -p "$to/vmm/firmware"
	cp "$cache/qemu-11/usr/bin/qemu-system-x86_64" "$to/vmm/"
	cp "$loader" "$to/vmm/loader"
	"$loader" --library-path "$libraries" --list "$cache/qemu-11/usr/bin/qemu-system-x86_64" |
		grep -o '/[^ ]*' | while read -r library; do
		cp -L "$library" "$to/vmm/"
	done
	cp "$cache"/qemu-11/usr/share/qemu/*.bin "$to/vmm/firmware/"
	cp "$cache/ovmf/usr/share/ovmf/OVMF.fd" "$to/vmm/firmware/"
}

# QEMU's own support of TDX, in a program as Debian has it, is the VMM. Its TD has no orders.
test_vmm()
{
	local log=$cache/log-linux-vmm status=0 initrd=$cache/initrd-vmm
	[ -e "$cache/ovmf" ] ||
		ONLY='./usr/share/ovmf/OVMF.fd' from_packages trixie "$cache/ovmf" ovmf
	host_initrd "$initrd" put_vmm
	with_limit 1200 "$log" boot_linux --stats -- PAMT_MODE=vmm || status=$?
	plain_log "$log"
	if [ "$status" = 85 ] && grep -qx 'QEMU ended with 0' "$log.txt" &&
		grep -q '[1-9] TDH.VP.ENTER SUCCESS$' "$log.txt" &&
		grep -q ' 1 TDH.MNG.KEY.FREEID SUCCESS$' "$log.txt" &&
		grep -q '^pages: 0 guest, 0 S-EPT, 0 TD and vCPU control' "$log.txt" &&
		! troubles "$log.txt" linux >&2; then
		result ok "QEMU $(cat "$cache/qemu-11/version") as the VMM runs a TD to its end:$(
			grep ' TDH.VP.ENTER SUCCESS$' "$log.txt")"
	else
		tail -n 60 "$log.txt" >&2
		result 'not ok' "QEMU as the VMM runs a TD to its end ($status)"
	fi
}

# The prompt, for somebody who types behind it and leaves.
test_shell()
{
	local log=$cache/log-linux-shell status=0 words='echo vendor $(grep -c GenuineIntel /proc/cpuinfo)' tries=0
	: >"$log"
	( until grep -q '^A TDX host' "$log" || [ $((tries += 1)) -gt 600 ]; do sleep 0.5; done
		sleep 1
		printf '%s\n/bin/host-test td_with_one\nexit\n' "$words" ) |
		timeout 600 "$here/vm" shell --kernel linux >"$log" 2>&1 || status=$?
	plain_log "$log"
	if [ "$status" = 0 ] && grep -qx 'vendor 8' "$log.txt" && grep -q '^ok 1 td_with_one' "$log.txt"; then
		result ok 'kernel/vm shell --kernel linux gives a prompt, at which a TD runs'
	else
		tail -n 20 "$log.txt" >&2
		result 'not ok' "kernel/vm shell --kernel linux gives a prompt ($status)"
	fi
}

# test_long OTHER: another kernel than Debian's?
test_long()
{
	test_moved_thread
	test_stock
	test_vmm
	[ -n "$1" ] || test_shell
	test_record
	test_replay
	test_guard
}
