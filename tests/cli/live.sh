#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# pamt watch and pamt record where they cannot be: kernel/vm linux tries them where they can.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

refuses a_recording_wants_a_file 'record: no file; allowed: FILE, and a command behind it' record
refuses a_buffer_is_a_size 'pamt: --buffer: ' record --buffer 1 "$scratch/x"
refuses a_buffer_has_a_bound '--buffer' record --buffer 2G "$scratch/x"
refuses an_interval_is_a_number 'pamt: --interval: ' watch --interval 0 true
refuses lines_for_the_boot_are_printed_alone '--boot prints, and records nothing' record --boot /boot/x "$scratch/x"
refuses an_unknown_option_of_watch "'--fast'" watch --fast
refuses an_unknown_option_of_record "'--fast'" record --fast "$scratch/x"

# The file is looked at before anything is asked of the kernel: it was when the probes were in.
refuses a_recording_wants_a_folder_for_its_file "record: $scratch/none/x: No such file or directory" record "$scratch/none/x"
refuses a_recording_goes_into_a_file "record: $scratch: Is a directory" record "$scratch"
ln -s x "$scratch/link"
refuses a_recording_follows_no_link "record: $scratch/link: a link" record "$scratch/link"

refuses metrics_want_a_folder "watch: --prometheus: $scratch/none/x: No such file or directory" watch --prometheus "$scratch/none/x"
refuses metrics_go_into_a_file "watch: --prometheus: $scratch: Is a directory" watch --prometheus "$scratch"

# So is IMAGE. A pipe was waited for, and of /dev/zero all was read.
: >"$scratch/empty"
mkfifo "$scratch/pipe"
refuses an_image_is_a_kernel "record: --boot: $scratch/empty: neither a bzImage nor vmlinux" record --boot "$scratch/empty"
refuses an_image_is_there "record: --boot: $scratch/none: No such file or directory" record --boot "$scratch/none"
refuses an_image_is_no_pipe "record: --boot: $scratch/pipe: not a file" record --boot "$scratch/pipe"
refuses an_image_has_an_end 'record: --boot: /dev/zero: not a file' record --boot /dev/zero

# Options end at the first word that is none: what follows is the command's.
for command in "record $scratch/x" 'watch --once'; do
	name="pamt ${command%% *} says why not"
	# shellcheck disable=SC2086
	"$pamt" $command true --fast </dev/null >"$scratch/out" 2>"$scratch/err"
	code=$?
	if [ "$code" = 0 ]; then
		echo "figure: this machine is a TDX host: $command"
		continue
	fi
	check_that 'exit code is 77' test "$code" = 77
	out_empty
	err_line "pamt: ${command%% *}: "
	check_that 'no file is left' test ! -e "$scratch/x"
done

finish
