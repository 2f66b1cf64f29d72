#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# vm_words.sh KERNEL-VM - what `kernel/vm linux` refuses, in one line, before it fetches anything.
set -euo pipefail
vm=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

refuses() # WHAT WORDS ARGUMENT...
{
	local what=$1 words=$2 status=0
	shift 2
	"$vm" linux "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
	if [ "$status" = 77 ]; then
		cat "$scratch/err"
		exit 77
	fi
	if [ "$status" = 2 ] && [ "$(wc -l <"$scratch/err")" = 1 ] && [ ! -s "$scratch/out" ] &&
		grep -qF -- "$words" "$scratch/err"; then
		echo "ok - $what"
	else
		echo "not ok - $what: status $status"
		cat "$scratch/out" "$scratch/err"
		failed=1
	fi
}

mkdir "$scratch/empty" "$scratch/built" "$scratch/a tree" "$scratch/old"
touch "$scratch/built/Kconfig" "$scratch/built/.config" "$scratch/a tree/Kconfig" "$scratch/old/Kconfig"
printf 'kernelversion:\n\t@echo 6.12.0\n' >"$scratch/old/Makefile"
ln -s "$scratch/a tree" "$scratch/link"
refuses image_that_is_not_there "--image $scratch/none: no such file" --image "$scratch/none"
refuses image_that_is_no_kernel "no bzImage of Linux" --image "$vm"
refuses tree_that_is_none "no source of Linux" --tree "$scratch/empty"
refuses tree_in_which_linux_was_built "--image $scratch/built/arch/x86/boot/bzImage" \
	--tree "$scratch/built"
refuses tree_in_a_folder_with_a_space 'no folder that has a space' --tree "$scratch/a tree"
refuses link_to_a_folder_with_a_space "--tree $scratch/link: Linux is built in no folder" \
	--tree "$scratch/link"
refuses tree_without_tdx 'Linux 6.12.0 has no TDX host support' --tree "$scratch/old"
refuses tree_and_image_at_once 'one kernel at a time' --tree "$scratch/old" --image "$vm"
(cd "$scratch" && refuses tree_by_a_relative_path '--tree old: Linux 6.12.0' --tree old; exit "$failed") ||
	failed=1
exit "$failed"
