#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# parallel.sh - a hunt in N shards by GNU parallel, on this machine or, with its --sshlogin in
# $PARALLEL and the same folder everywhere, on others; then the merge, in words.
#
#     ./parallel.sh N FOLDER OPTIONS-OF-PAMT-CHECK...
#
# Started again in the same folder it goes on from what was kept.
set -eu
if [ $# -lt 2 ]; then
	echo "usage: parallel.sh N FOLDER [OPTIONS OF pamt check...]" >&2
	exit 2
fi
shards=$1
mkdir -p "$2"
cd "$2"
shift 2
# A shard that has found something ends with 1; that is for the merge to tell.
seq "$shards" | parallel --workdir "$PWD" "pamt check --quiet --json --jobs 1 --shard {}/$shards \
	--state shard-{}.state ${*@Q} >shard-{}.json" || [ $? -le 101 ]
exec pamt check --merge shard-*.json
