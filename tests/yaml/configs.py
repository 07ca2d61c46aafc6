"""Configurations as text in random styles, for tests of edits: what people really write.

A document is made of lines straight away, never by a YAML writer, so that indentation, quotes,
comments, blank lines, block and flow style, anchors and line ends vary independently.
"""

from __future__ import annotations

from hypothesis import strategies as st

Draw = st.DrawFn

KEYS = ("network", "host", "port", "disable_auth", "model", "a", "b", "key_3", "x-y", "été", "on")
WORDS = ("true", "no", "127.0.0.1", "05000", "0x1F", "1e3", "~", "", "null", "word", "two words",
         "1.5", "12:30", "2024-01-01", "a#b", "http://h:1/p", ".inf", "-1", "ünï")  # fmt: skip
COMMENTS = ("# c", "#", "# a: 1", "#\ttab", "#  'x' # \"y\"", "# - [x]", "# ünï 😀")


@st.composite
def configs(draw: Draw) -> str:
    """A document whose root is a block mapping, now and then a flow one, or nothing at all."""
    shape = draw(st.sampled_from(["block"] * 12 + ["flow", "flow", "comments", "nothing"]))
    writer = _Writer(draw)
    lines = writer.filler(0)
    if draw(st.integers(0, 9)) == 0:
        lines = [*(["%YAML 1.2"] if draw(st.booleans()) else []), *lines, "---", *writer.filler(0)]
        lines = [line for line in lines if line.strip() or lines[0] == "---" or line == ""]
    if shape == "block":
        lines += writer.mapping(draw(st.sampled_from([0] * 9 + [1, 2])), 0)
    elif shape == "flow":
        lines += writer.flow_mapping(0).split("\n")
    if shape != "nothing":
        lines += writer.filler(0)
    if draw(st.integers(0, 9)) == 0:
        lines += ["...", *writer.filler(0)]
    return _joined(draw, lines)


def _joined(draw: Draw, lines: list[str]) -> str:
    """The lines with one line end or a mix, with or without the last one, perhaps a BOM."""
    ends = draw(st.sampled_from(["\n", "\n", "\n", "\r\n", "\r\n", "mixed", "\r"]))
    text = ""
    for line in lines:
        text += line + (draw(st.sampled_from(["\n", "\r\n"])) if ends == "mixed" else ends)
    if lines and draw(st.integers(0, 3)) == 0:
        text = text.removesuffix("\n").removesuffix("\r")
    return ("\ufeff" if draw(st.integers(0, 9)) == 0 else "") + text


