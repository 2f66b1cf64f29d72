#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Are the calls of a recording from inside those that the module served?

same_calls.py [--lost | --boot] PAMT TRACE LIVE: TRACE is what `pamt qemu --trace` wrote, a line per call with the leaf's
operands and the registers that it changed, LIVE what `pamt record` wrote inside. SYS.* leaves are those of
the boot, which nobody inside could record but with --boot. LP, leaf, operands, status and changed registers have to be equal,
call for call, in the same order on each LP but for neighbours: an interrupt's call may stand before the one
that it interrupted. With --lost the recording has gaps, and says how many events are missing: two for each
call that is not there, less the halves that it saw.
"""
import collections
import gzip
import re
import subprocess
import sys

USUAL = ["rcx", "rdx", "r8", "r9", "r10", "r11"]
ENTRY = USUAL + ["r12", "r13", "r14", "r15", "rbx", "rdi", "rsi"]


def numbers(words):
    return {k: int(v, 0) for k, v in (w.split("=") for w in words if re.match(r"r\w+=", w))}


def trace(path, boot):
    """Per LP: (leaf's name, operands, status in words, what changed)."""
    found = collections.defaultdict(list)
    with open(path) as file:
        for line in file:
            before, after = line.rstrip("\n").split(" -> ")
            words, status = before.split(), re.match(r"(.*?)((?: r\w+=0x[0-9a-f]+)*)$", after)
            if words[2].startswith("TDH.SYS.") and not boot:
                continue
            names = ENTRY if words[2] == "TDH.VP.ENTER" else USUAL
            # What is no operand cannot be told from a register that keeps its value.
            changed = {k: v for k, v in numbers(status[2].split()).items() if k in names}
            found[int(words[1])].append((words[2], numbers(words[3:]), status[1], changed))
    return found


def live(path):
    """The first line, and per LP: (leaf, all registers before, rax, what changed)."""
    head, found = None, collections.defaultdict(list)
    with gzip.open(path, "rt") as file:
        for line in file:
            head = head or line
            if not line.startswith("call "):
                continue
            before, after = line.split(" -> ")
            words = before.split()
            lp = next((int(w[3:]) for w in words if w.startswith("lp=")), 0)
            got = numbers(after.split())
            found[lp].append((int(words[1], 0), numbers(words[2:]), got.pop("rax"), got))
    return head, found


class Names:
    """Names of leaves and statuses, as pamt itself gives them."""

    def __init__(self, pamt):
        text = subprocess.run([pamt, "explain", "--list"], check=True, capture_output=True, text=True)
        self.leaves = {int(m[1]): m[2] for m in re.finditer(r"^ *(\d+) (TDH\.\S+)", text.stdout, re.M)}

    def leaf(self, rax):
        version = rax >> 16 & 0xff
        return self.leaves[rax & 0xffff] + (f".v{version}" if version else "")


def same(module, own, names, statuses):
    """statuses: which words stand for which RAX: the same ones every time."""
    leaf, operands, status, changed = module
    rax, before, result, after = own
    return (leaf == names.leaf(rax) and changed == after
            and all(before.get(k, 0) == v for k, v in operands.items())
            and statuses.setdefault(result, status) == status)


def field(head, name):
    match = re.search(rf" {name}=(\d+)", head)
    if not match:
        sys.exit(f"the recording does not say {name}=")
    return int(match[1])


def compare(module, own, names):
    """All of them, one after the other; returns how many stood before or behind a neighbour."""
    statuses, swapped = {}, 0
    for lp in sorted(set(module) | set(own)):
        left = list(module[lp])
        for number, call in enumerate(own[lp]):
            near = next((i for i, m in enumerate(left[:4]) if same(m, call, names, statuses)), None)
            if near is None:
                sys.exit(f"LP {lp}, call {number}: recorded {call}, served {left[:2]}")
            swapped += near > 0
            del left[near]
        if left:
            sys.exit(f"LP {lp}: {len(left)} calls were not recorded: {left[:2]}")
    if len(set(statuses.values())) != len(statuses):
        sys.exit(f"two statuses of one name: {statuses}")
    return swapped


def main(words):
    lost = words[0] == "--lost"
    pamt, path, recording = words[-3:]
    module, (head, own) = trace(path, words[0] == "--boot"), live(recording)
    served, told = (sum(map(len, calls.values())) for calls in (module, own))
    missed, cut = field(head, "missed"), field(head, "cut")
    if told < 1000:
        sys.exit(f"only {told} calls: the check is broken")
    if lost:
        if not missed or 2 * (served - told) != missed + cut:
            sys.exit(f"{served - told} calls of {served} are missing, which is {2 * (served - told)} events; "
                     f"the recording says {missed}, and {cut} calls cut")
        print(f"{served - told} calls of {served} are missing, {cut} of them by half: {missed} events")
        return
    swapped = compare(module, own, Names(pamt))
    if missed or cut:
        sys.exit(f"the recording says that {missed} events are missing, {cut} calls cut")
    print(f"{told} calls, all equal, {swapped} in another place than in the module")


main(sys.argv[1:])
