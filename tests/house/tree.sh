#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Every source file names its licence, says what it is, keeps to 100 columns and to .clang-format;
# nothing is left unfinished.
set -euo pipefail
cd "$1"
status=0
fail()
{
	echo "$*"
	status=1
}
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
	mapfile -t files < <(git ls-files)
else
	mapfile -t files < <(find . -path './build*' -prune -o -type f -print | sed 's#^\./##')
fi
sources=()
for file in "${files[@]}"; do
	[ -f "$file" ] || continue
	case "$file" in
	*.c | *.h | *.S) sources+=("$file") ;;
	*meson.build | *.sh | *.py | run | check | .ci/run | meson_options.txt)
		[ "$file" = meson_options.txt ] || head -n 3 "$file" | grep -q SPDX-License-Identifier ||
			fail "$file: no SPDX line"
		continue
		;;
	*) continue ;;
	esac
	head -n 1 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only OR MIT' ||
		fail "$file:1: no SPDX line"
	sed -n '2,3p' "$file" | grep -q '/\*' || fail "$file:2: no comment that says what the file is"
	awk -v file="$file" '{ n = 0; for (i = 1; i <= length($0); i++)
			n = substr($0, i, 1) == "\t" ? n + 8 - n % 8 : n + 1
		if (n > 100) { print file ":" NR ": " n " columns"; bad = 1 } }
		END { exit bad }' "$file" || status=1
done
[ ${#sources[@]} -gt 10 ] || fail "only ${#sources[@]} source files found: the check is broken"
marks='TO''DO|FIX''ME|XX''X'
if found=$(grep -nE "\b($marks)\b" "${sources[@]}"); then
	fail "unfinished: $found"
fi
# No warning asks for it: meson.build turns that one off. Public headers are read with others' flags.
mapfile -t own < <(printf '%s\n' "${sources[@]}" | grep -E '^(src|kernel)/' | grep -v os_port.h)
if found=$(grep -nE '^\s+\(void\)[a-z_0-9]+;$' "${own[@]}"); then
	fail "an unused parameter need not be named: $found"
fi
# clang-format does not know assembly.
mapfile -t formatted < <(printf '%s\n' "${sources[@]}" | grep -v '\.S$')
# Nor do its versions agree: 14, of Debian 12, is the one that decides.
if [[ $(clang-format --version 2>/dev/null) == *' 14.'* ]]; then
	clang-format --dry-run --Werror "${formatted[@]}" 2>&1 | grep -E 'error:' | head -n 20 || true
	clang-format --dry-run --Werror "${formatted[@]}" 2>/dev/null || fail "clang-format: see above"
else
	echo "clang-format 14 is not installed: formatting not checked"
fi
exit "$status"
