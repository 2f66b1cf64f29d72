#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Does `pamt watch --json` inside say what the module served?

same_counts.py LOG WATCH.json: LOG has what `pamt qemu --stats` says at the end. What Linux asks at boot,
before anybody can look, are SYS.* leaves alone. Details of a status are not in the module's statistics.
"""
import collections
import json
import re
import sys


def code(status):
    return "SUCCESS" if status.startswith("exit ") else re.sub(r"\(.*", "", status)


module, inside, pairs = collections.Counter(), collections.Counter(), None
with open(sys.argv[1], errors="replace") as log:
    for line in log:
        pairs = pairs or re.match(r"pairs: (\d+) given, (\d+) taken back,", line)
        match = re.match(r" *(\d+) (TDH\.\S+) (\S+)$", line.rstrip())
        if match and not match[2].startswith("TDH.SYS."):
            module[match[2], code(match[3])] += int(match[1])
with open(sys.argv[2]) as file:
    watch = json.load(file)
for one in watch["calls"]:
    if not one["leaf"].startswith("TDH.SYS."):
        inside[one["leaf"], code(one["status"])] += one["calls"]
if sum(module.values()) < 1000 or not pairs:
    sys.exit("the log has no statistics: the check is broken")
if watch["missed_calls_total"]:
    sys.exit(f"{watch['missed_calls_total']} calls were missed")
for key in sorted(set(module) | set(inside)):
    if module[key] != inside[key]:
        sys.exit(f"{key[0]} {key[1]}: the module served {module[key]}, watch counted {inside[key]}")
created = sum(n for (leaf, status), n in module.items() if (leaf, status) == ("TDH.MNG.CREATE", "SUCCESS"))
if watch["tds_created_total"] != created or watch["keyids_used"]:
    sys.exit(f"{watch['tds_created_total']} TDs of {created}, {watch['keyids_used']} KeyIDs in the end")
counted = watch["pairs_added_total"], watch["pairs_removed_total"]
if counted != tuple(map(int, pairs.groups())) or watch["pairs"] != counted[0] - counted[1]:
    sys.exit(f"{pairs[0]} says the module, watch counted {counted}, and {watch['pairs']} are there")
print(f"{sum(inside.values())} calls, {len(inside)} sums, {counted[0]} pairs given, {counted[1]} taken back, all equal")
