# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""The functions that a public header declares, its inline functions, structures and enumerations."""
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


def without_comments(header):
    return re.sub(r"/\*.*?\*/", " ", pathlib.Path(header).read_text(), flags=re.S)


def inline_functions(header):
    """Name to prototype of each static inline function."""
    return {match.group(2): one_line(match.group(1))
            for match in re.finditer(r"^static inline ([\w\s*]*?\b(\w+)\s*\([^{]*\))\s*\{",
                                     without_comments(header), re.M)}


def structures(header):
    """Name to text, in one line, of each structure and enumeration."""
    return {match.group(1): one_line(match.group(0))
            for match in re.finditer(r"^(?:struct|enum) (\w+) \{\n.*?^\}", without_comments(header), re.S | re.M)}


def one_line(statement):
    """With single spaces, and none after a parenthesis."""
    return re.sub(r"\(\s+", "(", " ".join(statement.split()))
