"""Large files by libyaml: never another answer than ruamel.yaml's."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tabbydoctor.yaml import quick
from tabbydoctor.yaml.quick import quick_mapping

KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)


@given(st.lists(KEYS, max_size=5), KEYS, st.sampled_from(["", "'", '"']))
@example(["!"], "x", "")
@example(["!!str a"], "x", "")
def test_the_quick_way_agrees_with_ruamel_yamls(keys: list[str], admin: str, quote: str) -> None:
    text = "api_key:\n" + "".join(f"- {quote}{key}{quote}\n" for key in keys)
    text += f"admin_key: {quote}{admin}{quote}\n"
    found = quick_mapping(text + "#" * quick._LARGE)
    if found is not None:
        exact = YAML(typ=["rt", "safe"]).load(text)
        assert found[0] == exact
