#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Is every element of an HTML page closed where it should be, and every number in a drawing one?"""
import html.parser
import re
import sys

VOID = {"meta", "br", "hr"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.drawings, self.titled = [], [], 0, 0

    def look(self, tag, attributes):
        for name, value in attributes:
            if value and re.search(r"\b(nan|inf)", value) and name != "class":
                self.wrong.append(f"{tag} {name}: not a number")

    def handle_starttag(self, tag, attributes):
        self.look(tag, attributes)
        self.drawings += tag == "svg" and ("role", "img") in attributes
        self.titled += tag == "title" and self.open[-1:] == ["svg"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.look(tag, attributes)

    def handle_endtag(self, tag):
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
