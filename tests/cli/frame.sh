#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# frame.sh - what holds for the command as a whole: help, version, words that mean nothing, and
# an output that takes nothing.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$@"

runs version_is_printed 0 --version
check_that 'it is a version' grep -qE '^pamt [0-9]+\.[0-9]+\.[0-9]+$' "$scratch/out"
err_empty

runs help_lists_the_commands 0 help
out_has 'usage: pamt'
err_empty
runs help_is_an_option_too 0 --help
out_has 'usage: pamt'


# What the help says of each command is what the command is, and the manual knows it.
manual=$data/../../docs/pamt.1.scd
"$pamt" help | sed -n 's/^  \([a-z]*\) .*/\1/p' >"$scratch/commands"
name=help_names_the_commands
check_that 'there are some' test "$(wc -l <"$scratch/commands")" -ge 3
while read -r command; do
	runs "help_of_each_command: $command" 0 help "$command"
	out_has "usage: pamt $command "
	out_has '--json'
	err_empty
	check_that "docs/pamt.1.scd describes it" grep -q "^\*$command\*" "$manual"
done <"$scratch/commands"

runs no_arguments_is_a_usage_error 2
out_empty
check_that 'stderr shows the usage' grep -qF 'usage: pamt' "$scratch/err"

refuses unknown_subcommand_is_refused "no subcommand 'frobnicate'" frobnicate
refuses unknown_subcommand_of_help_is_refused "no subcommand 'frobnicate'" help frobnicate
refuses option_without_subcommand_is_refused "no option '--json'" --json
refuses message_stays_on_one_line 'pla?n' "$(printf 'pla\nn\033[1mxxxxxxx')"
refuses empty_subcommand_is_refused "no subcommand ''" ''

# A full disk and a closed descriptor lose the result: that is a failure, and said.
for target in /dev/full closed; do
	name="output_to_${target#/dev/}_is_noticed"
	: >"$scratch/out"
	if [ "$target" = closed ]; then
		"$pamt" help >&- 2>"$scratch/err"
	else
		"$pamt" help >"$target" 2>"$scratch/err"
	fi
	check_that 'exit code is 1' test $? -eq 1
	err_line 'cannot write the output'
done

# A file that may not become longer: a signal ended whoever wrote to it, and left probes in the kernel.
name=file_size_limit_is_noticed
: >"$scratch/out"
(ulimit -f 1 && exec "$pamt" complete explain '' >"$scratch/limited" 2>"$scratch/err")
check_that 'exit code is 1' test $? -eq 1
err_line 'cannot write the output: File too large'

# Whoever closes a pipe knows it: no message, but the exit code says that not all was written.
name=closed_pipe_is_silent
: >"$scratch/out"
{ sleep 0.1; "$pamt" help 2>"$scratch/err"; echo $? >"$scratch/code"; } | true
check_that 'exit code is 1' test "$(cat "$scratch/code")" -eq 1
err_empty

finish
