#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""diagnose.py PAMT: the right first cause for whole logs and excerpts, as each kernel words them."""
import json
import subprocess
import sys
import time

PAMT = sys.argv[1]
GB = 1 << 30
checks = failures = 0


def check(what, good, seen=""):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print(f"FAILED {what}: {seen}")


def pamt(text, *args):
    return subprocess.run([PAMT, "diagnose", *args], input=text.encode(), capture_output=True, check=False)


def diagnose(text):
    run = pamt(text, "--json", "-")
    return json.loads(run.stdout) if run.stdout else None, run


BOOT = ["[    0.000000] Linux version {} (build@host) #1 SMP PREEMPT_DYNAMIC",
        "[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz ro kvm_intel.tdx=1"]
MAP = [f"[    0.000000] BIOS-e820: [mem 0x{a:016x}-0x{b - 1:016x}] usable"
       for a, b in [(0, 0x9f000), (1 << 20, 2 * GB), (4 * GB, 258 * GB)]]
MAP7 = [line.replace("usable", " System RAM") for line in MAP]
# Seventeen pieces in the first GB, eighteen holes.
PIECES = [f"[    0.000000] BIOS-e820: [mem 0x{(i << 25) + (1 << 24):016x}-0x{(i << 25) + (3 << 23) - 1:016x}] usable"
          for i in range(17)] + MAP[2:]
KEYS = ["[    1.800000] virt/tdx: BIOS enabled: private KeyID range [32, 64)",
        "[    1.800001] virt/tdx: Disable ACPI S3. Turn off TDX in the BIOS to use ACPI S3."]
STATIC = f"{4104 * 256 + 8} KB allocated for PAMT"
UP = [f"[   24.1] virt/tdx: {STATIC}", "[   24.2] virt/tdx: module initialized"]
UP7 = [f"[   24.1] virt/tdx: {STATIC}", "[   24.2] virt/tdx: TDX-Module initialized"]
NOISE = [f"[    {i}.5] pci 0000:{i:02x}:00.0: BAR 0 [mem 0x{i:08x}000-0x{i:08x}fff]" for i in range(10, 40)]


def boot(version):
    return [line.format(version) for line in BOOT]


def v(text):
    return f"[   30.0] virt/tdx: {text}"


QEMU = "qemu-system-x86_64: "
KVM = "[  100.0] kvm_intel: "
FAILED = v("module initialization failed ({})")

