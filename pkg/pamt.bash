# SPDX-License-Identifier: GPL-2.0-only OR MIT
# bash completion for pamt, which itself says what may stand where: src/cli/complete.c.
# shellcheck shell=bash

# The words of the line up to the cursor: readline takes '=' and ':' for ends of words, pamt does not.
_pamt_split()
{
	local rest=${COMP_LINE:0:COMP_POINT} piece i

	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		piece=${COMP_WORDS[i]}
		if [ "$i" = 0 ] || [ "${rest#[[:space:]]}" != "$rest" ]; then
			words+=('')
			rest=${rest#"${rest%%[![:space:]]*}"}
		fi
		[ "$i" != "$COMP_CWORD" ] || piece=${rest}
		words[-1]+=$piece
		rest=${rest#"$piece"}
	done
}

_pamt()
{
	local words line value before keep

	_pamt_split
	# What stays as it is before a file's name; and what readline has as a word of its own.
	value=${words[-1]##*[=,]} before=${words[-1]%"${words[-1]##*[=,]}"}
	keep=${words[-1]%"${words[-1]##*[=:]}"}
	COMPREPLY=()
	while IFS= read -r line; do
		case "$line" in
		:files) while IFS= read -r line; do COMPREPLY+=("$before$line"); done < <(compgen -f -- "$value") ;;
		:commands) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -c -- "$value") ;;
		:program*)
			if declare -F _command_offset >/dev/null; then
				_command_offset "${line#:program }"
				return
			fi
			mapfile -t COMPREPLY < <(compgen -f -- "${words[-1]}")
			;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <(command "${words[0]}" complete "${words[@]:1}" 2>/dev/null)
	COMPREPLY=("${COMPREPLY[@]#"$keep"}")
}

complete -o filenames -F _pamt pamt
