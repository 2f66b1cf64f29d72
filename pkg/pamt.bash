# SPDX-License-Identifier: GPL-2.0-only OR MIT
# bash completion for pamt. Commands and options are asked from pamt itself, so that there is no
# second list of them to keep.
# shellcheck shell=bash

# Words of the usage of the command given, or of pamt: those that match.
_pamt_words() # PATTERN [COMMAND]
{
	local pattern=$1
	shift
	command "${COMP_WORDS[0]}" help "$@" 2>/dev/null | grep -oE -- "$pattern"
}

_pamt_machines()
{
	mapfile -t COMPREPLY < <(compgen -W 'builtin:256g builtin:2t builtin:64t' -- "$1"
		compgen -f -- "$1")
	# The colon ends a word for readline: what is before it stays as it is.
	if [[ $1 == *:* ]] && declare -F __ltrimcolonprefixes >/dev/null; then
		__ltrimcolonprefixes "$1"
	fi
}

# The word under the cursor with the colons that readline took for ends, and the one before it.
_pamt_current()
{
	local line=${COMP_LINE:0:COMP_POINT}

	current=${line##*[[:space:]]}
	line=${line%"$current"}
	line=${line%"${line##*[![:space:]]}"}
	previous=${line##*[[:space:]]}
}

# The number of the word that is trap's program, 0 if it has not been given yet.
_pamt_program()
{
	local i

	program=0
	for ((i = 2; i < COMP_CWORD; i++)); do
		case "${COMP_WORDS[i]}" in
		--machine | --cpus | -m) ((i++)) ;;
		-* | = | :) ;;
		*)
			# What follows "=" or ":" belongs to the option before.
			case "${COMP_WORDS[i - 1]}" in
			= | :) ;;
			*)
				program=$i
				return
				;;
			esac
			;;
		esac
	done
}

_pamt()
{
	local command=${COMP_WORDS[1]-} current previous program

	COMPREPLY=()
	_pamt_current
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_pamt_words '^  [a-z]+') help --version --help" \
			-- "$current")
		return
	fi
	if [ "$command" = trap ]; then
		_pamt_program
		if [ "$program" -gt 0 ]; then
			if declare -F _command_offset >/dev/null; then
				_command_offset "$program"
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$current")
			fi
			return
		fi
	fi
	case "$previous" in
	--machine | -m)
		_pamt_machines "$current"
		return
		;;
	--designs | --design | -d)
		mapfile -t COMPREPLY < <(compgen -W \
			'ours merged v6 per-region static lazy rfc ctor hook' -- "$current")
		return
		;;
	--holes)
		mapfile -t COMPREPLY < <(compgen -W 'cmr linux' -- "$current")
		return
		;;
	esac
	case "$current" in
	--machine=*)
		_pamt_machines "${current#--machine=}"
		return
		;;
	-*)
		mapfile -t COMPREPLY < <(compgen -W "$(_pamt_words '--[a-z0-9][a-z0-9-]*' "$command")" \
			-- "$current")
		return
		;;
	esac
	case "$command" in
	help) mapfile -t COMPREPLY < <(compgen -W "$(_pamt_words '^  [a-z]+')" -- "$current") ;;
	bench) mapfile -t COMPREPLY < <(compgen -W 'seam' -- "$current") ;;
	plan) _pamt_machines "$current" ;;
	trap) mapfile -t COMPREPLY < <(compgen -c -- "$current") ;;
	*) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
	esac
}

complete -o filenames -F _pamt pamt
