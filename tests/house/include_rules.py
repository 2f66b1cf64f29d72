#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Who may include whom: the floors of the house, as docs/architecture.md has them.

What is shipped includes nothing of src/mutants, and has no word of mistakes that are made on purpose.

The tree of that page names every folder of src, and in it the rooms of the lab stand in the order in
which they may know one another: each the ones above it.
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
PUBLIC = {"tdx.h", "status.h", "os.h", "host.h", "seam.h", "softseam.h", "thread.h"}
FREESTANDING = {"stdbool.h", "stddef.h", "stdint.h"}

# folder under src: (folders it may include, public headers it may include, libc allowed)
RULES = {
    "abi": ({"abi"}, {"tdx.h", "status.h"}, False),
    "host": ({"host", "abi"}, {"tdx.h", "status.h", "os.h", "host.h"}, False),
    "seam": ({"seam", "abi"}, {"tdx.h", "status.h", "os.h", "seam.h"}, False),
    "vmm": ({"vmm", "abi"}, {"tdx.h", "status.h", "os.h", "host.h"}, False),
    "machine": ({"machine"}, {"tdx.h", "status.h", "os.h"}, True),
    "mutants": ({"mutants", "host", "abi"}, {"tdx.h", "status.h", "os.h", "host.h"}, False),
    # kernel: the program of TDs; seam: faults on request.
    "port": ({"port", "kernel", "machine", "seam", "abi"},
             {"tdx.h", "status.h", "os.h", "seam.h", "softseam.h", "thread.h"}, True),
    "lab": ({"lab", "port", "machine", "vmm", "host", "seam", "abi", "mutants"}, PUBLIC, True),
    # Only what is public, and how calls are written.
    "live": ({"live", "abi"}, {"tdx.h", "status.h"}, True),
    # kernel: only what /dev/pamt takes.
    "cli": ({"cli", "kernel", "live", "lab", "port", "machine", "vmm", "host", "seam", "abi"}, PUBLIC, True),
}


def folders_of_tree(page):
    """The folders of src that the page's tree has a line for, in its order."""
    tree, outer = [], ""
    for line in re.search(r"^## The tree\n+```text\n(.*?)^```", page, re.M | re.S)[1].splitlines():
        if match := re.match(r"( *)([\w/-]+)/ +\S", line):
            outer = outer if match[1] else match[2]
            tree.append(f"{outer}/{match[2]}" if match[1] else outer)
    return [folder for folder in tree if folder.startswith("src/")]


# Of kernel/: what a build with a mistake adds.
OF_MUTANTS = {"kernel/mutant.c"}

bad = []
seen = 0
for folder in ["include", "kernel", "pkg", *(f"src/{name}" for name in RULES.keys() - {"mutants", "lab", "cli"})]:
    for path in sorted((root / folder).rglob("*.[chS]")):
        if path.is_symlink() or str(path.relative_to(root)) in OF_MUTANTS or "build" in path.relative_to(root).parts:
            continue
        bad += [f"{path.relative_to(root)}:{number}: shipped, and about mutants"
                for number, line in enumerate(path.read_text().splitlines(), 1) if "mutant" in line.lower()]
tree = folders_of_tree((root / "docs/architecture.md").read_text())
there = {str(path.parent.relative_to(root)) for path in (root / "src").rglob("*.[chS]")}
bad += [f"docs/architecture.md: no line for {folder}/" for folder in sorted(there - set(tree))]
bad += [f"docs/architecture.md: no sources in {folder}/" for folder in tree
        if not any(f"{other}/".startswith(f"{folder}/") for other in there)]
rooms = [folder[8:] for folder in tree if folder.startswith("src/lab/")]
for path in sorted((root / "src").rglob("*.[chS]")):
    folder = path.relative_to(root / "src").parts[0]
    folders, public, libc = RULES[folder]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        seen += 1
        name = match.group(2)
        if match.group(1) == "<":
            if name.startswith("pamt/"):
                fine = name[5:] in public
            else:
                # os_port.h is what a port gives to the freestanding floors.
                fine = libc or name in FREESTANDING
        elif name == "os_port.h":
            fine = folder == "port"
        elif "/" in name:
            fine = name.split("/")[0] in folders
            room, other = path.parent.name, name.split("/")[1]
            if folder == "lab" and name.count("/") == 2 and {room, other} <= set(rooms):
                fine = rooms.index(other) <= rooms.index(room)
        else:
            fine = (path.parent / name).exists()
        if not fine:
            bad.append(f"{path.relative_to(root)}:{number}: {path.parent.relative_to(root)} "
                       f"may not include {name}")
for path in sorted((root / "include/pamt").glob("*.h")):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
        if match:
            seen += 1
            name = match.group(1)
            if name not in FREESTANDING and name != "os_port.h" and name[5:] not in PUBLIC:
                bad.append(f"{path.relative_to(root)}:{number}: a public header includes {name}")
if seen < 10:
    bad.append(f"only {seen} include lines found under {root}: the check itself is broken")
print("\n".join(bad) or f"{seen} include lines, all allowed")
sys.exit(1 if bad else 0)
