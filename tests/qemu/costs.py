#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""What a SEAMCALL costs more under `pamt watch` and `pamt record`, in instructions of the guest.

costs.py NONE WATCH RECORD: logs of three machines with `pamt qemu --instructions`, which did the same but
for what ran beside the TD. Per leaf the middle of what lies between two calls is compared, where the kernel
made enough of them one after the other. Both tools read the kernel's text in each of the machines; so what
programs executed more in the last one is what reads, puts in order, writes and compresses.
"""
import re
import sys

LEAST = 30


def read(path):
    gaps, programs, calls = {}, None, 0
    with open(path, errors="replace") as log:
        for line in log:
            # What the module is asked before any tool can begin says nothing.
            if match := re.match(r" *(\d+) (?!TDH\.SYS\.)(\S+) to the next: (\d+) instructions, ", line):
                gaps[match[2]] = int(match[1]), int(match[3])
            elif match := re.match(r"instructions: \d+ of the kernel, (\d+) of programs", line):
                programs = int(match[1])
            elif match := re.match(r"# (\d+) calls$", line.rstrip()):
                calls = max(calls, int(match[1]))
    if programs is None:
        sys.exit(f"{path} has no counts of instructions")
    return gaps, programs, calls


(none, alone, _), (watch, _, _), (record, beside, calls) = map(read, sys.argv[1:4])
more = {"watch": {}, "record": {}}
for leaf in sorted(none):
    found = [gaps.get(leaf, (0, 0)) for gaps in (none, watch, record)]
    if min(n for n, _ in found) < LEAST:
        continue
    without, watched, recorded = (middle for _, middle in found)
    print(f"# {leaf}: {without} instructions from one to the next, {watched} watched, {recorded} recorded")
    more["watch"][leaf], more["record"][leaf] = watched - without, recorded - without
if not {"TDH.MR.EXTEND", "TDH.VP.ENTER"} <= set(more["watch"]) or calls < 1000:
    sys.exit("no TD was measured: the check is broken")
if any(not 0 < more["watch"][leaf] < more["record"][leaf] for leaf in more["watch"]):
    sys.exit("counting costs nothing, or recording less than that: the check is broken")
print("; ".join(f"{what}: {min(by_leaf.values())} to {max(by_leaf.values())} instructions more a call"
                for what, by_leaf in more.items()) + f", and {(beside - alone) / calls:.0f} of the program")
