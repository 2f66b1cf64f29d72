#!/usr/bin/env zsh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# offers.zsh FOLDER LINE - what zsh, with the completions of FOLDER, offers behind LINE: typed into a
# zsh of its own on a terminal of its own, whose completion writes down what it is given.
zmodload zsh/zpty || exit 77
answer=$(mktemp -u)
source=$(mktemp)
cat >$source <<END
fpath=(${(q)1} \$fpath)
autoload -Uz compinit
compinit -D -u
compadd() {
	local -a hits
	# With one of these it is asked, not told.
	if [[ \${(M)@[1,(i)--]:#-[OAD]} ]]; then
		builtin compadd "\$@"
		return
	fi
	builtin compadd -A hits "\$@"
	print -rl -- \$IPREFIX\${^hits} >>$answer.part
	builtin compadd "\$@"
}
offers() {
	: >$answer.part
	_main_complete
	compstate[insert]= compstate[list]=
	mv $answer.part $answer
}
zle -C offers list-choices offers
bindkey '^X' offers
END
zpty shell zsh -f -i || exit 77
zpty -w shell "PROMPT= ; source $source"
zpty -w -n shell "$2"$'\x18'
integer tries=0
while [[ ! -e $answer ]] && ((tries++ < 200)); do
	zpty -r -t shell line
	sleep 0.05
done
zpty -d shell
cat $answer
rm -f $answer $source