# Name, lines, stage of the first cause, a word of it, a word of the line that says so (None: none does).
LOGS = [
    ("6.8, too few KeyIDs", boot("6.8.0") + MAP + [v("initialization failed: too few private KeyIDs available.")],
     "BIOS and KeyIDs", "KeyID", "too few"),
    ("6.11, hibernation", boot("6.11.0") + MAP + KEYS + [v("initialization failed: Hibernation support is enabled")],
     "BIOS and KeyIDs", "hibernation", "Hibernation"),
    ("6.8, no module", boot("6.8.1") + MAP + KEYS + [v("module not loaded")], "P-SEAMLDR", "no TDX module", "not loaded"),
    ("6.13, RBP", boot("6.13.0") + MAP + KEYS + [v("frame pointer (RBP) clobber bug present, upgrade TDX module")],
     "module", "RBP", "clobber"),
    ("6.16, TDMRs", boot("6.16.0") + MAP + KEYS + [v("initialization failed: TDMRs exhausted.")],
     "TDMRs and reserved areas", "64 TDMRs", "TDMRs exhausted"),
    ("6.17, no memory for PAMT", boot("6.17.0") + MAP + KEYS + [FAILED.format(-12)], "PAMT", "ENOMEM", "-12"),
    ("7.0, a SEAMCALL", boot("7.0.0") + MAP7 + KEYS +
     [v("SEAMCALL (0x0000000000000021) failed: 0xc000091000000000"), FAILED.format(-5)],
     "module", "TDH.SYS.INIT failed with SMRR_NOT_LOCKED", "0xc000091000000000"),
    ("7.3, SYS.CONFIG", boot("7.3.0") + MAP7 + KEYS +
     [v("SEAMCALL (0x000000000000002d) failed: 0xc0000a0200000001"), v("TDX-Module initialization failed (-5)")],
     "TDMRs and reserved areas", "TDMR_OUTSIDE_CMRS", "0xc0000a02"),
    ("7.0, update", boot("7.0.0") + MAP7 + KEYS + UP7 +
     [v("SEAMCALL (0x8000000000000001) failed: 0x8000000000020001")], "P-SEAMLDR", "EBADHASH", "0x8000000000020001"),
    ("6.16, mmio caching", boot("6.16.0") + MAP + KEYS +
     [KVM + "TDX requires mmio caching. Please enable mmio caching for TDX."], "KVM", "mmio_caching", "mmio caching"),
    ("6.19, vCPUs", boot("6.19.0") + MAP + KEYS + UP +
     [KVM + "Disable TDX: MAX_VCPU_PER_TD (64) smaller than number of logical CPUs (224)."], "KVM", "64 vCPUs", "224"),
    ("7.1, leaked KeyID", boot("7.1.0") + MAP7 + KEYS + UP7 + [KVM + "tdh_mng_vpflushdone() failed. HKID 40 is leaked."],
     "TDs", "KeyID 40", "HKID 40"),
    ("7.2, hot-add", boot("7.2.0") + MAP7 + KEYS + UP7 +
     [v("Reject hot-adding memory range: 0x8080000000-0xa07fffffff for TDX compatibility.")],
     "memory map and CMRs", "0x8080000000", "hot-adding"),
    ("QEMU alone", [QEMU + "vm-type tdx not supported by KVM"], "KVM", "tdx=1", "vm-type"),
    ("whole log without TDX", boot("6.12.0") + MAP + NOISE, "BIOS and KeyIDs", "no line says", None),
    # Two faults at once: the earlier stage is the cause, whatever the order of the lines.
    ("no space, then -28", boot("6.11.0") + PIECES + KEYS +
     [v("initialization failed: TDMR [0x0, 0x40000000): reserved areas exhausted."), FAILED.format(-28)],
     "TDMRs and reserved areas", "[0x0, 0x40000000)", "reserved areas exhausted"),
    ("QEMU and hibernation", [QEMU + "vm-type tdx not supported by KVM"] + KEYS +
     [v("initialization failed: Hibernation support is enabled")], "BIOS and KeyIDs", "hibernation", "Hibernation"),
    ("module and KVM", KEYS + [v("module not loaded"), KVM + "TDX not supported by the host platform"],
     "P-SEAMLDR", "no TDX module", "not loaded"),
    ("TDMRs, and memory hot-added", KEYS + [v("initialization failed: TDMRs exhausted."),
     v("Reject hot-adding memory range: 0x8080000000-0xa07fffffff for TDX compatibility.")],
     "TDMRs and reserved areas", "64 TDMRs", "TDMRs exhausted"),
    ("KeyIDs gone, one leaked", UP + [KVM + "tdh_mng_key_freeid() failed. HKID 41 is leaked.",
     QEMU + "KVM_TDX_INIT_VM failed: No space left on device"], "TDs", "KeyID", "No space"),
    ("a SEAMCALL behind QEMU's error", [QEMU + "KVM_TDX_INIT_VM failed: Invalid argument",
     KVM + "SEAMCALL TDH_MNG_INIT failed: 0xc000010000000045, rcx 0x7"],
     "TDs", "TDH.MNG.INIT", "0xc000010000000045"),
    ("memory region and pages", [KVM + "SEAMCALL TDH_MEM_PAGE_ADD failed: 0xc000030000000008, rcx 0x0, rdx 0x0",
     QEMU + "KVM_TDX_INIT_MEM_REGION failed: Input/output error"], "TDs", "PAGE_METADATA_INCORRECT", "PAGE_ADD"),
    ("RBP and vCPUs", boot("6.16.0") + KEYS + [v("frame pointer (RBP) clobber bug present, upgrade TDX module"),
     FAILED.format(-22), KVM + "TDX not supported by the host platform"], "module", "RBP", "clobber"),
    ("TME and libvirt", ["[    0.1] x86/tme: not enabled by BIOS",
     "error: unsupported configuration: INTEL TDX launch security is not supported with this QEMU binary"],
     "BIOS and KeyIDs", "TME", "x86/tme"),
    ("dynamic PAMT, and a TD", KEYS + [v("Enable Dynamic PAMT")] + UP7 +
     [v("SEAMCALL (0x000000000000003a) failed: 0xc000030300000002"),
      KVM + "SEAMCALL TDH_MEM_PAGE_AUG failed: 0x8000030800000008, entry 0x0, level_state 0x0"],
     "Dynamic PAMT", "PAMT.ADD failed with PAGE_NOT_FREE", "0x000000000000003a"),
    # What follows from the whole.
    ("holes, and no word about them", boot("7.3.0") + PIECES + KEYS, "TDMRs and reserved areas", "reserved areas exhausted", None),
    ("nothing brought it up", boot("6.17.0") + MAP + KEYS + NOISE, "KVM", "tdx=1", None),
    ("a result alone", KEYS + [v("TDX-Module initialization failed (-28)")], "TDMRs and reserved areas", "ENOSPC", "-28"),
    ("one KeyID", boot("6.8.0") + MAP + ["virt/tdx: BIOS enabled: private KeyID range [63, 64)"], "BIOS and KeyIDs",
     "none for TDs", None),
]

