#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# qemu.sh - `pamt qemu`: what it makes of a user's words, and what it refuses. In QEMU's place is a
# program that shows its arguments; kernel/vm linux has the real one.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

stand_in() # NAME VERSION
{
	cat >"$scratch/$1" <<-END
		#!/bin/sh
		[ "\$1" != --version ] || { echo 'QEMU emulator version $2 (of nobody)'; exit; }
		for word; do
			case "\$word" in *mem-path=*)
				path=\${word#*mem-path=}
				echo "memory of \$(stat -Lc %s "\${path%%,*}") bytes"
			esac
			echo "[\$word]"
		done
		exit 7
	END
	chmod +x "$scratch/$1"
}
stand_in new 11.1.3
stand_in newer 12.0.0
stand_in old 10.0.9
qemu=(qemu --qemu "$scratch/new")

runs machine_is_complete_by_itself 7 "${qemu[@]}"
err_empty
for word in '[q35,memory-backend=pamt0]' '[cpus=2,sockets=1]' '[1024M]' '[tcg,thread=multi]' \
	'memory of 1073741824 bytes' ',svm=off]' ',vendor=GenuineIntel' '[-plugin]' ',packages=1,ram='; do
	out_has "$word"
done

runs users_words_stay 7 "${qemu[@]}" -- -m 2G -smp 8,sockets=2 -cpu SapphireRapids,stepping=9 \
	-machine pc-q35-9.0,smm=off -kernel 'a b' -append 'x,y z' -nographic
for word in '[2048M]' '[8,sockets=2]' '[SapphireRapids,stepping=9,vendor=GenuineIntel,phys-bits=52' \
	'[pc-q35-9.0,smm=off,memory-backend=pamt0]' '[a b]' '[x,y z]' '[-nographic]' ',packages=2,'; do
	out_has "$word"
done
out_lacks ',model=173'

# With -accel beside it QEMU refuses it; and options without a type are those of q35.
runs accel_of_the_machine_stays 7 "${qemu[@]}" -- -machine q35,accel=tcg
out_has '[q35,accel=tcg,memory-backend=pamt0]'
out_lacks '[-accel]'
runs machine_without_a_type_is_q35 7 "${qemu[@]}" -- -machine smm=off
out_has '[q35,smm=off,memory-backend=pamt0]'
runs type_may_come_last 7 "${qemu[@]}" -- -machine smm=off,type=q35
out_has '[smm=off,type=q35,memory-backend=pamt0]'

runs sizes_without_a_unit_are_mb 7 "${qemu[@]}" -- -m 512
out_has 'memory of 536870912 bytes'

runs nodes_share_the_memory 7 "${qemu[@]}" -- -m 2G -smp 4 -numa node,cpus=0-1 -numa node,cpus=2-3
check_that 'two memories' test "$(grep -c 'memory of 1073741824' "$scratch/out")" -eq 2
out_has '[node,cpus=2-3,memdev=pamt1]'
out_lacks 'memory-backend=pamt0'

# QEMU wants them to be exactly the machine's memory.
runs nodes_share_all_of_the_memory 7 "${qemu[@]}" -- -m 1000 -numa node -numa node -numa node
out_has '[memory-backend-file,id=pamt0,size=334M,'
out_has '[memory-backend-file,id=pamt2,size=333M,'

# What did not stand in the first place was counted, what did was not told to QEMU.
runs levels_of_processors_stay 7 "${qemu[@]}" -- -smp threads=2,dies=2
out_has '[cpus=4,sockets=1,dies=2,threads=2]'
runs modules_are_counted 7 "${qemu[@]}" --machine builtin:2t -- -smp sockets=2,modules=2,cores=2
out_has '[node,nodeid=1,cpus=4-7,memdev=pamt1]'
runs as_many_as_there_may_ever_be 7 "${qemu[@]}" -- -smp maxcpus=4
out_has '[cpus=4,sockets=1]'

runs backends_of_the_user_keep_their_names 7 "${qemu[@]}" -- -m 768 \
	-object memory-backend-ram,id=a,size=256M -object memory-backend-ram,id=b,size=512M \
	-numa node,memdev=b -numa node,memdev=a -object rng-random,id=r
out_has '[memory-backend-file,id=a,size=256M,mem-path='
out_has '[node,memdev=b]'
out_has '[rng-random,id=r]'
out_lacks 'memory-backend-ram'

