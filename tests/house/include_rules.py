#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Who may include whom: the floors of the house, as docs/architecture.md has them."""
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
    # kernel: the program of TDs; seam: faults on request.
    "port": ({"port", "kernel", "machine", "seam", "abi"},
             {"tdx.h", "status.h", "os.h", "seam.h", "softseam.h", "thread.h"}, True),
    "lab": ({"lab", "port", "machine", "vmm", "host", "seam", "abi"}, PUBLIC, True),
    # kernel: only what /dev/pamt takes.
    "cli": ({"cli", "kernel", "lab", "port", "machine", "vmm", "host", "seam", "abi"}, PUBLIC, True),
}
bad = []
seen = 0
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
        else:
            fine = (path.parent / name).exists()
        if not fine:
            bad.append(f"{path.relative_to(root)}:{number}: src/{folder} may not include {name}")
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
