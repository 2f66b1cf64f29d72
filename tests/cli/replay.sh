#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# replay.sh - `pamt replay`: all recordings pass, a falsified one does not, and what is no
# recording is refused in one line.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$@"
vectors=$(dirname "$0")/../vectors
machine='machine max_pa=46 hkid_bits=6 hkid_min=0x20 hkid_max=0x3f lps=1 packages=1 cache_blocks=1 seamrr=0x8000000000+0x100000 cmr=0x100000+0x77f00000'

runs all_recordings_pass 0 replay "$vectors"
err_empty
check_that 'the last line says so' grep -qE '^[0-9]+ passed, 0 failed$' "$scratch/out"
check_that 'it is the only line' test "$(wc -l <"$scratch/out")" -eq 1
check_that 'nothing was left out' test "$(cut -d' ' -f1 "$scratch/out")" -ge \
	"$(cat "$vectors"/*.vec | grep -cE '^(call|accept|pamt|bitmap|chldcnt|peek64) ')"
printf 'figure: recordings: %s\n' "$(tail -n 1 "$scratch/out")"

# One expected value falsified: reported at its line, by its register, with what was expected.
sed 's/^\(call 34 .*r8=\)0x40$/\10x41/' "$vectors/04-bringup-dynamic.vec" >"$scratch/wrong.vec"
line=$(grep -n 'r8=0x41$' "$scratch/wrong.vec" | cut -d: -f1)
runs a_falsified_value_is_shown 1 replay "$scratch/wrong.vec"
err_empty
out_has "$scratch/wrong.vec:$line: call 34 rdx=0x9100000100000008 -> rax=0x0 rdx=* r8=0x41"
out_has 'TDH.SYS.RD on LP 0'
check_that 'the register is shown' grep -qE '^ *r8 +0x41 +0x40 *$' "$scratch/out"
check_that 'the last line counts it' grep -qE '^[0-9]+ passed, 1 failed$' "$scratch/out"
runs quiet_is_the_last_line 1 replay -q "$scratch/wrong.vec"
check_that 'one line' test "$(wc -l <"$scratch/out")" -eq 1
out_has ', 1 failed'
runs verbose_names_the_files_that_pass 1 replay -v "$scratch/wrong.vec" "$vectors/03-bringup-static.vec"
out_has '03-bringup-static.vec: 396 passed'

# Statuses are named.
printf '%s\ncall 45 rdx=1 -> rax=0x0\ncall 45 rdx=1 -> rax=0x0\n' "$machine" \
	>"$scratch/status.vec"
runs statuses_are_named 1 replay "$scratch/status.vec"
out_has 'TDH.SYS.CONFIG on LP 0'
out_has '0x0000000000000000 SUCCESS'
out_has '0xc000010000000008 OPERAND_INVALID(R8)'
out_has 'and 1 more after it in this file'

runs json_has_the_counts 0 replay --json "$vectors/03-bringup-static.vec"
json '.schema == "pamt.replay/1" and .failed == 0 and .passed == 396'
json '.files == [{name: .files[0].name, passed: 396, failed: 0, first: null}]'
runs json_shows_the_first_difference 1 replay --json "$scratch/status.vec"
json '.failed == 2 and .files[0].first.line == 2'
json '.files[0].first.call == "TDH.SYS.CONFIG on LP 0"'
json '.files[0].first.values[0] == {name: "rax", expected: "0x0000000000000000",
	got: "0xc000010000000008", expected_status: "SUCCESS",
	got_status: "OPERAND_INVALID(R8)"}'

name=a_recording_may_come_on_stdin
runs "$name" 0 replay - <"$vectors/03-bringup-static.vec"
out_has '396 passed, 0 failed'

# A recording whose results are all taken out gets the same ones again.
sed 's/ -> .*/ -> */' "$vectors/27-fatal-remove-race.vec" >"$scratch/open.vec"
runs results_are_filled_in 0 replay --fill "$scratch/open.vec"
err_empty
check_that 'no result is open' bash -c '! grep -qF -- "-> *" "$1"' _ "$scratch/out"
check_that 'the stop is there' grep -qxF 'call 0x3b rcx=0x138a00001 -> fatal 343' "$scratch/out"
cp "$scratch/out" "$scratch/filled.vec"
runs what_was_recorded_passes 0 replay "$scratch/filled.vec"
check_that 'all of it is there' test "$(grep -cE '^(call|accept|pamt|bitmap|chldcnt|poke64) ' \
	"$scratch/filled.vec")" -eq "$(grep -cE '^(call|accept|pamt|bitmap|chldcnt|poke64) ' \
	"$vectors/27-fatal-remove-race.vec")"
refuses one_file_is_filled_in_at_a_time \
	"--fill: $(find "$vectors" -name '*.vec' | wc -l) recordings; exactly 1" replay --fill "$vectors"