CLEAN = [
    ("6.8", boot("6.8.0") + MAP + KEYS + NOISE + UP),
    ("7.3", boot("7.3.0") + MAP7 + KEYS + NOISE + UP7),
    ("dynamic", boot("7.4.0") + MAP7 + KEYS + [v("Enable Dynamic PAMT"), v(f"{40 * 256 + 8} KB allocated for PAMT"),
                                              v("TDX-Module initialized")]),
    ("excerpt", KEYS + UP),
    ("came up after all", boot("6.16.0") + MAP + KEYS + [FAILED.format(-12)] + UP),
    ("a boot before failed", boot("6.16.0") + [v("module not loaded")] + boot("6.17.0") + MAP + KEYS + UP),
]


def decorated(lines, i):
    if i % 4 == 1:
        lines = [f"> {line}" for line in lines]
    elif i % 4 == 2:
        lines = [json.dumps({"MESSAGE": line}) for line in lines]
    elif i % 4 == 3:
        lines = ["\033[32m" + line.replace("] ", "] \033[0m", 1) for line in lines]
    return "".join(f"{line}\n" for line in lines)


for n, (name, lines, stage, cause, line) in enumerate(LOGS):
    for i in range(4):
        got, run = diagnose(decorated(lines, i))
        first = got and got["first"]
        check(f"{name}: exit", run.returncode == 1, (run.returncode, run.stderr))
        check(f"{name}: stage", first and first["stage"] == stage, first)
        check(f"{name}: cause", first and cause in first["cause"] + first["advice"], first)
        check(f"{name}: advice", first and first["advice"], first)
        if not first:
            continue
        if line is None:
            check(f"{name}: no line says so", first["line"] is None and first["sure"] == "likely", first)
        else:
            number = next(i for i, text in enumerate(lines, 1) if line in text)
            check(f"{name}: line", first["line"] == number and line in first["source"], (number, first))
            check(f"{name}: sure", first["sure"] == ("result" if name == "a result alone" else "certain"), first)
    run = pamt(decorated(lines, 0))
    check(f"{name}: in words", run.stdout.decode().startswith(f"first wrong: {stage} ("), run.stdout)

