#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# slurm.sh - examples/cluster on a Slurm of its own: slurmctld, slurmd and munge of the system's
# packages, started here by hand on a cluster of one node with two CPUs. The array is submitted, one
# task is killed in the middle and put back, and what is merged is what one run finds. Arguments:
# pamt, the folder of the examples, the scripts that install packages. 77: no Slurm here.
set -u
pamt=$(realpath "$1") examples=$(realpath "$2")
if [ "$(id -u)" != 0 ]; then
	echo "slurmd starts as root only"
	exit 77
fi
# shellcheck source=scripts/packages.sh
. "$3"
need_packages slurmctld slurmd munge slurm-client
scratch=$(mktemp -d) || exit 99
scratch=$(realpath "$scratch")
export SLURM_CONF=$scratch/slurm.conf PATH=${pamt%/*}:$PATH
failures=0 daemons=()

end()
{
	[ ${#daemons[@]} -eq 0 ] || kill "${daemons[@]}" 2>/dev/null
	wait
	rm -rf "$scratch"
}
trap end EXIT

check_that() # WHAT COMMAND...
{
	local what=$1
	shift
	if "$@"; then
		echo "ok      $what"
		return
	fi
	echo "FAILED  $what"
	failures=$((failures + 1))
}

# until_true SECONDS COMMAND...: waits for it; a limit for what hangs.
until_true()
{
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# A port that nobody listens on.
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

mkdir -m 700 "$scratch/munge" "$scratch/control" "$scratch/node"
dd if=/dev/urandom of="$scratch/munge/key" bs=1024 count=1 status=none
chmod 400 "$scratch/munge/key"
name=$(hostname -s)
cat >"$SLURM_CONF" <<EOF
ClusterName=hunt
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=$(port)
SlurmdPort=$(port)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$scratch/munge/socket
CredType=cred/munge
StateSaveLocation=$scratch/control
SlurmdSpoolDir=$scratch/node
SlurmctldPidFile=$scratch/control.pid
SlurmdPidFile=$scratch/node.pid
SlurmctldLogFile=$scratch/control.log
SlurmdLogFile=$scratch/node.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=10
NodeName=$name NodeAddr=127.0.0.1 CPUs=2 RealMemory=100000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
munged --foreground --force --key-file="$scratch/munge/key" --socket="$scratch/munge/socket" \
	--pid-file="$scratch/munge/pid" --log-file="$scratch/munge/log" \
	--seed-file="$scratch/munge/seed" >"$scratch/munge.out" 2>&1 &
daemons+=($!)
until_true 30 test -S "$scratch/munge/socket"
slurmctld -D >"$scratch/control.out" 2>&1 &
daemons+=($!)
slurmd -D -N "$name" >"$scratch/node.out" 2>&1 &
daemons+=($!)
node_is_idle() { [ "$(sinfo --noheader --format=%T 2>"$scratch/sinfo")" = idle ]; }
if ! until_true 60 node_is_idle; then
	echo "FAILED  the cluster of one node does not come up"
	tail -n 20 "$scratch"/*.out "$scratch"/*.log
	exit 1
fi
sinfo

# About ten seconds of one CPU, in three shards of which two fit at a time.
hunt=(--module model --cpus 2 --ops 3 --bound 2 --state-every 1)
pamt check --json --jobs 1 "${hunt[@]:0:8}" >"$scratch/whole.json"
read -r array merge < <("$examples/submit.sh" 3 "$scratch/hunt" "${hunt[@]}")
echo "array $array, merge $merge"
squeue --format='%.12i %.12j %.10T %.20E'

# Task 1 is killed once it has kept something, and put back; it would wait two minutes else.
has_kept() { jq -e '.done | length > 0' "$scratch/hunt/shard-1.state" >"$scratch/jq" 2>&1; }
check_that 'the first task keeps how far it is' until_true 300 has_kept
check_that 'it is killed and put back' scontrol requeue "${array}_1"
units_done() { jq '[.done[] | .[1] - .[0] + 1] | add' "$scratch/hunt/shard-1.state"; }
is_pending() { squeue --noheader --array --states=PD,RQ --format=%K --job "$array" 2>/dev/null | grep -qx 1; }
check_that 'it waits for its second start' until_true 120 is_pending
kept=$(units_done)
[ -e "$scratch/hunt/shard-1.json" ]
check_that 'it had not come to its end' test $? = 1
echo "units that it keeps: $kept"
squeue --array --format='%.12i %.12j %.10T %.8r'
is_due() { scontrol update "JobId=${array}_1" StartTime=now 2>"$scratch/update"; }
check_that 'it may start again' until_true 30 is_due

all_is_over() { [ -z "$(squeue --noheader --job "$array,$merge" 2>/dev/null)" ]; }
check_that 'all jobs come to an end' until_true 600 all_is_over
scontrol show job "${array}_1" | grep -E 'JobState|Restarts'
check_that 'the task was started twice' grep -q 'Restarts=1' <(scontrol show job "${array}_1")
check_that 'it went on from what it had kept' test "$(units_done)" -gt "$kept"
check_that 'the merge has a result' test -s "$scratch/hunt/merged.json"
same() { diff <(jq -S 'del(.seconds)' "$1") <(jq -S 'del(.seconds)' "$2"); }
check_that 'it is that of one run' same "$scratch/whole.json" "$scratch/hunt/merged.json"
jq -c '{programs, schedules, hash, violations, complete}' "$scratch/hunt/merged.json"
if [ "$failures" != 0 ]; then
	tail -n 20 "$scratch"/hunt/*.log "$scratch"/*.log "$scratch"/*.out
fi
[ "$failures" = 0 ]
