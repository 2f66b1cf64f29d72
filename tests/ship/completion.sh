#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# completion.sh - what a shell offers behind a line that begins with pamt. Arguments: the shell, pamt,
# the folder of the completions.
set -u
shell=$1 pamt=$(realpath "$2") pkg=$(realpath "$3") here=$(cd "$(dirname "$0")" && pwd)
checks=0 failures=0
command -v "$shell" >/dev/null || {
	echo "there is no $shell to try its completion with"
	exit 77
}
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin" "$scratch/in"
ln -s "$pamt" "$scratch/bin/pamt"
PATH=$scratch/bin:$PATH
cd "$scratch/in" || exit 99
touch server.log

# What readline would do: COMP_WORDS is the line split at blanks, and at = and : as well.
bash_offers()
{
	# shellcheck source=pkg/pamt.bash
	. "$pkg/pamt.bash"
	local split=${1//=/ = }
	split=${split//:/ : }
	read -ra COMP_WORDS <<<"$split"
	case "$1" in
	*" " | *=) COMP_WORDS+=("") ;;
	esac
	COMP_LINE=$1 COMP_POINT=${#1} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
	[ "${1%=}" = "$1" ] || COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_pamt
	# What readline leaves as it is belongs to the word.
	local word=${1##* }
	[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]/#/${word%"${word##*[=:]}"}}"
}

fish_offers() { HOME=$scratch fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$pkg/pamt.fish" "$1" | cut -f 1; }

zsh_offers() { HOME=$scratch timeout 30 zsh -f "$here/offers.zsh" "$pkg" "$1"; }

# offers LINE WORD...: completing the line gives these words, among others; "!word": not that one.
offers()
{
	local line=$1 word found
	shift
	found=" $("${shell}_offers" "pamt$line" | tr '\n' ' ')"
	for word in "$@"; do
		checks=$((checks + 1))
		case "$word" in
		!*) [[ $found != *" ${word#!} "* ]] && continue ;;
		*) [[ $found == *" $word "* ]] && continue ;;
		esac
		failures=$((failures + 1))
		printf "FAILED '%s': %s in '%s'\n" "$line" "$word" "$found"
	done
}

offers ' ' plan run replay explain trap bench help
offers ' pl' plan '!run'
offers ' help ' plan '!server.log'
offers ' --v' --version
offers ' plan --h' --holes --help '!--json'
offers ' plan --holes ' cmr linux
offers ' plan --holes=' --holes=cmr --holes=linux
offers ' run --' --static --4k --json
offers ' run --machine ' builtin:2t server.log
offers ' run --machine=' --machine=builtin:2t --machine=server.log
offers ' run --machine=builtin:2' --machine=builtin:2t --machine=builtin:256g
offers ' run -m bui' builtin:2t '!server.log'
offers ' run --seed ' '!server.log' '!--json'
offers ' plan builtin:2' builtin:256g builtin:2t '!builtin:64t'
offers ' bench ' host seam
offers ' bench host --c' --check
offers ' check --' --shard --state --real --design
offers ' check --real --' --seconds '!--shard'
offers ' check --design ' ours merged v6
offers ' check --module=' --module=softseam --module=model
offers ' compare --designs ' ours per-region
offers ' compare --designs ours,me' ours,merged '!ours,v6'
offers ' run --kernel --' --flips '!--virtual'
offers ' qemu --module-version ' 1.5.25 next
offers ' qemu --fault-leaf TDH.PHYMEM.PAMT.' TDH.PHYMEM.PAMT.ADD
offers ' explain OPERAND_B' OPERAND_BUSY
offers ' replay ser' server.log
offers ' report -o ser' server.log
offers ' trap --t' --trace
offers ' trap --trace=ser' --trace=server.log
offers ' trap bas' bash
offers ' trap --machine builtin:2t --trace=x bas' bash
offers ' trap cat ser' server.log
# A file stands before the command: it was taken for the command, and watch knew none.
offers ' watch bas' bash '!server.log'
offers ' watch --once cat ser' server.log
offers ' record ser' server.log '!cat'
offers ' record server.log bas' bash '!server.log'
offers ' record -b 4M server.log cat ser' server.log
offers ' record server.log --' '!--json'
# The value is in the word; a letter of it is no option.
offers ' run -mfoom --sta' --static
offers ' run -=json' '!--json'
offers ' nonsense --' '!--json'
printf '%d checks, %d failed\n' "$checks" "$failures"
[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
