#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""kinds.py PAMT: machines as people bring them, every kind in at least ten variations.

The logs are made here, so that each has a figure that is known beforehand: PAMT is 4104 KB for each
GiB of a TDMR and 4 KB for each 256 GiB or part of it; with Dynamic PAMT 40 KB and the same 4 KB.
"""
import json
import subprocess
import sys

PAMT = sys.argv[1]
GB = 1 << 30
MB = 1 << 20
checks = failures = 0


def pamt(args, text=None, code=0):
    global checks, failures
    data = text if isinstance(text, bytes) else (text or "").encode()
    run = subprocess.run([PAMT, *args], input=data, capture_output=True, check=False)
    checks += 1
    if code is not None and run.returncode != code:
        failures += 1
        print(f"FAILED {args}: exit {run.returncode}, not {code}: {run.stderr.decode()}\n"
              f"    input: {data[:300]!r}")
    return run.stdout.decode(), run.stderr.decode()


def check(what, good, seen=""):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print(f"FAILED {what}: {seen}")


def plan(text, *args, code=0):
    out, err = pamt(["plan", "--json", "-q", *args, "-"], text, code)
    return (json.loads(out) if out else None), err


def static_kb(*gbs):
    return sum(4104 * n + 4 * (-(-n // 256)) for n in gbs)


def dynamic_kb(*gbs):
    return sum(40 * n + 4 * (-(-n // 256)) for n in gbs)


def expect(what, text, *gbs, args=()):
    """The plan of this log is that of TDMRs of these sizes."""
    got, err = plan(text, *args)
    if not got:
        check(what, False, err)
        return None
    seen = [t["size"] // GB for t in got["tdmrs"]]
    check(what, seen == list(gbs), f"TDMRs of {seen} GB, not {gbs}: {text[:200]!r}")
    check(what, got["static"]["pamt_kb"] == static_kb(*gbs), got["static"])
    check(what, got["dynamic"]["pamt_kb"] == dynamic_kb(*gbs), got["dynamic"])
    return got


def refused(what, text, says, *args, code=2):
    _, err = plan(text, *args, code=code)
    check(what, says in err and err.count("\n") == 1, err)


def e820(ranges, name="BIOS-e820", word="usable", other="reserved", stamp="[    0.000000] "):
    """Lines of a table: (first, end, usable) each."""
    return [f"{stamp}{name}: [mem 0x{a:016x}-0x{b - 1:016x}] {word if use else other}"
            for a, b, use in ranges]


def machine(gb):
    """A machine of so many GB, two of them below the hole for devices."""
    return [(0, 0x9f000, True), (0x9f000, MB, False), (MB, 2 * GB - 8 * MB, True),
            (2 * GB - 8 * MB, 2 * GB, False), (4 * GB, (gb + 2) * GB, True)]


def lines(*parts):
    return "".join(f"{line}\n" for part in parts for line in part)


# ------------------------------------------------------------------------------------------------
# A: type words

def kind_a():
    words = [("usable", "reserved"), ("System RAM", "device reserved"), ("system ram", "Reserved"),
             ("usable", "ACPI NVS"), ("usable", "ACPI data"), ("System RAM", "soft reserved"),
             ("System RAM", "persistent RAM (type 12)"), ("usable", "persistent (type 7)"),
             ("usable", "unusable"), ("System RAM", "type 20"), (" System RAM", " ACPI NVS"),
             ("usable", "kernel reserved")]
    for n, (ram, other) in enumerate(words):
        gb = 32 + n
        got = expect(f"A: {ram}, {other}", lines(e820(machine(gb), "BIOS-e820", ram, other)), 2, gb - 2)
        check("A: nothing to note", "not known" not in got["machine"]["notes"], got["machine"]["notes"])
    table = e820(machine(64), word="System RAM", other="device reserved")
    for ram in ["639   KB System RAM", "1.5 GB System RAM", "  256 MB usable", "12 bytes System RAM"]:
        expect(f"A: with sizes: {ram}", lines(e820(machine(64), word=ram, other=" 4 KB device reserved")), 2, 62)
    for gap in ["gap 0x00000000000a0000-0x00000000000fffff", "gap 0x80000000-0xffffffff"]:
        expect("A: gaps", lines(table[:2], [f"[    0.000000] BIOS-e820: [{gap}]"], table[2:]), 2, 62)
    for odd in ["reclaimable", "usables", "RAM", "usab", "", "Systemic RAM", "conventional-ish",
                "encrypted", "System RAMdisk", "reservedx"]:
        got, err = plan(lines(e820(machine(64)), e820([(70 * GB, 80 * GB, False)], other=odd)))
        check(f"A: an unknown type is noted: {odd}", got and "not known" in got["machine"]["notes"], err)
        check("A: and no memory", got and got["machine"]["bytes"] < 65 * GB, got and got["machine"])
        refused(f"A: nothing but unknown types: {odd}", lines(e820(machine(64), word=odd)) +
                "virt/tdx: CMR: [0x100000, 0x80000000)\n", "no usable memory above 1 MB")


# ------------------------------------------------------------------------------------------------
# B: decoration

def journal(line, key="MESSAGE"):
    return json.dumps({"_HOSTNAME": "node9", key: line, "PRIORITY": "6"})


DECORATIONS = [
    lambda s: s,
    lambda s: "\033[32m" + s.replace("] ", "] \033[0m\033[33m", 1).replace(": ", ": \033[0m", 1),
    lambda s: f"\033[01;31m\033[K{s[:30]}\033[m\033[K{s[30:]}",
    lambda s: f"^[[32m{s}^[[0m",
    lambda s: f"\\x1b[33m{s}\\x1b[0m",
    lambda s: f"#033[1m{s}#033[0m",
    lambda s: f"> {s}",
    lambda s: f">> > {s}",
    lambda s: f"> \t{s}\t",
    lambda s: f"`{s}`",
    lambda s: f"{s}<br>",
    lambda s: f"<p><code>{s}</code></p>",
    lambda s: f"{s}<br />",
    lambda s: f'"{s}\\n"',
    lambda s: f'    "{s}\\n",',
    lambda s: f"'{s}',",
    lambda s: f"{s}\r",
    lambda s: f"&gt; {s}",
    lambda s: f"17:{s}",
    lambda s: f"dmesg.txt:17:{s}",
    lambda s: f"17-{s}",
    lambda s: f"| {s} |",
    lambda s: s.replace(" : System", "\t: System"),
    lambda s: f"**{s}**",
    lambda s: f"\u201c{s}\u201d",
    lambda s: f"\ufeff{s}\u00a0",
    lambda s: s.replace(" ", "\u00a0"),
    journal,
    lambda s: journal(s, "msg"),
    lambda s: journal(f"\033[33m{s}\033[0m"),
    lambda s: json.dumps({"PRIORITY": "6", "MESSAGE": list(f"\033[33m{s}\033[0m".encode())}),
    lambda s: f'\t"MESSAGE" : "{s}",',
    lambda s: f"kern  :info  : [Thu Nov 20 10:00:00 2025] {s}",
    lambda s: f"<6>{s}",
    lambda s: f"Nov 20 10:00:00 node9 kernel: {s}",
]


def kind_b():
    tdx = ["[    9.0] virt/tdx: BIOS enabled: private KeyID range [16, 48)",
           "[   30.0] virt/tdx: CMR: [0x100000, 0x7f800000)",
           "[   30.0] virt/tdx: CMR: [0x100000000, 0x1080000000)",
           f"[   31.0] virt/tdx: {static_kb(2, 62)} KB allocated for PAMT"]
    iomem = ["00001000-0009ffff : System RAM", "00100000-7f7fffff : System RAM",
             "100000000-107fffffff : System RAM"]
    node = ["[    0.0]   node   0: [mem 0x0000000000100000-0x000000007f7fffff]",
            "[    0.0]   node   1: [mem 0x0000000100000000-0x000000107fffffff]"]
    for i, decorate in enumerate(DECORATIONS):
        log = lines([decorate(line) for line in e820(machine(64)) + tdx])
        got = expect(f"B: e820, decoration {i}", log, 2, 62)
        if got:
            check(f"B: KeyIDs and CMRs, decoration {i}", got["machine"]["hkid_min"] == 16 and
                  not got["machine"]["cmrs_assumed"] and len(got["machine"]["cmrs"]) == 2 and
                  got["log_pamt_kb"] == static_kb(2, 62), got["machine"])
        expect(f"B: iomem, decoration {i}", lines([decorate(line) for line in iomem]), 2, 62)
        got = expect(f"B: nodes, decoration {i}", lines([decorate(line) for line in node]), 2, 62)
        check(f"B: two nodes, decoration {i}", got and got["machine"]["nodes"] == 2)
    # A whole log in one string, and one that a web page keeps in one line.
    whole = e820(machine(64)) + tdx
    expect("B: one string", json.dumps({"log": "\n".join(whole)}) + "\n", 2, 62)
    expect("B: one line", "<br>".join(whole) + "\n", 2, 62)
    expect("B: colours without a table", lines([DECORATIONS[2](line) for line in tdx]), 2, 62)


# ------------------------------------------------------------------------------------------------
# C: which table counts

def kind_c():
    for n in range(10):
        gb = 160 - 2 * n
        first, second = e820(machine(160)), e820(machine(gb - n), "user")
        expect(f"C: user {n}", lines(first, second), 2, gb - n - 2)
        expect(f"C: user alone {n}", lines(second), 2, gb - n - 2)
        expect(f"C: modified {n}", lines(first, e820(machine(gb - 3), "modified")), 2, gb - 5)
        expect(f"C: extended {n}", lines(first, e820(machine(gb - 3), "extended")), 2, gb - 5)
        expect(f"C: setup_data {n}", lines(first, e820(machine(gb - 3), "reserve setup_data")), 2, gb - 5)
        expect(f"C: the last one {n}", lines(first, e820(machine(150), "extended"), second,
                                             e820(machine(gb - 20), "modified")), 2, gb - 22)
        expect(f"C: 7.0's words {n}", lines(first, e820(machine(gb), "user", "System RAM",
                                                        "device reserved")), 2, gb - 2)
    # Linux leaves 79 GB out above 82 GB: three TDMRs.
    user = machine(160)[:4] + [(4 * GB, 82 * GB, True), (82 * GB, 161 * GB, False),
                               (161 * GB, 162 * GB, True)]
    expect("C: a hole", lines(e820(machine(160)), e820(user, "user")), 2, 78, 1)
    expect("C: mem=", lines(e820(machine(160)), e820(machine(160)[:4] + [(4 * GB, 16 * GB, True)],
                                                     "user")), 2, 12)
    got, _ = plan(lines(["[    0.0] Command line: ro mem=16G quiet"], e820(machine(160))))
    check("C: mem= without its table is noted", "command line" in got["machine"]["notes"])


# ------------------------------------------------------------------------------------------------
# D: usable is not convertible

def kind_d():
    for n in range(1, 11):
        outside = n * 16 * GB
        top = 66 * GB
        log = lines(e820(machine(64)), e820([(128 * GB, 128 * GB + outside, True)]),
                    ["[   9.0] virt/tdx: CMR: [0x100000, 0x80000000)",
                     f"[   9.0] virt/tdx: CMR: [0x100000000, 0x{top:x})"])
        got = expect(f"D: outside {n}", log, 2, 62)
        check(f"D: said {n}", got["outside_cmr_bytes"] == outside == got["machine"]["outside_cmr_bytes"],
              got["machine"])
        rows, _ = plan(log, "--td", "48G")
        check(f"D: fits {n}", rows["machines"][0]["enough_memory"], rows)
        rows, _ = plan(log, "--td", "100G", code=1)
        check(f"D: does not fit {n}", not rows["machines"][0]["enough_memory"] and
              rows["machines"][0]["outside_cmr_bytes"] == outside, rows)
        out, _ = pamt(["plan", "-q", "-"], log)
        check(f"D: in words {n}", "outside the CMRs" in out, out)
        refused(f"D: Linux's way {n}", log, "outside the CMRs", "--holes=linux", code=1)
    out, err = pamt(["run", "--json", "--machine", "-", "--tds", "1", "--vcpus", "1", "--memory", "64M",
                     "--flips", "0"], log)
    check("D: run says the same", out and json.loads(out)["outside_cmr_bytes"] == outside, err)
    out, _ = pamt(["run", "--machine", "-", "--tds", "1", "--vcpus", "1", "--memory", "64M",
                   "--flips", "0"], log)
    check("D: run says it in words", "outside the CMRs" in out, out)
    refused("D: nothing inside", lines(e820(machine(64)), [
        "virt/tdx: CMR: [0x20000000000, 0x30000000000)"]), "inside the CMRs")


# ------------------------------------------------------------------------------------------------
# E: --holes=linux

def kind_e():
    for n in range(60, 70):
        ranges = [(i * 8 * GB, i * 8 * GB + 6 * GB, True) for i in range(1, n + 1)]
        log = lines(e820(ranges))
        if n <= 64:
            expect(f"E: {n} ranges", log, *[6] * n, args=["--holes=linux"])
        else:
            refused(f"E: {n} ranges", log, "TDMRs exhausted", "--holes=linux", code=1)
            got, _ = plan(log)
            check(f"E: {n} ranges are joined by us", len(got["tdmrs"]) == 64)
    for n in range(12, 22):
        # n holes in the first GB: one before the first range, and one after the last.
        step = (GB - 32 * MB) // (n - 1) & ~0xfff
        low = [(16 * MB + i * step, 16 * MB + (i + 1) * step - 64 * 1024, True) for i in range(n - 1)]
        log = lines(e820(low), e820([(4 * GB, 64 * GB, True)]),
                    ["virt/tdx: CMR: [0x100000, 0x80000000)", "virt/tdx: CMR: [0x100000000, 0x1000000000)"])
        if n <= 16:
            expect(f"E: {n} holes", log, 1, 60, args=["--holes=linux"])
        else:
            refused(f"E: {n} holes", log, "TDMR [0x0, 0x40000000): reserved areas exhausted",
                    "--holes=linux", code=1)
            expect(f"E: {n} holes, our way", log, 1, 60)
            refused(f"E: {n} holes, in a journal", "".join(journal(line) + "\n" for line in log.splitlines()),
                    "reserved areas exhausted", "--holes=linux", code=1)


# ------------------------------------------------------------------------------------------------
# J: excerpts

def kind_j():
    for gb, tdmrs in [(256, 5), (2, 1), (64, 2), (128, 3), (192, 4), (255, 6), (100, 2), (16, 1),
                      (200, 8), (31, 2)]:
        kb = 4104 * gb + 4 * tdmrs
        log = lines([f"[    1.8] virt/tdx: BIOS enabled: private KeyID range [{16 + tdmrs}, 64)",
                     f"[   24.1] virt/tdx: {kb} KB allocated for PAMT",
                     "[   24.1] virt/tdx: module initialized"])
        _, err = plan(log, code=2)
        for says in ["no memory map", f"{kb} KB of PAMT", f"{gb} GB in {tdmrs} TDMRs",
                     f"{40 * gb + 4 * tdmrs} KB", "/proc/iomem", f"KeyIDs {16 + tdmrs} to 63"]:
            check(f"J: {gb} GB in {tdmrs}: {says}", says in err, err)
    refused("J: KeyIDs alone", "virt/tdx: BIOS enabled: private KeyID range [32, 64)\n", "no memory map")
    refused("J: dynamic", "virt/tdx: Enable Dynamic PAMT\nvirt/tdx: 10092 KB allocated for PAMT\n",
            "dynamic PAMT")


def kind_j_cut():
    """Logs that begin or end in the middle: what is lost with that is said."""
    whole = e820(machine(64), stamp="")
    for cut in range(4, len(whole[-1]) - len("usable")):
        got, err = plan("".join(f"{line}\n" for line in whole[:-1]) + whole[-1][:cut], code=None)
        check(f"J: the last line ends after {cut}", (got and "ends without a newline" in got["machine"]["notes"]) or
              "bad memory map line" in err or (got and "not known" in got["machine"]["notes"]), (got and got["machine"], err))
        got, err = plan(whole[-1][cut:] + "\n" + "".join(f"{line}\n" for line in whole[2:-1]), code=None)
        check(f"J: the first line begins after {cut}", not got or "the first line is the rest of one" in
              got["machine"]["notes"] or "[mem 0x" in whole[-1][cut:], (whole[-1][cut:], got and got["machine"]))
    for first in range(3, 5):
        got, _ = plan(lines(whole[first:]))
        check(f"J: {first} lines are missing", "first lines may be missing" in got["machine"]["notes"],
              got["machine"]["notes"])
    for log in ["00100000-7fffffff : System RAM\n100000000-107fffffff : System R",
                "00100000-7fffffff : System RAM\n100000000-107ff"]:
        got, _ = plan(log)
        check("J: iomem that is cut", "ends without a newline" in got["machine"]["notes"], got["machine"]["notes"])
    for log in [lines(whole), lines(whole)[:-1], "".join(f"{line}\n" for line in whole) + "[ 0.1] NX protection: active\n"]:
        got, _ = plan(log)
        check("J: a whole one", "missing" not in got["machine"]["notes"] and "newline" not in got["machine"]["notes"] and
              "the rest of" not in got["machine"]["notes"], got["machine"]["notes"])


# ------------------------------------------------------------------------------------------------
# K: other sources, sizes, CPUs

def lsmem(gb, block=2):
    head = "RANGE                                  SIZE  STATE REMOVABLE   BLOCK\n"
    rows = [(0, 2, 0), (4, gb + 2, 4 // block)]
    return head + "".join(
        f"0x{a * GB:016x}-0x{b * GB - 1:016x} {b - a:4}G online       yes {n}-{n + (b - a) // block}\n"
        for a, b, n in rows) + f"\nMemory block size:         {block}G\nTotal online memory:     {gb}G\n"


def kind_k_sources():
    for n in range(10):
        gb = 32 + 16 * n
        expect(f"K: lsmem {gb}", lsmem(gb), 2, gb - 2)
        expect(f"K: lsmem -J {gb}", json.dumps({"memory": [
            {"range": f"0x{a:016x}-0x{b:016x}", "size": "2G", "state": state, "removable": True}
            for a, b, state in [(0, 2 * GB - 1, "online"), (4 * GB, (gb + 2) * GB - 1, "online"),
                                ((gb + 2) * GB, (gb + 4) * GB - 1, "offline")]]}, indent=3) + "\n", 2, gb - 2)
        expect(f"K: lsmem -P {gb}", f'RANGE="0x0000000000000000-0x000000007fffffff" SIZE="2G" STATE="online"\n'
               f'RANGE="0x0000000100000000-0x{(gb + 2) * GB - 1:016x}" SIZE="1G" STATE="online"\n'
               f'RANGE="0x{(gb + 2) * GB:016x}-0x{(gb + 4) * GB - 1:016x}" SIZE="2G" STATE="offline"\n', 2, gb - 2)
        for head, row in [(" NODE", "{0}"), (" NODE ZONES", "{0} Normal"), ("   NODE   ZONES", "   {0}   Normal/Movable  ")]:
            got = expect(f"K: lsmem's nodes {gb}{head}", f"RANGE SIZE STATE REMOVABLE BLOCK{head}\n" + "".join(
                f"0x{a * GB:016x}-0x{b * GB - 1:016x} {b - a}G {state} 1-2 {row.format(node)}\n" for a, b, state, node in
                [(0, 2, "online yes", 0), (4, gb, "online no", 0), (gb, gb + 2, "online", 1), (gb + 2, gb + 9, "offline", 2)]),
                2, gb - 4, 2)
            check(f"K: lsmem's nodes {gb}: two", got and got["machine"]["nodes"] == 2, got and got["machine"])
        expect(f"K: Xen's EFI map {gb}", "(XEN) EFI memory map:\n" + "".join(
            f"(XEN)  {a:013x}-{b - 1:013x} type={t} attr=000000000000000f\n" for a, b, t in
            [(0, 0x9f000, 7), (MB, GB, 4), (GB, 2 * GB, 7), (2 * GB, 3 * GB, 0), (4 * GB, (gb + 2) * GB, 7),
             ((gb + 2) * GB, (gb + 9) * GB, 11)]), 2, gb - 2)
        got = expect(f"K: numactl {gb}", "available: 2 nodes (0-1)\n" + "".join(
            f"node {i} cpus: {' '.join(str(c) for c in range(i, 96, 2))}\nnode {i} size: {gb * 512} MB\n"
            f"node {i} free: 1000 MB\n" for i in range(2)) + "node distances:\n", 2, gb // 2 - 2, gb // 2)
        check("K: numactl's nodes and CPUs", got and got["machine"]["nodes"] == 2 and
              got["machine"]["cpus"] == 96, got and got["machine"])
        expect(f"K: meminfo {gb}", f"MemTotal:       {gb << 20} kB\nMemFree:        1000 kB\n", 2, gb - 2)
        got = expect(f"K: node meminfo {gb}", f"Node 0 MemTotal:       {gb << 20} kB\n"
                     f"Node 1 MemTotal:       {gb << 20} kB\n", 2, gb - 2, gb)
        files = {0: ("0x0", "0x9efff", "System RAM"), 1: ("0x9f000", "0xfffff", "Reserved"),
                 2: ("0x100000", "0x7fffffff", "System RAM"),
                 3: ("0x100000000", f"0x{(gb + 2) * GB - 1:x}", "System RAM")}
        names = ["start", "end", "type"]
        by_entry = [f"/sys/firmware/memmap/{i}/{names[k]}:{f[k]}" for i, f in files.items() for k in range(3)]
        expect(f"K: memmap {gb}", lines(by_entry), 2, gb - 2)
        expect(f"K: memmap by word {gb}", lines(sorted(by_entry, key=lambda s: s.split("/")[-1])), 2, gb - 2)
        expect(f"K: memmap inside {gb}", lines([s[len("/sys/firmware/memmap/"):] for s in by_entry]), 2, gb - 2)
        expect(f"K: memmap side by side {gb}", lines(["\t".join(f) for f in files.values()]), 2, gb - 2)
        efi = [("Conventional Memory", 0x1000, 0x9f000), ("Boot Data", MB, GB),
               ("Loader Code", GB, GB + MB), ("Boot Code", GB + MB, 2 * GB - MB),
               ("Runtime Data", 2 * GB - MB, 2 * GB), ("Conventional Memory", 4 * GB, (gb + 2) * GB),
               ("Memory Mapped I/O", 1 << 44, (1 << 44) + MB)]
        if n % 2:
            efi = [(t.replace("Conventional Memory", "Conventional"), a, b) for t, a, b in efi]
        expect(f"K: efi {gb}", lines([
            f"[    0.0] efi: mem{i:02}: [{t:19}|   |  |  |  |  |  |  |   |WB|WT|WC|UC] "
            f"range=[0x{a:016x}-0x{b - 1:016x}] ({(b - a) >> 20}MB)" for i, (t, a, b) in enumerate(efi)]), 2, gb - 2)
        xen = [("usable", 0, 0x9e000), ("reserved", 0x9e000, MB), ("usable", MB, 2 * GB - MB),
               ("ACPI data", 2 * GB - MB, 2 * GB), ("usable", 4 * GB, (gb + 2) * GB)]
        expect(f"K: Xen {gb}", lines(["(XEN) Xen-e820 RAM map:"], [
            f"(XEN)  [{a:016x}, {b - 1:016x}] ({t})" for t, a, b in xen]), 2, gb - 2)
        expect(f"K: Xen before 4.15 {gb}", lines([
            f"(XEN) [000000{n}1c3b7f34]  {a:016x} - {b:016x} ({t})" for t, a, b in xen]), 2, gb - 2)
        expect(f"K: Xen's dom0 {gb}", lines(e820(machine(gb), "Xen")), 2, gb - 2)
    old = [(7, 4 * GB, 8 * GB), (3, 8 * GB, 9 * GB), (5, 9 * GB, 10 * GB), (11, 10 * GB, 12 * GB)]
    got, err = plan(lines([f"efi: mem{i:02}: type={t}, attr=0xf, range=[0x{a:016x}-0x{b:016x}) (1MB)"
                           for i, (t, a, b) in enumerate(old)]))
    check("K: an EFI map of old", got and got["machine"]["bytes"] == 5 * GB, err or got)
    got, err = plan(lines([f"efi: mem00: [Conventional|WB] range=[0x{4 * GB:x}-0x{8 * GB - 1:x}] (1MB)",
                           f"efi: mem01: [Conventional|SP|WB] range=[0x{8 * GB:x}-0x{16 * GB - 1:x}] (1MB)"]))
    check("K: special purpose memory is none", got and got["machine"]["bytes"] == 4 * GB, err)


def kind_k_sizes():
    for word, gb in [("768G", 768), ("768GB", 768), ("768GiB", 768), ("768Gi", 768), ("1.5T", 1536),
                     ("1T", 1024), ("builtin:1t", 1024), ("builtin:768G", 768), ("96g", 96),
                     ("131072M", 128), ("16T", 16384), ("builtin:4.5TB", 4608)]:
        out, err = pamt(["plan", "--json", "-q", word])
        got = json.loads(out) if out else None
        check(f"K: {word}", got and got["static"]["pamt_kb"] == static_kb(2, gb - 2) and
              got["dynamic"]["pamt_kb"] == dynamic_kb(2, gb - 2), err or got)
    for word, mb in [("63M", 64), ("64MiB", 64), ("0.0625G", 64), ("65M", 66)]:
        out, err = pamt(["run", "--json", "--machine", "4G", "--tds", "1", "--vcpus", "1", "--memory", word,
                         "--flips", "0"])
        check(f"K: run --memory {word}", out and json.loads(out)["td_bytes"] == mb * MB, err)
    out, _ = pamt(["plan", "--json", "-q", "--nodes", "2", "1T"])
    check("K: nodes of a size", json.loads(out)["machine"]["nodes"] == 2)


def kind_k_cpus():
    table = lines(e820(machine(64)))
    for n in range(1, 11):
        cpus, packages = 56 * n, 1 + n % 4
        for said in [f"[    0.1] smpboot: Allowing {cpus} CPUs, 0 hotplug CPUs\n"
                     f"[    0.1] smpboot: Max logical packages: {packages}\n"
                     f"[    3.0] smp: Brought up {packages} nodes, {cpus} CPUs\n",
                     f"[    0.1] CPU topo: Max. logical packages:   {packages}\n"
                     f"[    0.1] CPU topo: Max. logical dies:       9\n"
                     f"[    0.1] CPU topo: Num. cores per package:    28\n"
                     f"[    0.1] CPU topo: Allowing {cpus} present CPUs plus 0 hotplug CPUs\n"
                     f"[    3.0] smp: Brought up {packages} nodes, {cpus} CPUs\n",
                     f"CPU(s):                  {cpus}\n  On-line CPU(s) list:   0-{cpus - 1}\n"
                     f"    Socket(s):           {packages}\nNUMA:\n  NUMA node(s):          {packages}\n"
                     f"  NUMA node0 CPU(s):     0\n"]:
            got, err = plan(table + said)
            check(f"K: {cpus} CPUs", got and (got["machine"]["cpus"], got["machine"]["packages"],
                                              got["machine"]["nodes"]) == (cpus, packages, packages),
                  err or (got["machine"], said))
            check("K: not assumed", "CPU" not in got["machine"]["notes"], got["machine"]["notes"])


# ------------------------------------------------------------------------------------------------
# F to I: what explain says

def explain(log):
    """The findings of each line, by the line's number."""
    out, err = pamt(["explain", "--json"], log)
    items = json.loads(out)["items"] if out else []
    return {item["line"]: item["findings"] for item in items}, err


