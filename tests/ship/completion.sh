#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# completion.sh - what bash offers behind a line that begins with pamt. Arguments: pamt, the file.
set -u
pamt=$(realpath "$1")
# shellcheck source=pkg/pamt.bash
. "$2"
checks=0 failures=0

# offers LINE WORD...: completing the line gives these words, among others; "!word": not that one.
offers()
{
	local line=$1 word found
	shift
	COMP_LINE="$pamt$line" COMP_POINT=$((${#pamt} + ${#line}))
	# As readline splits words: at blanks, and at = and : as well.
	local split=${line//=/ = }
	split=${split//:/ : }
	read -ra COMP_WORDS <<<"$split"
	[[ $line != *" " ]] || COMP_WORDS+=("")
	COMP_WORDS=("$pamt" "${COMP_WORDS[@]}")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_pamt
	found=" ${COMPREPLY[*]-} "
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

cd "$(mktemp -d)" || exit 99
touch server.log
offers ' ' plan run replay explain trap bench help --version
offers ' pl' plan '!run'
offers ' help ' plan '!server.log'
offers ' plan --h' --holes --help '!--json'
offers ' plan --holes ' cmr linux
offers ' run --' --static --4k --json
offers ' run --machine ' builtin:2t server.log
offers ' run --machine=' builtin:2t server.log
offers ' plan builtin:2' builtin:256g builtin:2t '!builtin:64t'
offers ' bench ' seam
offers ' bench --c' --check
offers ' replay ser' server.log
offers ' trap --t' --trace
offers ' trap bas' bash
offers ' trap --machine builtin:2t --trace=x bas' bash
offers ' trap cat ser' server.log
offers ' nonsense --' '!--json'
rm -r "$PWD"
printf '%d checks, %d failed\n' "$checks" "$failures"
[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
