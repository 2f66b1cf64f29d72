#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# trap.sh - `pamt trap`: programs that execute SEAMCALL, what is traced, and what cannot be trapped.
# Arguments: pamt, the example seamcall, the program trapped.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/../cli/expect.sh" "$1"
seamcall=$2 trapped=$3
# Programs of a sanitizer build bring its library along, behind the one that is preloaded.
export ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0"

runs example_finds_the_machine 0 trap --machine builtin:256g "$seamcall"
out_has 'Dynamic PAMT: yes'
out_has 'CMR 1: 0x000100000000 - 0x004080000000'
err_empty
processors=$(nproc)
out_has "processors initialised: $processors"

runs trace_goes_to_stderr 0 trap --machine builtin:256g --trace "$seamcall"
check_that 'SYS.INIT is the first' \
	grep -qE '^lp [0-9]+ TDH\.SYS\.INIT rcx=0x0 -> SUCCESS' "$scratch/err"
check_that 'LP.INIT on every processor' \
	test "$(grep -c 'TDH.SYS.LP.INIT -> SUCCESS' "$scratch/err")" -eq "$processors"
check_that 'operands and changed registers are shown' grep -qE \
	'^lp [0-9]+ TDH\.SYS\.RD rdx=0x9000000300000081 -> SUCCESS rdx=0x[0-9a-f]+ r8=0x100000000$' \
	"$scratch/err"
lines=$(wc -l <"$scratch/err")

runs trace_goes_to_a_file 0 trap --machine builtin:256g --trace="$scratch/trace" "$seamcall"
err_empty
check_that 'it has the same lines' test "$(wc -l <"$scratch/trace")" -eq "$lines"

runs recording_is_made 0 trap --machine builtin:256g --record "$scratch/own.vec" "$seamcall"
err_empty
runs recording_replays 0 replay "$scratch/own.vec"
out_has ' passed, 0 failed'
check_that 'each call is in it' test "$(grep -c '^call ' "$scratch/own.vec")" -eq "$lines"
sed -i '$s/-> rax=0x0/-> rax=0x1/' "$scratch/own.vec"
runs mistake_in_a_recording_is_named 1 replay "$scratch/own.vec"
out_has "own.vec:$((lines + 1)): call 0x22 "
out_has 'TDH.SYS.RD on LP '
# A thread that was cancelled within a SEAMCALL kept its LP, and the recorder's turn: the next one on
# that LP waited for ever.
runs cancelled_threads_leave_the_module 0 trap --machine builtin:256g --record "$scratch/own.vec" "$trapped" cancel
out_has 'with threads that are cancelled: yes'
runs their_recording_replays 0 replay "$scratch/own.vec"
# Two processes wrote into one recording if the one was forked before the other's first SEAMCALL.
runs two_processes_at_once 0 trap --machine builtin:256g --record "$scratch/own.vec" "$trapped" fork
err_line 'SEAMCALLs of another process have the file'
check_that 'one machine' test "$(grep -c '^machine ' "$scratch/own.vec")" -eq 1
runs the_first_of_two_replays 0 replay "$scratch/own.vec"
# A full disk was no word to anybody.
runs recording_on_a_full_disk 1 trap --machine builtin:256g --record /dev/full "$seamcall"
err_line 'the recording ends'
runs trace_on_a_full_disk 1 trap --machine builtin:256g --trace=/dev/full "$seamcall"
err_line 'trace: a line cannot be written'
out_has 'Dynamic PAMT: yes'
# A second start emptied the file of the first, in the middle of it.
cp "$scratch/own.vec" "$scratch/in-use.vec"
in_use()
{
	python3 -c 'import fcntl, subprocess, sys
file = open(sys.argv[1], "a")
fcntl.lockf(file, fcntl.LOCK_EX)
sys.exit(subprocess.run(sys.argv[2:]).returncode)' "$scratch/in-use.vec" "$pamt" trap --machine builtin:256g \
		--record "$scratch/in-use.vec" "$seamcall" >"$scratch/out" 2>"$scratch/err"
}
name=recording_that_is_being_made
in_use
check_that 'exit code is 2' test $? -eq 2
err_line "another program's SEAMCALLs are being recorded there"
check_that 'it is as it was' cmp "$scratch/own.vec" "$scratch/in-use.vec"
refuses record_to_a_folder "$scratch: Is a directory" trap --record "$scratch" "$seamcall"

runs one_processor_is_a_choice 0 trap --cpus 1 --machine builtin:256g --trace "$seamcall"
check_that 'all calls are on LP 0' bash -c '! grep -qv "^lp 0 " "$1"' _ "$scratch/err"

runs program_with_signal_handlers 0 trap --machine builtin:256g "$trapped"
check_that 'all went right' test "$(grep -c ': yes$' "$scratch/out")" -eq 9
err_empty
# The module after 1.5.25 has a leaf more.
runs before_it_is_ready_the_module_has_no_such_leaf 0 trap --machine builtin:256g "$trapped" disable
out_has 0xc000050500000000
runs the_next_module_has 0 trap --machine builtin:256g --module-version next "$trapped" disable
out_has 0x0000000000000000
refuses no_such_version "'2.0' is no version; allowed: 1.5.25, next" trap --module-version 2.0 x
runs this_machine_is_the_default 0 trap "$seamcall"
err_empty
{ runs death_is_the_programs 139 trap --machine builtin:256g "$trapped" crash; } 2>/dev/null