def meanings(findings):
    return {f.get("name"): f.get("meaning") for f in findings if f["kind"] == "register"}


def kind_f():
    walk = ["TDH.MEM.PAGE.DEMOTE", "TDH.MEM.PAGE.AUG", "TDH.MEM.PAGE.REMOVE", "TDH.MEM.PAGE.PROMOTE",
            "TDH.MEM.SEPT.ADD", "TDH.MEM.SEPT.REMOVE", "TDH.MEM.RANGE.BLOCK", "TDH.MEM.RANGE.UNBLOCK",
            "TDH.MEM.PAGE.RELOCATE", "TDH.MEM.SEPT.RD"]
    walked = ["0xc0000b0800000001", "0xc0000b0000000001", "0xc0000b0600000001", "0xc0000b0d00000001"]
    for leaf in walk:
        for status in walked:
            seen, _ = explain(f"SEAMCALL {leaf} failed: {status} RCX 0x0000000123400007 RDX 0x0000000000000401\n")
            got = meanings(seen[1])
            check(f"F: {leaf} {status}", got["RCX"] == "S-EPT entry: RWX 0x123400000" and
                  got["RDX"] == "where the walk ended: level 2M, state MAPPED", got)
        for status in ["0x8000020000000001", "0xc000010000000001", "0xc000060800000002", "0x8000081000000000",
                       "0xc000030000000008"]:
            seen, _ = explain(f"SEAMCALL {leaf} failed: {status} RCX 0x0 RDX 0x0\n")
            check(f"F: {leaf} {status} cleared", set(meanings(seen[1]).values()) == {"cleared, says nothing"}, seen)
            seen, _ = explain(f"SEAMCALL {leaf} failed: {status} RCX 0x1234001 RDX 0x5678000\n")
            check(f"F: {leaf} {status} no inputs", set(meanings(seen[1]).values()) == {None}, seen)
    for n in range(10):
        for leaf, status in [(33, "0xc000090000000000"), (33, "0xc000090200000000"), (35, "0xc000090200000000")]:
            seen, _ = explain(f"virt/tdx: SEAMCALL (0x{leaf:016x}) failed: {status}\n"
                              f"virt/tdx: RCX 0x{n << 32 | 0x14 + n:016x} RDX 0x{n:016x} R08 0x{n << 32:016x}\n")
            got = meanings(seen[2])
            check(f"F: CPUID at leaf {leaf}", got["RCX"].endswith(f"leaf 0x{0x14 + n:x}, subleaf 0x{n:x}") and
                  got["RDX"].endswith(f"EAX 0x{n:x}, EBX 0x0") and got["R8"].endswith(f"ECX 0x0, EDX 0x{n:x}"), got)
        seen, _ = explain(f"SEAMCALL TDH_MNG_INIT failed: 0xc000010000000045, rcx 0xffffffff{0x80000000 + n:08x}\n")
        check("F: CPUID of TD_PARAMS", meanings(seen[1])["RCX"].endswith(f"leaf 0x{0x80000000 + n:x}"), seen)
        seen, _ = explain("SEAMCALL (0x000000000000001c) failed: 0xc000030000000001 RCX 0x0 RDX 0x0 R8 0x0\n" * (n + 1))
        check("F: RECLAIM", all(set(meanings(f).values()) == {"cleared, says nothing"} for f in seen.values()) and
              "reclaimed before" in seen[n + 1][1]["meaning"], seen)


