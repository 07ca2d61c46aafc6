"""The numbers of a model's config.json, under the names that models give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabbydoctor.facts import Unknown

_MOST = 1 << 32


class ModelShape:
    """A config.json; a model of several parts has its language model under `text_config`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        text = config.get("text_config")
        self.parts = (text if isinstance(text, Mapping) else {}, config)
        self.config = config
        named = config.get("architectures")
        self.architecture = str(named[0]) if isinstance(named, list) and named else ""

    def value(self, key: str) -> Any:
        """What stands there, the language model's first; None where nothing does."""
        return next((part[key] for part in self.parts if part.get(key) is not None), None)

    def number(self, *keys: str) -> int:
        """The first of these that is a count. Raises Unknown, naming the first key."""
        found = self.count(*keys)
        if found is None:
            raise Unknown(f"config.json has no usable {keys[0]}")
        return found

    def count(self, *keys: str) -> int | None:
        """The first of these that is a count, above 0; None where none is."""
        return next((int(found) for found in map(self.value, keys) if is_count(found)), None)

    @property
    def layers(self) -> int:
        """All layers. Raises Unknown."""
        return self.number("num_hidden_layers")

    @property
    def heads(self) -> int:
        """Heads of keys and values (the Gemmas have defaults of their own). Raises Unknown."""
        if self.value("num_key_value_heads") is None and "Gemma" not in self.architecture:
            return self.number("num_attention_heads", "num_attention_groups")
        return self.number("num_key_value_heads")

    @property
    def head_dim(self) -> int:
        """Numbers in a head. Raises Unknown."""
        if self.value("head_dim") is None and "Gemma" not in self.architecture:
            found = self.number("hidden_size") // self.number("num_attention_heads")
            if not found:
                raise Unknown("config.json has a hidden_size below its num_attention_heads")
            return found
        return self.number("head_dim")

    @property
    def max_tokens(self) -> int | None:
        """`max_position_embeddings`; None where it is not told."""
        return self.count("max_position_embeddings")

    def layer_types(self, *, longer: bool = False) -> list[str]:
        """A word for each layer, as `layer_types` has them; `longer`: those for drafting may
        follow. Raises Unknown.
        """
        types, layers = self.value("layer_types"), self.layers
        if isinstance(types, list) and longer:
            types = types[:layers]
        if not isinstance(types, list) or len(types) != layers:
            raise Unknown(f"config.json has no layer_types for its {layers} layers")
        return [str(one) for one in types]


def is_count(value: object) -> bool:
    """Whether it is a whole number above 0 that a model may have."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MOST
