# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# live.sh - sourced by vm.sh: pamt's tools for real hosts on a host that is one, but for its processor.
# They run inside, on the Linux that is there; what they say is held against what pamt's plugin, which
# serves the SEAMCALLs, knows of the same run.

# live_initrd: what vm.sh has, and on top of it the command with its libraries, and another init.
live_initrd()
{
	local tree=$cache/live-tree program=$root/build/pamt
	rm -rf "$tree"
	mkdir -p "$tree"/{bin,live/lib}
	cp "$program" "$tree/bin/"
	install -m 755 "$here/linux-host/live-init" "$tree/live/init"
	ldd "$program" | sed -n 's/.* => \(\/[^ ]*\).*/\1/p' | xargs -I{} cp -L {} "$tree/live/lib/"
	{
		cat "$cache/initrd-linux"
		(cd "$tree" && find . | "$busybox" cpio -o -H newc 2>/dev/null) | gzip -1
	} >"$cache/initrd-live"
	rm -rf "$tree"
}

# live_run NAME STEPS OF-PAMT...: those steps of live-init, told as they are; what it sends is in
# $cache/NAME.out, its log in $cache/log-NAME.txt. $live_image is its initrd.
live_run()
{
	local name=$1 steps=$2 log=$cache/log-$1 status=0
	shift 2
	rm -f "$cache/$name.out"
	with_limit 1200 "$log" boot_linux "$@" -- rdinit=/live/init ${live_image:+bootconfig} "PAMT_LIVE=$steps" -- \
		-serial "file:$cache/$name.out" -initrd "${live_image-$cache/initrd-live}" || status=$?
	plain_log "$log"
	grep -E '^(ok |not ok |# |pamt-qemu: )' "$log.txt" || true
	count_ktap "$log.txt"
	if [ "$status" != 85 ] || ! grep -q '^all steps ran$' "$log.txt" || troubles "$log.txt" linux >&2; then
		tail -n 25 "$log.txt" >&2
		result 'not ok' "Linux ran to the end with $steps ($status)"
	fi
}

# live_says WHAT COMMAND...: the last line that it says is told, and those with a # before them.
live_says()
{
	local what=$1 said
	shift
	if said=$("$@" 2>&1); then
		grep '^# ' <<<"$said" || true
		result ok "$what: $(tail -n 1 <<<"$said")"
	else
		head -n 20 <<<"$said" >&2
		result 'not ok' "$what: $(tail -n 1 <<<"$said")"
	fi
}

# A recording from inside is, call by call, that of the plugin; it can be done again; and one answer
# that is changed in it is found where it is.
test_live_record()
{
	local record=$cache/live-record.out wrong=$cache/live-record.wrong status=0 said
	live_run live-record record "--trace=$cache/live-plugin.trace"
	live_says 'the recording from inside has the calls of the module' \
		"$root/tests/qemu/same_calls.py" "$root/build/pamt" "$cache/live-plugin.trace" "$record"
	live_says 'it is replayed' "$root/build/pamt" replay "$record"
	gzip -cdq "$record" | sed '0,/^call 0x6 .*-> rax=0x0 /s/^\(call 0x6 .*-> rax=\)0x0 /\10xc000010000000008 /' >"$wrong"
	said=$("$root/build/pamt" replay "$wrong") || status=$?
	if [ "$status" = 1 ] && grep -q "^$wrong:$(grep -n -m 1 -- '-> rax=0xc000010000000008' "$wrong" |
		cut -d : -f 1): " <<<"$(head -n 1 <<<"$said")"; then
		result ok "a changed answer in it is named: $(head -n 1 <<<"$said" | cut -c 1-100)"
	else
		head -n 8 <<<"$said" >&2
		result 'not ok' "a changed answer in it is named ($status)"
	fi
}