def kind_g():
    states = [(0x400, "level 4K, state MAPPED"), (0x401, "level 2M, state MAPPED"), (0x2, "level 1G, state FREE"),
              (0x8402, "level 1G, state NL_MAPPED"), (0x0, "level 4K, state FREE")]
    for n, (value, words) in enumerate(states * 2):
        for form in ["entry 0x{0:x}, level_state 0x{1:x}", "entry: 0x{0:x} level_state: 0x{1:x}",
                     "entry=0x{0:016x}, level_state=0x{1:016x}", "rcx 0x{0:x}, rdx, 0x{1:x}",
                     "ext_err1 0x{0:x}, ext_err2 0x{1:x}", "RCX 0x{0:016x} RDX 0x{1:016x}"]:
            line = "kvm_intel: SEAMCALL TDH_MEM_PAGE_AUG failed: 0xc0000b0d00000001, " + form.format(0x7007 + (n << 12), value)
            seen, _ = explain(DECORATIONS[n * 3](f"[ 4711.1] {line}") + "\n")
            got = meanings(seen.get(1, []))
            check(f"G: {form}", got.get("RCX") == f"S-EPT entry: RWX 0x{0x7000 + (n << 12):x}" and
                  got.get("RDX") == f"where the walk ended: {words}", (line, got))


