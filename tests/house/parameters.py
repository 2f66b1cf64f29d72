#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""No function of src and kernel takes more than five parameters: what belongs together is a structure.

parameters.py ROOT
"""
import pathlib
import re
import sys

MOST = 5
# Functions that may take more, each with its reason. One that does not any more has to go from here.
HOT = "on the path of every get and put, in registers"
ALLOWED = {
    "src/host/region.c:install": HOT,
    "src/host/region.c:remove_pair": HOT,
    "src/host/draw.c:magazine_take": HOT,
    "src/host/draw.c:magazine_put": HOT,
    "src/host/pool.c:pool_give_node": HOT,
    "src/host/layout.c:pamt_plan": "libpamt's interface, with a manual page",
}
CODE = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', re.S)
LIST = r"\(((?:[^();{}]|\([^()]*\))*)\)"
FUNCTION = re.compile(rf"^(?!typedef|static_assert|_Static_assert)[A-Za-z_][\w \t\n*]*?\b(\w+){LIST}\s*\{{", re.M)


def functions(text):
    """Name and number of parameters of each function that is defined here."""
    bare = CODE.sub(lambda m: re.sub(r"[^\n]", "", m[0]), text)
    for match in FUNCTION.finditer(bare):
        parameters = re.sub(r"\([^()]*\)", "", match[2])
        yield match[1], parameters.count(",") + 1


root = pathlib.Path(sys.argv[1])
seen, bad, above = 0, [], set()
for path in sorted(path for folder in ("src", "kernel") for path in (root / folder).rglob("*.[ch]")):
    name = path.relative_to(root)
    if str(name).startswith("kernel/build"):
        continue
    for function, nr in functions(path.read_text()):
        seen += 1
        if nr <= MOST:
            continue
        above.add(f"{name}:{function}")
        if f"{name}:{function}" not in ALLOWED:
            bad.append(f"{name}: {function}() takes {nr} parameters; allowed: {MOST}")
bad += [f"{entry}: listed, but it takes no more than {MOST} parameters" for entry in ALLOWED.keys() - above]
if seen < 1000:
    bad.append(f"only {seen} functions found under {root}: the check itself is broken")
print("\n".join(sorted(bad)) or f"{seen} functions, {len(above)} with more than {MOST} parameters, all listed")
sys.exit(1 if bad else 0)
