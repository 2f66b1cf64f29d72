#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Is every element of an HTML page closed where it should be, every number in a drawing one, and every text
under an axis within its drawing (a letter is about 6.2 wide)?"""
import html.parser
import re
import sys

VOID = {"meta", "br", "hr"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.drawings, self.titled = [], [], 0, 0
        self.width, self.middle = 0, None

    def look(self, tag, attributes):
        for name, value in attributes:
            if value and re.search(r"\b(nan|inf)", value) and name != "class":
                self.wrong.append(f"{tag} {name}: not a number")

    def handle_starttag(self, tag, attributes):
        self.look(tag, attributes)
        self.drawings += tag == "svg" and ("role", "img") in attributes
        self.titled += tag == "title" and self.open[-1:] == ["svg"]
        at = dict(attributes)
        if tag == "svg":
            self.width = float(at["viewbox"].split()[2])
        self.middle = float(at["x"]) if at.get("text-anchor") == "middle" else None
        if tag not in VOID:
            self.open.append(tag)

    def handle_data(self, data):
        if self.middle is not None and self.middle + len(data) * 3.1 > self.width:
            self.wrong.append(f"'{data}' at {self.middle} of {self.width}: over the edge")

    def handle_startendtag(self, tag, attributes):
        self.look(tag, attributes)

    def handle_endtag(self, tag):
        self.middle = None
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"line {self.getpos()[0]}: </{tag}> closes something else")


page = Page()
page.feed(open(sys.argv[1], encoding="utf-8").read())
if page.open:
    page.wrong.append(f"left open: {page.open}")
if page.titled < page.drawings:
    page.wrong.append("a drawing without a title")
for line in page.wrong:
    print(line)
sys.exit(1 if page.wrong else 0)
