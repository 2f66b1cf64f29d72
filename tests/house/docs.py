#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Code and commands in the documents are extracted and run.

In README.md and docs/*.md a block marked ```sh is run by bash -e with `pamt` on the PATH and must
exit 0; ```c is compiled; ```console shows a session and is not run; ```text is text. Any other mark
is an error, and so is a link to a file that does not exist.
"""
import os
import pathlib
import re
import subprocess
import sys

root, pamt = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
environment = dict(os.environ, PATH=f"{pamt.parent}:{os.environ['PATH']}")
failures, ran = [], 0
for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
    text = page.read_text()
    where = page.relative_to(root)
    for match in re.finditer(r"^```(\S*)\n(.*?)^```$", text, re.M | re.S):
        line = text[: match.start()].count("\n") + 1
        kind, body = match.groups()
        if kind == "sh":
            ran += 1
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", body], cwd=root,
                                  env=environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=120)
            if done.returncode:
                failures.append(f"{where}:{line}: exit {done.returncode}\n{done.stderr}")
        elif kind == "c":
            ran += 1
            done = subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-fsyntax-only",
                                   "-DPAMT_DEBUG=0", f"-I{root}/include",
                                   f"-I{root}/src/port/threads", "-xc", "-"],
                                  input=body, capture_output=True, text=True)
            if done.returncode:
                failures.append(f"{where}:{line}: does not compile\n{done.stderr}")
        elif kind not in ("console", "text"):
            failures.append(f"{where}:{line}: unknown block mark '{kind}'")
    for match in re.finditer(r"\]\(([^)#:]+)(#[^)]*)?\)", text):
        if not (page.parent / match.group(1)).exists():
            failures.append(f"{where}: link to {match.group(1)}, which does not exist")
print("\n".join(failures) or f"{ran} blocks run")
sys.exit(1 if failures else 0)