refuses nothing_to_replay_is_refused 'nothing to replay; allowed: recordings' replay
refuses an_empty_name_is_refused 'an empty file name' replay ''
refuses a_missing_file_is_refused "$scratch/none.vec: cannot open: No such file" replay "$scratch/none.vec"
mkdir "$scratch/empty"
refuses an_empty_folder_is_refused "$scratch/empty: no *.vec file" replay "$scratch/empty"
: >"$scratch/empty.vec"
refuses an_empty_file_is_refused "$scratch/empty.vec: no recording: it is empty" replay "$scratch/empty.vec"
refuses empty_stdin_is_refused 'stdin: no recording: it is empty' replay - </dev/null
refuses a_binary_file_is_refused ':1: byte 0x7f at column 1: not a text of ASCII lines' replay "$pamt"
refuses an_endless_file_is_refused '/dev/zero:1: byte 0x00' replay /dev/zero
printf '%s\ncall 45 -> rax=0\ncall 45 rcx=zz -> rax=0\n' "$machine" >"$scratch/bad.vec"
refuses a_bad_line_is_refused "$scratch/bad.vec:3: bad number 'zz'; allowed: call RAX" replay "$vectors" "$scratch/bad.vec"
printf '%s\n' "${machine/max_pa=46/max_pa=60}" >"$scratch/machine.vec"
refuses an_impossible_machine_is_refused "$scratch/machine.vec:1: no such machine: max_pa" replay "$scratch/machine.vec"
# With another program's ends of lines, all behind the first one was left out, and nothing failed.
printf '%s\r\ncall 45 rdx=1 -> rax=0xc000010000000008\r\n' "$machine" >"$scratch/dos.vec"
runs ends_of_lines_of_dos_are_read 0 replay "$scratch/dos.vec"
out_has '1 passed, 0 failed'
tr '\n' '\r' <"$scratch/status.vec" >"$scratch/mac.vec"
refuses a_line_ends_nowhere_else "$scratch/mac.vec:1: byte 0x0d at column " replay "$scratch/mac.vec"

# Whoever packed the folder gave its files their names.
mkdir "$scratch/names"
cp "$scratch/status.vec" "$scratch/names/"$'\e[31m\xe9.vec'
runs names_of_files_are_no_commands_to_the_terminal 1 replay "$scratch/names"
check_that 'no escape is printed' bash -c '! grep -q $'"'\\e'"' "$1"' _ "$scratch/out"
runs names_of_files_are_in_json_whatever_they_are 1 replay --json "$scratch/names"
json '.files[0].name | endswith("/\u001b[31m?.vec")'
refuses an_unknown_option_is_refused "'--fast'" replay --fast "$vectors"

# What zlib reads: compressed, in several pieces, as it is; and not what is no whole file.
{
	head -n 20 "$vectors/03-bringup-static.vec" | gzip -1
	tail -n +21 "$vectors/03-bringup-static.vec" | gzip -9
} >"$scratch/packed.gz"
runs compressed_recordings_are_read 0 replay "$scratch/packed.gz"
out_has '396 passed, 0 failed'
runs compressed_stdin_is_read 0 replay - <"$scratch/packed.gz"
out_has '396 passed, 0 failed'
for bytes in 5 30 700 $(($(stat -c %s "$scratch/packed.gz") - 1)); do
	head -c $bytes "$scratch/packed.gz" >"$scratch/cut.gz"
	refuses "a_file_cut_at_${bytes}_is_refused" "$scratch/cut.gz: compressed, and broken or cut short" \
		replay "$scratch/cut.gz"
done
printf 'zzzzzzzz' | dd of="$scratch/packed.gz" bs=1 seek=200 conv=notrunc 2>/dev/null
refuses a_broken_file_is_refused "$scratch/packed.gz: compressed, and broken" replay "$scratch/packed.gz"

# A running host's: what is missing is said, what was not checked is counted.
live="$machine live=1"
printf '%s\n' "$live" 'call 34 rdx=0x9100000100000008 at=10+5 -> rax=0 rdx=* r8=0x40' \
	'call 1 rcx=0x1000000 rdx=0x2000000 at=20+5 -> rax=0' >"$scratch/live.vec"
runs a_live_recording_is_replayed 0 replay "$scratch/live.vec"
out_has '1 calls not checked: of TDs that are older than the recording'
out_has 'guessed: 1 TDs were there before the start'
out_has '1 passed, 0 failed'
check_that 'it was not ended' grep -q 'was not brought to its end' "$scratch/err"
sed -i '1s/$/ missed=3 cut=1/' "$scratch/live.vec"
runs what_was_missed_is_said 0 replay --json "$scratch/live.vec"
check_that 'that is said' grep -q 'may not replay: 3 events were missed' "$scratch/err"
json '.files[0].live.calls == 2 and .files[0].live.before == 1 and .passed == 1'

printf '%s\ncall 34 rdx=0x9100000100000008 -> rax=0\n' "$live" >"$scratch/timeless.vec"
refuses a_live_call_has_a_time "$scratch/timeless.vec:2: a call without at=BEGIN+DURATION" \
	replay "$scratch/timeless.vec"
printf '%s\n%s\n' "$live" "$machine" >"$scratch/two.vec"
refuses a_live_recording_has_one_machine "$scratch/two.vec:2: a second machine" replay "$scratch/two.vec"
printf '%s missed=0 cut=0\n' "$live" >"$scratch/ended.vec"
refuses answers_of_a_running_host_stay "--fill: $scratch/ended.vec is of a running host" \
	replay --fill "$scratch/ended.vec"

# It was waited for.
mkdir "$scratch/pipes"
mkfifo "$scratch/pipes/x.vec"
refuses a_pipe_in_a_folder_is_refused "$scratch/pipes/x.vec: not a file" replay "$scratch/pipes"

runs other_files_of_a_folder_are_passed_over 0 replay "$vectors/03-bringup-static.vec"
mkdir -p "$scratch/folder/below"
cp "$vectors/03-bringup-static.vec" "$scratch/folder/below"
echo 'not a recording' >"$scratch/folder/notes.txt"
runs folders_are_read_to_the_bottom 0 replay "$scratch/folder"
out_has '396 passed, 0 failed'

finish
