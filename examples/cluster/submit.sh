#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# submit.sh - a hunt as a Slurm job array of N tasks, and the merge as a job that waits for them.
#
#     ./submit.sh N FOLDER OPTIONS-OF-PAMT-CHECK...
#
# Prints the numbers of the two jobs. FOLDER is made; its states are gone on with if it is there.
set -eu
if [ $# -lt 2 ]; then
	echo "usage: submit.sh N FOLDER [OPTIONS OF pamt check...]" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
shards=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
shift 2
# Results of an array of another size would be in the way.
rm -f "$folder"/shard-*.json "$folder"/merged.json
hunt=$(sbatch --parsable --array="1-$shards" --output="$folder/task-%a.log" \
	"$here/hunt.sbatch" "$folder" "$@")
# afterok: only where each task ended well; a task that was requeued counts by its last end.
merge=$(sbatch --parsable --dependency="afterok:$hunt" --kill-on-invalid-dep=yes \
	--output="$folder/merge.log" "$here/merge.sbatch" "$folder")
echo "$hunt $merge"