for name, lines in CLEAN:
    for i in range(4):
        got, run = diagnose(decorated(lines, i))
        check(f"clean {name}", got and got["first"] is None and run.returncode == 0 and not got["others"],
              (got and got["first"], run.stderr))
    check(f"clean {name}: in words", pamt(decorated(lines, 0)).stdout.startswith(b"nothing wrong"))

got, _ = diagnose(decorated(CLEAN[2][1], 0))
states = {s["stage"]: s for s in got["stages"]}
check("the stages", states["Dynamic PAMT"]["state"] == "good" and "exactly the dynamic plan" in states["PAMT"]["words"], states)
got, _ = diagnose(decorated(CLEAN[3][1], 0))
missing = {m["stage"]: m["source"] for m in got["missing"]}
check("what is not in an excerpt", "lsmem" in missing.get("memory map and CMRs", "") and "TDs" in missing, missing)

# What stands in no table is never passed over: shown as not understood, behind whatever is known.
ODD = [v("something odd failed (-7)"), v("unable to map the frobnicator"), v("Cannot enable TDX: no such thing"),
       v("initialization failed: register_memory_notifier() failed (-12)"), v("SEAMCALL (0xzz) failed: 0xgg"),
       "[   30.0] kvm_intel: tdx: bring-up failed: -19", QEMU + "TDX VM doesn't support SMM",
       QEMU + "TDVF metadata doesn't specify TD_HOB location.", QEMU + "Named cpu model is not supported for TDX yet!",
       "2026-01-02T10:00:00+0100 node9 kernel: virt/tdx: the sky is broken\r"]
for odd in ODD:
    for i in range(4):
        got, run = diagnose(decorated(KEYS + [odd], i))
        check(f"not understood: {odd}", run.returncode == 1 and got and got["first"] and got["first"]["sure"] == "unknown" and
              got["first"]["line"] == 3, (run.returncode, got and got["first"], run.stderr))
    check(f"in words: {odd}", b"(not understood)" in pamt(odd + "\n").stdout)
    got, _ = diagnose(decorated([odd] + KEYS + [FAILED.format(-12)], 0))
    check(f"a known cause first: {odd}", got["first"]["stage"] == "PAMT" and len(got["others"]) == 1, got)
got, run = diagnose(decorated(KEYS + [ODD[0]] + UP, 0))
check("not understood, and it came up", run.returncode == 1 and got["first"]["state"] == "loss", got and got["first"])
for fine in ["qemu-system-x86_64: warning: TDX doesn't support requested feature: CPUID[eax=07h].ECX.pks [bit 31]",
             "qemu-system-x86_64: warning: TDX forcibly sets the feature: CPUID[eax=01h].EDX.mce [bit 7]",
             "[    9.0] ata1: failed to IDENTIFY", "[    9.0] EDAC: cannot find the attd bus"]:
    got, run = diagnose(decorated(KEYS + [fine] + UP, 0))
    check(f"nothing wrong with {fine}", run.returncode == 0 and got["first"] is None, got and got["first"])

# QEMU's words: its number of an ioctl, the module's status, and the errno behind them.
for form in ["TDX ioctl {} failed, hw_errors: 0x0: {}", "{} failed: {}", "{} failed {}", "{} failed, {}"]:
    for call, errno, word in [("KVM_TDX_INIT_VM", "No space left on device", "KeyID is free"),
                              ("KVM_TDX_INIT_VM", "Invalid argument", "parameters"),
                              ("KVM_TDX_INIT_VM", "Resource temporarily unavailable", "random number"),
                              ("KVM_TDX_INIT_VM", "Operation not permitted", "Operation not permitted)"),
                              ("KVM_TDX_INIT_MEM_REGION", "Bad address", "guest_memfd"),
                              ("KVM_TDX_INIT_MEM_REGION", "Cannot allocate memory", "no memory"),
                              ("KVM_TDX_FINALIZE_VM", "Invalid argument", "Invalid argument)"),
                              ("KVM_TDX_CAPABILITIES", "Invalid argument", "Invalid argument)")]:
        text = ("error: internal error: QEMU unexpectedly closed the monitor (vm='tdx1'): 2026-01-02T09:00:00.1Z " + QEMU +
                form.format(call, errno))
        got, _ = diagnose("error: Failed to start domain 'tdx1'\n" + text + "\n")
        check(f"{form}, {call}, {errno}", got and got["first"]["line"] == 2 and word in got["first"]["cause"],
              got and got["first"])
