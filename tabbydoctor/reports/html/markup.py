"""HTML built from its parts: what is no Markup is text, whoever wrote it."""

from __future__ import annotations

from html import escape

from tabbydoctor.reports.visible import visible, visible_lines

_VOID = frozenset({"br", "meta"})
_BLOCKS = frozenset(
    {"article", "body", "dd", "dl", "dt", "head", "header", "html", "li", "main", "meta", "nav"}
    | {"ol", "p", "pre", "section", "style", "svg", "title", "ul"}
)
"""Each begins a line of its own, so that a difference of two pages can be read."""


class Markup(str):
    """Text that is HTML; made by this module, and by what is written in the source."""

    __slots__ = ()


def element(tag: str, /, *children: str | None, **attributes: str | float | None) -> Markup:
    """An element. Children are escaped unless they are Markup; None is left out.

    A trailing underline of an attribute's name is dropped and others become hyphens: `class_`,
    `http_equiv`.
    """
    opened = f"<{tag}{''.join(map(_attribute, attributes.items()))}>"
    start = "\n" if tag in _BLOCKS else ""
    if tag in _VOID:
        return Markup(f"{start}{opened}")
    return Markup(f"{start}{opened}{joined(*children)}</{tag}>")


def joined(*parts: str | None) -> Markup:
    """One behind the other, those that are no Markup escaped."""
    return Markup("".join(text(part) for part in parts if part is not None))


def text(value: str) -> Markup:
    """A text of one or several lines, in which nothing is invisible and nothing is HTML."""
    return value if isinstance(value, Markup) else Markup(escape(visible_lines(value)))


def _attribute(given: tuple[str, str | float | None]) -> str:
    name, value = given
    if value is None:
        return ""
    return f' {name.rstrip("_").replace("_", "-")}="{escape(visible(str(value)))}"'