# Its own folder may have a space in its name, which LD_PRELOAD has no way to say.
ln -s "$(realpath "$(dirname "$pamt")")/pkg/libpamt-trap.so" "$scratch"
in_a_folder_called()
{
	mkdir -p "$scratch/$1/pkg"
	cp "$pamt" "$scratch/$1"
	cp "$(dirname "$pamt")/pkg/libpamt-trap.so" "$scratch/$1/pkg"
	"$scratch/$1/pamt" trap --machine builtin:256g "$seamcall" >"$scratch/out" 2>"$scratch/err"
}
name=folder_with_a_space
check_that 'exit code is 0' in_a_folder_called 'a folder'
out_has 'Dynamic PAMT: yes'
err_empty
name=folder_with_a_space_and_a_colon
in_a_folder_called 'a: folder'
check_that 'exit code is 77' test $? -eq 77
err_line 'a colon or a semicolon in its name'

# An environment that somebody has meddled with.
spoilt()
{
	name=$1
	: >"$scratch/out"
	env LD_PRELOAD="$scratch/libpamt-trap.so" "$2" true 2>"$scratch/err"
	check_that 'exit code is 2' test $? -eq 2
	err_line "$3"
}

# The thread sanitizer's library does not come to life in programs that were built without it.
if ! nm -D --undefined-only "$pamt" | grep -q __tsan_; then
	runs trace_of_a_shell_has_its_children 0 trap --machine builtin:256g \
		--trace="$scratch/trace" bash -c '"$0" && exec "$0"' "$seamcall"
	check_that 'it has the lines of both' \
		test "$(wc -l <"$scratch/trace")" -eq $((2 * lines))
	runs two_processes_one_after_the_other 0 trap --machine builtin:256g --record "$scratch/own.vec" \
		bash -c '"$0" && "$0"' "$seamcall"
	runs both_are_replayed 0 replay "$scratch/own.vec"
	check_that 'two machines' test "$(grep -c '^machine ' "$scratch/own.vec")" -eq 2
	runs exit_status_is_the_programs 7 trap --machine builtin:256g sh -c 'exit 7'
	# pamt ignores it, and so did what it executed.
	name=sigpipe_ends_the_program
	env --default-signal=PIPE "$pamt" trap --machine builtin:256g sh -c 'kill -PIPE $$' \
		>"$scratch/out" 2>"$scratch/err"
	check_that 'exit code is 141' test $? -eq 141
	runs full_disk_of_a_program_that_fails 3 trap --machine builtin:256g --trace=/dev/full \
		bash -c '"$1" >/dev/null; exit 3' _ "$seamcall"
	runs options_after_the_program_are_its_own 0 trap --machine builtin:256g echo --trace --json
	out_has '--trace --json'
	spoilt lps_that_are_no_number PAMT_TRAP_LPS=x 'PAMT_TRAP_LPS: not a number'
	spoilt machine_that_has_gone PAMT_TRAP_MACHINE=/no/such.log '/no/such.log'
	spoilt trace_that_has_gone PAMT_TRAP_TRACE=/no/such/folder/trace '/no/such/folder/trace'
fi

runs guard_mode_is_quiet_about_a_program_that_behaves 0 trap --guard --machine builtin:256g "$seamcall"
err_empty

refuses no_program 'say which program to run' trap
refuses program_in_no_folder "no program 'nosuchprogram' in PATH" trap nosuchprogram
refuses program_that_is_not_there '/no/such/program: No such file' trap /no/such/program
refuses folder_as_program '/ is not a file' trap /
: >"$scratch/plain"
refuses file_without_permission 'is not executable' trap "$scratch/plain"
chmod +x "$scratch/plain"
refuses empty_file 'Exec format error' trap "$scratch/plain"
printf '#!%s\n' /no/such/interpreter >"$scratch/script"
chmod +x "$scratch/script"
refuses script_without_interpreter '/no/such/interpreter' trap "$scratch/script"
printf '#!%s\n' "$scratch/script" >"$scratch/script"
refuses script_of_itself 'Too many levels' trap "$scratch/script"
if [ -x /sbin/ldconfig ] && ! readelf -lW /sbin/ldconfig 2>/dev/null | grep -q INTERP; then
	refuses static_program 'is a static program' trap /sbin/ldconfig
fi
if [ -u /usr/bin/su ]; then
	refuses set_user_id_program 'the rights of its owner' trap su
fi
refuses machine_on_stdin "standard input is the program's" trap --machine - true
refuses machine_that_is_not_there 'nosuch.log' trap --machine nosuch.log true
refuses trace_that_cannot_be_written '/no/such/folder/trace' trap --trace=/no/such/folder/trace true
refuses too_many_processors "is not a number from 1 to $processors" trap --cpus 9999 true
refuses no_json "the output is the program's" trap --json true

finish