got, _ = diagnose(QEMU + "TDX ioctl KVM_TDX_INIT_VM failed, hw_errors: 0xc000010000000045: Input/output error\n")
check("a status that QEMU passes on", "OPERAND_INVALID" in got["first"]["cause"] and got["first"]["sure"] == "certain",
      got["first"])
got, _ = diagnose(KEYS[0] + "\nvirt/tdx: SEAMCALL (0x3ff) failed: 0xc000010000000002\n")
check("a status of a leaf that is not known", "OPERAND_INVALID" in got["first"]["cause"] and got["first"]["stage"] == "module",
      got["first"])
got, _ = diagnose("error: unsupported configuration: 'tdx' launch security is not supported with this QEMU binary\n")
check("libvirt's words", got["first"]["stage"] == "KVM" and got["first"]["sure"] == "certain", got["first"])

# Boots of a journal from which grep took the kernel's first lines.
mark = "-- Boot 0123456789abcdef0123456789abcdef --"
lost = [KVM + "tdh_mng_vpflushdone() failed. HKID 40 is leaked."]
got, run = diagnose(decorated([mark] + KEYS + UP + lost + [mark] + KEYS + UP, 0))
check("the boot before lost a KeyID", run.returncode == 0 and not got["whole"], got["first"])
got, run = diagnose(decorated([mark] + KEYS + UP + [mark] + KEYS + [v("module not loaded")], 0))
check("the boot before was good", run.returncode == 1 and got["first"]["line"] == 9 and
      got["stages"][5]["state"] == "not known", got)

# Lines without the end of the story are not a module that came up.
for cut in [KEYS, KEYS + [UP[1][:-6]]]:
    check("cut before the end", b"none says that the module came up" in pamt(decorated(cut, 0)).stdout)
check("whole", b"none says" not in pamt(decorated(CLEAN[0][1], 0)).stdout)

check("a map alone is not about TDX", b"none of them is about TDX" in pamt(decorated(MAP, 0)).stdout)

# A log on standard input, in a file, and what is none.
check("stdin that is a pipe", pamt(decorated(CLEAN[0][1], 0)).returncode == 0)
for args, text, says in [(["no-such-file"], "", "No such file"), (["-"], "", "nothing about TDX"),
                         (["-"], "hello\nworld\n", "the whole dmesg"), (["a", "b"], "", "one is allowed"),
                         (["/"], "", "Is a directory")]:
    run = pamt(text, *args)
    check(f"refused: {args}", run.returncode == 2 and says in run.stderr.decode() and not run.stdout and
          run.stderr.count(b"\n") == 1, run.stderr)

# A whole dmesg of 20,000 lines, the best of five: a figure, not a condition.
long = boot("7.3.0") + MAP7 + KEYS + NOISE * 660 + UP7
best = None
for _ in range(5):
    begin = time.monotonic()
    run = pamt(decorated(long, 0), "-")
    took = time.monotonic() - begin
    best = took if best is None else min(best, took)
check("a long log", run.returncode == 0, run.stderr)
print(f"figure: pamt diagnose, {len(long)} lines: {best * 1000:.0f} ms, best of five")
print(f"{checks} checks, {failures} failed")
sys.exit(1 if failures or not checks else 0)