def kind_h():
    lines_of = [("virt/tdx: module not loaded", "P-SEAMLDR"),
                ("virt/tdx: initialization failed: too few private KeyIDs available.", "KeyID"),
                ("virt/tdx: initialization failed: Hibernation support is enabled", "nohibernate"),
                ("virt/tdx: initialization failed: TDMR [0x40000000, 0x80000000): reserved areas exhausted.",
                 "--holes=linux"),
                ("virt/tdx: initialization failed: TDMRs exhausted.", "64 TDMRs"),
                ("virt/tdx: TDX-Module initialization failed (-28)", "ENOSPC"),
                ("virt/tdx: module initialization failed (-12)", "ENOMEM"),
                ("virt/tdx: module initialization failed (-19)", "ENODEV"),
                ("virt/tdx: TDX-Module initialization failed (-95)", "error -95"),
                ("virt/tdx: Reject hot-adding memory range: 0x8080000000-0xa07fffffff for TDX compatibility.", "CXL"),
                ("kvm_intel: tdh_mng_vpflushdone() failed. HKID 40 is leaked.", "KeyID 40 is lost until reboot"),
                ("kvm_intel: tdh_mng_key_freeid() failed. HKID 33 is leaked.", "KeyID 33 is lost until reboot"),
                ("virt/tdx: frame pointer (RBP) clobber bug present, upgrade TDX module", "NO_RBP_MOD"),
                ("kvm_intel: TDX not supported by the host platform", "KeyIDs"),
                ("qemu-system-x86_64: vm-type tdx not supported by KVM", "tdx=1"),
                ("qemu-system-x86_64: KVM_TDX_INIT_VM failed: No space left on device", "KeyID"),
                ("qemu-system-x86_64: KVM_TDX_INIT_MEM_REGION failed: Bad address", "guest_memfd")]
    for i, (line, says) in enumerate(lines_of):
        for j in range(0, len(DECORATIONS), 3):
            seen, err = explain(DECORATIONS[j](f"[    {i}.0] {line}") + "\n")
            text = json.dumps(seen.get(1, []))
            check(f"H: {line}, decoration {j}", says in text, (text, err))


