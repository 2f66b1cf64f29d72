#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# version.sh - one version: meson's, the first of CHANGELOG.md and of debian/changelog, that of the kernel
# modules' package; and a tag of the commit, if it has one. Arguments: sources, version.
set -eu
cd "$1"
version=$2 wrong=0

is() # WHERE VERSION
{
	[ "$2" = "$version" ] && return
	echo "$1 says '$2', meson.build '$version'"
	wrong=1
}

is CHANGELOG.md "$(sed -n 's/^## \([^ ]*\).*/\1/p' CHANGELOG.md | head -n 1)"
is debian/changelog "$(sed -n '1s/^pamt (\([^-]*\)-.*/\1/p' debian/changelog)"
is kernel/dkms.conf "$(sed -n 's/^PACKAGE_VERSION="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' kernel/dkms.conf)"
# In an archive there is no repository, and an ordinary commit has no tag.
tag=$(git describe --tags --exact-match 2>/dev/null) || tag=
[ -z "$tag" ] || is "the tag" "${tag#v}"
[ "$wrong" = 0 ] && echo "$version"
exit "$wrong"
