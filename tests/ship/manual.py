#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Every public function has a manual page, and the pages show the prototypes that the headers have.

Arguments: folder of the pages' sources, docs/meson.build, headers.
"""
import pathlib
import re
import sys

sys.dont_write_bytecode = True
import headers

folder, meson, *public = sys.argv[1:]
declared, inline, structures = {}, {}, {}
for header in public:
    inline.update(headers.inline_functions(header))
    structures.update(headers.structures(header))
    # The others have inline functions, types and numbers.
    if "visibility push(default)" not in pathlib.Path(header).read_text():
        continue
    # What the compiler is to say of a call is not in the pages.
    declared.update({name: text.removeprefix("PAMT_MUST_CHECK ")
                     for name, text in headers.functions(header).items()})

# What meson installs: page, and the other names that lead to it.
body = re.search(r"man3_pages = \{(.*?)^\}", pathlib.Path(meson).read_text(), re.M | re.S).group(1)
installed = {match.group(1): re.findall(r"'(\w+)'", match.group(2))
             for match in re.finditer(r"'(\w+)' : \[(.*?)\]", body, re.S)}

elsewhere = {name for names in installed.values() for name in names}

wrong, shown = [], set()
for source in sorted(pathlib.Path(folder).glob("*.3.scd")):
    page, text = source.name[:-6], source.read_text()
    if page not in installed:
        wrong.append(f"{source}: not in {meson}")
        continue
    synopsis = re.search(r"^# SYNOPSIS\n\n```\n(.*?)^```", text, re.M | re.S).group(1)
    synopsis = re.sub(r"^(#|cc ).*$", "", synopsis, flags=re.M)
    names = []
    for match in re.finditer(r"^(?:struct|enum) (\w+) \{\n.*?^\}", synopsis, re.S | re.M):
        names.append(match.group(1))
        if structures.get(match.group(1)) != headers.one_line(match.group(0)):
            wrong.append(f"{source}: {match.group(1)}\n    header: {structures.get(match.group(1))}")
    synopsis = re.sub(r"^(?:struct|enum) \w+ \{\n.*?^\};", "", synopsis, flags=re.S | re.M)
    for statement in filter(None, map(headers.one_line, synopsis.split(";"))):
        name = re.search(r"(\w+)\s*\(", statement).group(1)
        names.append(name)
        prototype = declared.get(name, inline.get(name))
        if prototype != statement:
            wrong.append(f"{source}: {statement}\n    header: {prototype}")
    # Types that the inline functions are about stand beside them.
    types = [name for name in [page, *installed[page]] if re.fullmatch(r"\w+_t", name)]
    shown.update(names)
    names += types
    title = " ".join(re.search(r"^# NAME\n\n(.*?)\n\n", text, re.M | re.S).group(1).split())
    listed = title.split(" - ")[0].split(", ")
    if names and (listed[0] != page or sorted(listed) != sorted(names)):
        wrong.append(f"{source}: NAME lists {listed}, SYNOPSIS has {names}")
    if names and sorted(names) != sorted([page, *installed[page]]):
        wrong.append(f"{source}: installed as {[page, *installed[page]]}, SYNOPSIS has {names}")
    for name in re.findall(r"\*(\w+)\*\(3\)", text):
        if name not in declared and name not in installed and name not in elsewhere | {"printf"}:
            wrong.append(f"{source}: no page {name}(3)")
for name in sorted(set(declared) - shown):
    wrong.append(f"{name}() has no manual page")
for name in ("os_services", "pamt_host_config", "pamt_error", "pamt_finding", "pfn"):
    if name not in shown:
        wrong.append(f"{name} has no manual page")
if len(declared) < 20:
    wrong.append(f"only {len(declared)} declarations found: the check itself is broken")
print("\n".join(wrong) or f"{len(declared)} functions")
sys.exit(1 if wrong else 0)