runs server_gives_keyids_sockets_and_nodes 7 "${qemu[@]}" --machine builtin:2t \
	-- -smp 8
out_has '[cpus=8,sockets=2]'
out_has '[node,nodeid=1,cpus=4-7,memdev=pamt1]'
out_has ',keyids='

log=$(dirname "$0")/../data/machines/emerald-rapids-256gb.log
runs memory_ends_where_the_cmrs_of_a_server_end 7 "${qemu[@]}" --machine "$log" -- -m 3G
out_has '[q35,max-ram-below-4g=1870659584,'
out_has ',low=1870659584,'

runs module_options_reach_the_plugin 7 "${qemu[@]}" --static --faults 10,0,5 --fault-seed 9 \
	--fault-leaf TDH.MEM.PAGE.AUG --stats --instructions --guard --trace=/tmp/x
out_has ',trace=/tmp/x,faults=10:0:5,seed=9,leaf=6,guard=on,stats=on,instructions=on,static=on]'

runs newer_major_version 7 qemu --qemu "$scratch/newer"
runs old_qemu 77 qemu --qemu "$scratch/old"
err_line 'is version 10.0; the plugin needs 11.1 or newer'
runs no_qemu 77 qemu --qemu /no/such/qemu
err_line "'/no/such/qemu' is no QEMU that can be run"

kvm='SEAMCALLs are served where QEMU translates'
refuses enable_kvm "$kvm" "${qemu[@]}" -- -enable-kvm
refuses accel_kvm "$kvm" "${qemu[@]}" -- -accel kvm
refuses machine_with_kvm "$kvm" "${qemu[@]}" -- -machine q35,accel=kvm
refuses cpu_host "$kvm" "${qemu[@]}" -- -cpu host
refuses other_machine 'allowed: q35, pc-q35-' "${qemu[@]}" -- -M pc
refuses other_type '-machine pc: where' "${qemu[@]}" -- -M smm=off,type=pc
refuses pluggable_processors 'cannot be plugged in later' "${qemu[@]}" -- -smp 2,maxcpus=4
refuses pluggable_memory 'cannot be plugged in later' "${qemu[@]}" -- -m 1G,maxmem=2G
refuses too_many_processors '300 processors; allowed: up to 256' "${qemu[@]}" -- -smp 300
refuses odd_sockets '3 processors in 2 sockets' "${qemu[@]}" -- -smp 3,sockets=2
refuses hole_of_a_server 'has a hole at 0x107a000000; allowed: up to 65176M' "${qemu[@]}" \
	--machine "$log" -- -m 64G
refuses no_size '-m x: not a size' "${qemu[@]}" -- -m x
refuses backend_of_no_node "is no node's" "${qemu[@]}" -- -object memory-backend-ram,id=a,size=1G
refuses backend_that_no_node_names "-object memory-backend-ram,id=b,size=1G is no node's" "${qemu[@]}" -- \
	-object memory-backend-ram,id=a,size=1G -numa node,memdev=a -object memory-backend-ram,id=b,size=1G
refuses no_number_of_processors "-smp: 'abc'; allowed: N, and cpus" "${qemu[@]}" -- -smp abc
refuses more_processors_than_32_bits "-smp: '4294967298'; allowed" "${qemu[@]}" -- -smp 4294967298
refuses product_of_32_bits 'processors; allowed: up to 256' "${qemu[@]}" -- -smp cores=65535,threads=65535,dies=2
refuses memory_of_more_than_64_bits '-m 17592186044417: not a size' "${qemu[@]}" -- -m 17592186044417
refuses node_without_its_backend "no memory backend 'a'" "${qemu[@]}" -- -numa node,memdev=a
runs record_reaches_the_plugin 7 "${qemu[@]}" --record "$scratch/x.vec"
out_has ",record=$scratch/x.vec"
refuses faults_are_not_recorded 'cannot be recorded' "${qemu[@]}" --record x --faults 1
refuses comma_in_a_name 'no commas, please' "${qemu[@]}" --record x,y
refuses bad_version "'2.0' is no version" "${qemu[@]}" --module-version 2.0
refuses bad_faults 'up to four numbers' "${qemu[@]}" --faults 1,x
refuses fault_in_no_leaf "no leaf 'AUGX'" "${qemu[@]}" --fault-leaf AUGX
refuses no_json 'no --json' "${qemu[@]}" --json
finish