class _Writer:
    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.anchors: list[str] = []
        self.count = 0

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == one_in

    def filler(self, indent: int) -> list[str]:
        """Blank lines and comments between entries."""
        blank = st.sampled_from(["", "", "  ", " " * 5])
        comment = st.builds(
            lambda by, text: " " * max(indent + by, 0) + text,
            st.sampled_from([0, 0, 0, -indent, 2, -1]),
            st.sampled_from(COMMENTS),
        )
        return self.draw(st.lists(st.one_of(blank, comment), max_size=2))

    def tail(self) -> str:
        return self.draw(st.sampled_from(["", "", "", " ", "  # why", " # a: b"]))

    def key(self, name: str) -> str:
        quoted = {"plain": name, "single": f"'{name}'", "double": f'"{name}"'}
        return quoted[self.draw(st.sampled_from(["plain"] * 6 + ["single", "double"]))]

    def names(self) -> list[str]:
        return self.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))

    def mapping(self, indent: int, depth: int) -> list[str]:
        """Block style; the first line is indented too."""
        lines, pad = list[str](), " " * indent
        for number, name in enumerate(self.names()):
            lines += self.filler(indent) if number else []
            key = self.key(name)
            if self.chance(25):
                lines += [f"{pad}? {key}", *self.value(f"{pad}:", indent, depth)]
            else:
                space = self.draw(st.sampled_from(["", "", "", " "]))
                lines += self.value(f"{pad}{key}{space}:", indent, depth)
        return lines

    def value(self, head: str, indent: int, depth: int) -> list[str]:
        """What follows `key:` or `-`: on its line, or below and deeper."""
        head, anchor = self.anchored(head)
        kinds = ["scalar"] * 6 + ["flow", "literal", "folded", "none", "alias"]
        kinds += ["mapping", "mapping", "sequence"] if depth < 3 else []
        kind = self.draw(st.sampled_from(kinds))
        lines = self._value(kind, head, indent, depth)
        self.anchors += [anchor] if anchor and kind != "alias" else []
        return lines

    def _value(self, kind: str, head: str, indent: int, depth: int) -> list[str]:
        by = self.draw(st.sampled_from([2, 2, 2, 4, 1, 3]))
        if kind == "mapping":
            inside = self.mapping(indent + by, depth + 1)
            return [head + self.tail(), *self.filler(indent + by), *inside]
        if kind == "sequence":
            dash = indent + by if self.chance(2) or head.rstrip(" ").endswith("-") else indent
            return [head + self.tail(), *self.sequence(dash, depth + 1)]
        if kind in ("literal", "folded"):
            return self.block_scalar(head, ">" if kind == "folded" else "|", indent, by)
        if kind == "none":
            return [head + self.tail()]
        if kind == "alias" and self.anchors and "&" not in head:
            return [f"{head} *{self.draw(st.sampled_from(self.anchors))}{self.tail()}"]
        text = self.flow(indent + by) if kind == "flow" else self.scalar(indent + by)
        gap = self.draw(st.sampled_from([" ", " ", " ", "   "]))
        return (head + gap + text + self.tail()).split("\n")

    def anchored(self, head: str) -> tuple[str, str]:
        if not self.chance(12):
            return head, ""
        self.count += 1
        name = f"n{self.count}"
        return f"{head} &{name}", name

    def sequence(self, indent: int, depth: int) -> list[str]:
        lines, pad = list[str](), " " * indent
        for number in range(self.draw(st.integers(1, 3))):
            lines += self.filler(indent) if number else []
            if depth < 3 and self.chance(3):
                gap = self.draw(st.sampled_from([1, 1, 1, 3]))
                inside = self.mapping(indent + 1 + gap, depth + 1)
                lines += [pad + "-" + " " * gap + inside[0].lstrip(" "), *inside[1:]]
            else:
                lines += self.value(f"{pad}-", indent, depth)
        return lines

    def block_scalar(self, head: str, sign: str, indent: int, by: int) -> list[str]:
        chomp = self.draw(st.sampled_from(["", "", "-", "+"]))
        indicator = str(by) if self.chance(4) else ""
        pad = " " * (indent + by)
        body = [pad + self.draw(st.sampled_from(["text", "# no comment", "a: 1", "- x"]))]
        body += self.draw(
            st.lists(st.sampled_from(["", pad + "  more", pad + "end", pad]), max_size=3)
        )
        return [f"{head} {sign}{indicator}{chomp}{self.tail()}", *body]

    def scalar(self, indent: int) -> str:
        word = self.draw(st.sampled_from(WORDS))
        style = self.draw(st.sampled_from(["plain"] * 5 + ["single", "double", "lines", "quoted"]))
        pad = " " * indent
        return {
            "plain": word,
            "single": "'" + word + " # it''s'",
            "double": f'"{word}: \\u00e9"',
            "lines": f"folded\n{pad}plain",
            "quoted": f'"two\n\n{pad}lines"',
        }[style]

    def flow(self, indent: int, depth: int = 0) -> str:
        return (
            self.flow_mapping(indent, depth) if self.chance(2) else self._flow_list(indent, depth)
        )

    def flow_mapping(self, indent: int, depth: int = 0) -> str:
        names = self.names() if not self.chance(5) else []
        pairs = [f"{self.key(name)}: {self._flow_value(indent, depth)}" for name in names]
        return self._enclosed("{", [pair.rstrip(" ") for pair in pairs], "}", indent)

    def _flow_list(self, indent: int, depth: int) -> str:
        count = self.draw(st.integers(0, 3))
        items = [self._flow_value(indent, depth) or "''" for _ in range(count)]
        return self._enclosed("[", items, "]", indent)

    def _flow_value(self, indent: int, depth: int) -> str:
        if depth < 2 and self.chance(5):
            return self.flow(indent, depth + 1)
        return self.draw(st.sampled_from(WORDS))

    def _enclosed(self, opening: str, parts: list[str], closing: str, indent: int) -> str:
        if parts and self.chance(4):
            pad, end = "\n" + " " * max(indent, 1), self.draw(st.sampled_from(["", ",", ", # end"]))
            return opening + pad + f",{pad}".join(parts) + end + pad + closing
        space, comma = (
            self.draw(st.sampled_from(["", "", " "])),
            self.draw(st.sampled_from(["", ","])),
        )
        inside = f",{space}".join(parts) + (comma if parts else "")
        return opening + space + inside + space + closing
