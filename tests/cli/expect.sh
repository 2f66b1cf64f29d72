# SPDX-License-Identifier: GPL-2.0-only OR MIT
# expect.sh - for the tests of the built command: run it, look at its exit code, stdout and stderr.
# Sourced with the path of pamt in $1 and the folder of test data in $2.
set -u
pamt=$1
data=${2-}
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
checks=0 failures=0
# On a slow machine a minute's job takes longer, and says so.
export PAMT_PROGRESS_MS=3600000

# runs NAME CODE ARGUMENTS...: pamt with these; its output is left in $scratch/out and $scratch/err.
# Standard input is that of the caller.
runs()
{
	local code=$2
	name=$1
	shift 2
	"$pamt" "$@" >"$scratch/out" 2>"$scratch/err"
	check_that "exit code is $code" test $? -eq "$code"
}

# check_that WHAT COMMAND...: one check about the last run.
check_that()
{
	local what=$1
	shift
	checks=$((checks + 1))
	"$@" && return
	failures=$((failures + 1))
	printf 'FAILED %s: %s\n' "$name" "$what"
	sed 's/^/    stdout: /' "$scratch/out" | head -n 8
	sed 's/^/    stderr: /' "$scratch/err" | head -n 8
}

out_has() { check_that "stdout has '$1'" grep -qF -- "$1" "$scratch/out"; }
out_lacks() { check_that "stdout lacks '$1'" bash -c '! grep -qF -- "$1" "$2"' _ "$1" "$scratch/out"; }
out_empty() { check_that 'stdout is empty' test ! -s "$scratch/out"; }
err_empty() { check_that 'stderr is empty' test ! -s "$scratch/err"; }
# One line on stderr that says this.
err_line()
{
	check_that "stderr has '$1'" grep -qF -- "$1" "$scratch/err"
	check_that 'stderr is one line' test "$(wc -l <"$scratch/err")" -eq 1
}
# json FILTER: jq is given stdout and must say true.
json() { check_that "jq: $1" jq_says_true "$1"; }
jq_says_true() { jq -e "$1" "$scratch/out" >"$scratch/jq" 2>&1; }

# Bad input in the manner of the whole command: nothing on stdout, one line on stderr, exit 2.
refuses()
{
	local says=$2
	name=$1
	shift 2
	runs "$name" 2 "$@"
	out_empty
	err_line "$says"
}

finish()
{
	printf '%d checks, %d failed\n' "$checks" "$failures"
	[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
}
