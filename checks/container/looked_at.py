"""Where TabbyAPI looks for its files and models in a container."""

from __future__ import annotations

import posixpath

from tabbydoctor.deployment.container import Container
from tabbydoctor.tabbyapi.config import EffectiveConfig

_FILES = ("config.yml", "api_tokens.yml")
_DIRECTORIES = (
    ("model", "model_dir"),
    ("draft_model", "draft_model_dir"),
    ("lora", "lora_dir"),
    ("embeddings", "embedding_model_dir"),
)


def looked_at(box: Container, config: EffectiveConfig | None) -> tuple[str, ...]:
    """The paths inside of all of them."""
    named = [str(config.value(*key) or "") for key in _DIRECTORIES] if config else []
    found = [posixpath.normpath(posixpath.join(box.directory, name)) for name in named if name]
    return (*found, *(posixpath.join(box.directory, name) for name in _FILES))
