#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""bootconfig.py LINES INITRD: the initrd with that boot configuration behind it, on standard output.

Behind the text stand its size and the sum of its bytes, 4 bytes each, and a mark; zeros before them make the
whole a multiple of 4 bytes.
"""
import struct
import sys

MARK = b"#BOOTCONFIG\n"

with open(sys.argv[1], "rb") as file:
    lines = file.read() + b"\0"
with open(sys.argv[2], "rb") as file:
    initrd = file.read()
lines += bytes(-(len(initrd) + len(lines) + 8 + len(MARK)) % 4)
sys.stdout.buffer.write(initrd + lines + struct.pack("<II", len(lines), sum(lines) & 0xffffffff) + MARK)