# What a first machine prints is the boot configuration of a second one. Its recording has the calls that
# bring the module up, too.
test_live_boot()
{
	local live_image=$cache/initrd-boot
	rm -rf "$cache/live-tree"
	mkdir -p "$cache/live-tree/live"
	cp "$kernel" "$cache/live-tree/live/kernel"
	{
		cat "$cache/initrd-live"
		(cd "$cache/live-tree" && find . | "$busybox" cpio -o -H newc 2>/dev/null) | gzip -1
	} >"$live_image"
	rm -rf "$cache/live-tree"
	live_run live-lines boot_lines
	"$root/tests/qemu/bootconfig.py" "$cache/live-lines.out" "$cache/initrd-live" >"$live_image"
	live_run live-boot from_boot "--trace=$cache/live-plugin.trace"
	live_says 'the recording from the boot on has the calls of the module' "$root/tests/qemu/same_calls.py" --boot \
		"$root/build/pamt" "$cache/live-plugin.trace" "$cache/live-boot.out"
	live_says 'bring-up is replayed with it' "$root/build/pamt" replay "$cache/live-boot.out"
	if gzip -cdq "$cache/live-boot.out" | grep -cE '^call 0x2d .*-> rax=0x0( |$)' | grep -qx 1; then
		result ok 'TDH.SYS.CONFIG is in the recording'
	else
		result 'not ok' 'TDH.SYS.CONFIG is in the recording'
	fi
}

# What did not fit into the buffer is known to the event.
test_live_loss()
{
	live_run live-small small "--trace=$cache/live-plugin.trace"
	live_says 'what was lost is counted' \
		"$root/tests/qemu/same_calls.py" --lost "$root/build/pamt" "$cache/live-plugin.trace" "$cache/live-small.out"
}

# Debian's promtool, to look at what is written for Prometheus.
fetch_promtool()
{
	promtool=$cache/promtool/usr/bin/promtool
	[ ! -x "$promtool" ] || return 0
	echo "fetching promtool into $cache" >&2
	prepare_apt trixie
	(cd "$cache" && private_apt trixie apt-get download -qq promtool) >"$cache/apt/log" 2>&1 ||
		not_here "promtool cannot be fetched: $(tail -n 1 "$cache/apt/log")"
	unpack "$cache/promtool" "$cache"/promtool_*.deb
	rm -f "$cache"/promtool_*.deb
}

# The counts are those of the plugin, and what is written for Prometheus is as it wants it.
test_live_watch()
{
	local out=$cache/live-watch.out expected=raised
	live_run live-watch watch --stats
	tr '\0' '\n' <"$out" | sed -n '/^{/,/^}/p' >"$cache/live-watch.json"
	tr '\0' '\n' <"$out" | sed -n '/^# HELP/,$p' >"$cache/live-watch.prom"
	live_says 'what watch counts is what the module served' \
		"$root/tests/qemu/same_counts.py" "$cache/log-live-watch.txt" "$cache/live-watch.json"
	fetch_promtool
	live_says 'promtool finds the metrics clean' \
		"$promtool" check metrics <"$cache/live-watch.prom"
	live_says 'promtool finds the rules clean' \
		"$promtool" check rules "$root/examples/prometheus/alerts.yml"
	# Some are left if the kernel forgot one.
	! grep -qx 'left with zero TDs: 0 bytes' "$cache/log-live-watch.txt" || expected=quiet
	live_says "of pairs without TDs the rule says what the module says, $expected" \
		alert_is "$expected" "$cache/live-watch.prom"
	live_says 'a leak and failing calls raise the alerts' \
		"$promtool" test rules "$root/tests/live/alerts_test.yml"
}

# What a call costs more, counted by the plugin.
test_live_cost()
{
	local beside
	for beside in none watch record; do
		live_run "live-cost-$beside" "cost_$beside" --instructions
	done
	live_says 'what a call costs is counted' "$root/tests/qemu/costs.py" \
		"$cache"/log-live-cost-{none,watch,record}.txt
}

test_live()
{
	live_initrd
	test_live_record
	test_live_boot
	test_live_watch
	live_run live-ends ends
	test_live_loss
	test_live_cost
}
