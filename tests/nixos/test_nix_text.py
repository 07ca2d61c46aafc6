"""Literals mean the same to Nix as to Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabbydoctor.nixos.nix_text import NoLiteral, comment, literal, path

from .nix import evaluate, needs_nix

HARD = [
    'a "quoted" one',
    "${home} $${home} \\${home} $",
    "two ''quotes''",
    "line\nbreak\ttab\rreturn\r\n",
    "back\\slash \\n",
    "größer 日本語 🙂 👩‍👧",
    "\x1b[31mred \x7f\u0085\u2028",
    "",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@needs_nix
@pytest.mark.parametrize("text", HARD)
def test_texts_survive(text: str, tmp_path: Path) -> None:
    assert evaluate(literal(text), tmp_path) == text
    assert evaluate(literal({text: [text]}), tmp_path) == {text: [text]}


@needs_nix
@settings(max_examples=15, deadline=None)
@given(st.lists(VALUES, min_size=10, max_size=30))
def test_every_value_survives(
    tmp_path_factory: pytest.TempPathFactory, values: list[object]
) -> None:
    """Compared by Nix itself: its JSON keeps only six digits of a number."""
    scratch = tmp_path_factory.mktemp("nix")
    file = scratch / "values.json"
    file.write_text(json.dumps(values))
    read = f"builtins.fromJSON (builtins.readFile {json.dumps(str(file))})"
    assert evaluate(f"{literal(values)} == {read}", scratch) is True


@pytest.mark.parametrize(
    "value", [float("inf"), float("nan"), 2**63, "a\0b", "\ud800", object(), b"x", 5e-324]
)
def test_what_nix_has_not_is_refused(value: object) -> None:
    with pytest.raises(NoLiteral):
        literal(value)


def test_no_control_character_is_printed() -> None:
    text = literal("\x1b[2J\x07 \u202e") + comment("x\x1b[2J\ny")
    assert all(sign.isprintable() or sign == "\n" for sign in text)


def test_names_are_quoted_where_they_have_to_be() -> None:
    assert path("systemd", "services", "llm-router", "if", "a.b", "${x}") == (
        'systemd.services.llm-router."if"."a.b"."\\${x}"'
    )


def test_comments_stay_comments() -> None:
    lines = comment("first\nsecond " + "word " * 40, 2).splitlines()
    assert all(line.startswith("  # ") and len(line) <= 80 for line in lines)
