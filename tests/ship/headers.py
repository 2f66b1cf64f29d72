# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""The functions that a public header declares."""
import pathlib
import re


def functions(header):
    """Name to prototype, in one line, of each function (static inline ones are not exported)."""
    text = re.sub(r"/\*.*?\*/", " ", pathlib.Path(header).read_text(), flags=re.S)
    text = re.sub(r"^\s*#.*(?:\\\n.*)*$", "", text, flags=re.M)
    text = text.replace('extern "C" {', "")
    # Bodies of structures, which have pointers to functions in them.
    while re.search(r"\{[^{}]*\}", text):
        text = re.sub(r"\{[^{}]*\}", " ", text)
    found = {}
    for statement in text.split(";"):
        match = re.match(r"\s*(?!static\b|typedef\b)[\w\s*]*?\b(\w+)\s*\(", statement)
        if match:
            found[match.group(1)] = one_line(statement)
    return found


def one_line(statement):
    """With single spaces, and none after a parenthesis."""
    return re.sub(r"\(\s+", "(", " ".join(statement.split()))
