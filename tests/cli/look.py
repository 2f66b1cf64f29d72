#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Looks at a picture (PNG) of a report in a frame of so many columns: is the ground light or dark, as asked
for; are lines, areas and the map there in their colours; does nothing run over the right edge?

Arguments: the picture, light or dark, columns."""
import collections
import struct
import sys
import zlib

COLOURS = {  # ground, text, the lines of dynamic and static, 2M, 4K
    "light": ["ffffff", "1b1f24", "0066b2", "c4500a", "7fb2e5", "e07b2a"],
    "dark": ["0f1318", "e6e9ed", "5cb3ff", "ff9a5c", "3b6ea5", "f08a3c"],
}


def read_png(path):
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    assert depth == 8 and colour in (2, 6)
    step = 3 if colour == 2 else 4
    raw, stride, rows, before = zlib.decompress(packed), width * step, [], bytes(width * step)
    for y in range(height):
        how = raw[y * (stride + 1)]
        row = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride if how else 0):
            left = row[x - step] if x >= step else 0
            up, corner = before[x], before[x - step] if x >= step else 0
            if how == 1:
                guess = left
            elif how == 2:
                guess = up
            elif how == 3:
                guess = (left + up) // 2
            else:
                p = left + up - corner
                guess = min((left, up, corner), key=lambda v: abs(p - v))
            row[x] = row[x] + guess & 255
        rows.append(before := bytes(row))
    return width, height, step, rows


width, height, step, rows = read_png(sys.argv[1])
width = int(sys.argv[3])
rows = [row[:width * step] for row in rows[:8999]]
seen = collections.Counter(row[x:x + 3].hex() for row in rows for x in range(0, width * step, step))
ground, *others = COLOURS[sys.argv[2]]
wrong = [] if seen.most_common(1)[0][0] == ground else [f"the ground is not {ground}"]
wrong += [f"{colour} is nowhere to be seen" for colour in others if seen[colour] < 20]
edge = {row[x:x + 3].hex() for row in rows for x in range((width - 6) * step, width * step, step)}
if edge != {ground}:
    wrong.append("something runs over the right edge")
print("\n".join(wrong) or f"{width} x {height}, {len(seen)} colours")
sys.exit(1 if wrong else 0)
