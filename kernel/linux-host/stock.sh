# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# stock.sh - sourced by vm.sh: a user's own line for QEMU and a user's own kernel: Debian's, as it is, with
# modules for disks and networks of QEMU's. It has no TDX host support of its own, so that pamt.ko can be
# the host of the plugin's module, with Dynamic PAMT.

# The kernel that the newest headers belong to, in $kernel; its modules in $cache/stock.
fetch_stock()
{
	local to=$cache/stock release
	fetch_headers trixie-backports
	release=$(readlink "$cache/trixie-backports/headers")
	release=${release##*linux-headers-}
	kernel=$to/usr/lib/modules/$release/vmlinuz
	[ ! -e "$kernel" ] || return 0
	echo "fetching Linux $release into $cache" >&2
	ONLY='./usr/lib/modules/*/kernel/*' from_packages trixie "$to" "linux-modules-$release"
	ONLY='./usr/lib/modules/*/vmlinuz' from_packages trixie "$to" "linux-binary-$release"
}

# put_stock FOLDER: modules that the machine needs, for its depmod.
put_stock()
{
	local modules part
	modules=$(dirname "$kernel")
	for part in arch/x86/kvm virt/lib drivers/block/virtio_blk.ko.xz drivers/net/net_failover.ko.xz \
		drivers/net/virtio_net.ko.xz net/core/failover.ko.xz fs/fat fs/nls; do
		mkdir -p "$1/lib/modules/$(basename "$modules")/$(dirname "$part")"
		cp -r "$modules/kernel/$part" "$1/lib/modules/$(basename "$modules")/$(dirname "$part")/"
	done
	find "$1/lib/modules" -name '*.xz' -exec xz -d {} +
}

# $cache/image.qcow2, new, by Debian's qemu-img.
new_image()
{
	[ -e "$cache/qemu-utils" ] ||
		ONLY='./usr/bin/qemu-img' from_packages trixie "$cache/qemu-utils" qemu-utils
	"$loader" --library-path "$libraries" "$cache/qemu-utils/usr/bin/qemu-img" \
		create -q -f qcow2 "$cache/image.qcow2" 64M
}

# stock_run NAME ENVIRONMENT...: with another processor, a folder as a drive, an image in QEMU's format,
# a network with a server of files in it. What it sends is in $cache/NAME.prom.
stock_run()
{
	local log=$cache/log-linux-$1 sent=$cache/$1.prom status=0 initrd=$cache/initrd-stock faults=()
	[ "$2" = PAMT_IMAGE=new ] || faults=(--fault-leaf TDH.PHYMEM.PAMT.REMOVE --faults 1000000)
	shift
	rm -f "$sent"
	with_limit 900 "$log" boot_linux --stats "${faults[@]}" -- PAMT_MODE=host "$@" -- \
		-serial "file:$sent" -cpu SapphireRapids \
		-drive "file=fat:ro:$cache/disk,format=raw,if=virtio,readonly=on" \
		-drive "file=$cache/image.qcow2,if=virtio" \
		-netdev "user,id=n,tftp=$cache/disk" -device virtio-net-pci,netdev=n || status=$?
	plain_log "$log"
	count_ktap "$log.txt"
	grep -E '^(ok |not ok |    # |left with )' "$log.txt" || true
	[ ${#faults[@]} -gt 0 ] || test_pairs "$log.txt"
	if [ "$status" = 85 ] && ! troubles "$log.txt" stock >&2; then
		result ok "Debian's Linux and a user's own line for QEMU ($*)"
	else
		tail -n 25 "$log.txt" >&2
		result 'not ok' "Debian's Linux and a user's own line for QEMU ($*): $status"
	fi
}

# alert_is EXPECTED FILE: the rule for pairs without TDs, evaluated by promtool on what `pamt watch` wrote
# there, raised or not. A scrape each minute finds the same.
alert_is()
{
	local rules=$cache/stock-rules.yml expected=$1 file=$2
	{
		printf '%s\n' 'rule_files:' "  - $root/examples/prometheus/alerts.yml" 'evaluation_interval: 1m' \
			'tests:' '  - interval: 1m' '    input_series:'
		tr -d '\r' <"$file" | awk '/^pamt_/ {
			gsub(/\047/, "\047\047", $1)
			printf "      - series: \047%s\047\n        values: %sx20\n", $1, $NF }'
		printf '%s\n' '    alert_rule_test:' '      - eval_time: 15m' \
			'        alertname: PamtPairsWithoutTds'
		if [ "$expected" = raised ]; then
			printf '%s\n' '        exp_alerts:' '          - exp_labels: { severity: warning }' \
				'            exp_annotations:' "              summary: ' holds $(
				sed -n 's/^pamt_pair_bytes //p' "$file" | tr -d '\r'
				) bytes of Dynamic PAMT, and no TD has a KeyID'"
		else
			echo '        exp_alerts: []'
		fi
	} >"$rules"
	grep -q '^pamt_pair_bytes [0-9]' "$file" || { echo 'nothing was sent' && return 1; }
	"$promtool" test rules "$rules"
}

# What one machine writes into the image the next one reads. In the first all pairs come back; in the
# next one PAMT.REMOVE fails.
test_stock()
{
	local kernel modules=$cache/modules-trixie-backports
	fetch_stock
	if ! build_modules trixie-backports "$modules"; then
		result 'not ok' "the modules build for Debian's newest Linux"
		return
	fi
	rm -rf "$cache/disk"
	mkdir "$cache/disk"
	cp "$modules/pamt.ko" "$cache/disk/"
	new_image
	make_initrd "$modules" "$cache/initrd-stock" put_stock
	stock_run stock PAMT_IMAGE=new
	stock_run stock-again PAMT_IMAGE=old
	if ! grep -q ' TDH.PHYMEM.PAMT.ADD SUCCESS$' "$cache/log-linux-stock.txt"; then
		result 'not ok' 'pamt.ko has no Dynamic PAMT with the module of the plugin'
	fi
	fetch_promtool
	live_says 'no alert is raised where all pairs came back' alert_is quiet "$cache/stock.prom"
	live_says 'pairs that could not be removed raise the alert' alert_is raised "$cache/stock-again.prom"
}