def kind_i():
    codes = {0x0: "EBADPARAM", 0x3: "EBADCALL", 0x4: "EBADHANDOFF", 0x10002: "ENOMEM", 0x10003: "EUNSPECERR",
             0x10004: "EUNSUPCPU", 0x20000: "EBADSIG", 0x20001: "EBADHASH", 0x30000: "EINTERRUPT",
             0x30001: "ENOENTROPY"}
    leaves = ["SEAMLDR.INFO", "SEAMLDR.INSTALL", "SEAMLDR.SHUTDOWN", "SEAMLDR.SEAMINFO"]
    for code, name in codes.items():
        for n, leaf in enumerate(leaves):
            seen, _ = explain(f"virt/tdx: SEAMCALL (0x{1 << 63 | n:016x}) failed: 0x{1 << 63 | code:016x}\n")
            check(f"I: {leaf} {name}", [f["name"] for f in seen[1]] == [leaf, name] and seen[1][0]["loader"] and
                  seen[1][1]["loader"], seen)
    for number, name in [(69, "TDH.SYS.DISABLE"), (60, "TDH.EXT.INIT"), (61, "TDH.EXT.MEM.ADD")]:
        for form in [f"SEAMCALL (0x{number:016x})", f"SEAMCALL ({number})", name, name.replace(".", "_"),
                     f"SEAMCALL {name.replace('.', '_')}"]:
            seen, _ = explain(f"virt/tdx: {form} failed: 0x8000020200000000\n")
            check(f"I: {form}", [f["name"] for f in seen[1]] == [name, "TDX_SYS_BUSY"], seen)


for kind in [kind_f, kind_g, kind_h, kind_i, kind_a, kind_b, kind_c, kind_d, kind_e, kind_j, kind_j_cut, kind_k_sources, kind_k_sizes, kind_k_cpus]:
    kind()
print(f"{checks} checks, {failures} failed")
sys.exit(1 if failures or not checks else 0)
