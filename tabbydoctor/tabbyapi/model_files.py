"""Whether what the configuration names is there: models, LoRAs, template, preset."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import reader
from tabbydoctor.documents import json_of
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, replace
from tabbydoctor.tabbyapi.config import EffectiveConfig, Setting

Part = Literal["model", "draft model", "LoRA", "embedding model", "prompt template", "preset"]
_OWN_TEMPLATES = (
    "tabby_template.jinja",
    "chat_template.jinja",
    "chat_template.json",
    "tokenizer_config.json",
)
_MOST_BELOW = 64
"""Directories that are looked into for a model."""
FileProblem = Literal["missing", "unreadable", "not-a-directory", "no-config", "gguf"]


@dataclass(frozen=True, slots=True)
class NamedFile:
    """One thing that the configuration names."""

    part: Part
    name: str
    path: str
    setting: Setting
    """The key that names it."""
    problem: FileProblem | None = None
    quantization: str = ""
    """`quant_method` of its config.json: exl2, exl3, gptq, …; empty where there is none."""
    neighbours: tuple[str, ...] = ()
    """What is there instead, where it is missing; the models in its directories, where it is none
    itself."""
    brought: str = ""
    """Of a template: the file of the model's that has one, and is used instead."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Everything of the kind that the next start needs."""

    files: tuple[NamedFile, ...]


def model_files(host: Host, instance: Instance, config: EffectiveConfig) -> ModelFiles:
    """Look at what the configuration names. Raises Unknown for a container that has ended
    or may not be entered."""
    if instance.contained and instance.contained.ended:
        raise Unknown(f"{instance.container} does not run: what it sees is not seen now")
    if instance.contained and instance.contained.closed:
        raise Unknown(f"what {instance.container} sees is seen by root alone (use sudo)")
    seen = host.seen_by(reader(host, instance))
    return ModelFiles(tuple(_Finder(seen, instance, config).all()))


class _Finder:
    """Paths are relative to TabbyAPI's working directory, as in its `main.py`."""

    def __init__(self, host: Host, instance: Instance, config: EffectiveConfig) -> None:
        self.host, self.instance, self.config = host, instance, config

    def all(self) -> Iterator[NamedFile]:
        model = self.config.setting("model", "model_name")
        if model and model.value:
            main = self._model("model", model, self._directory("model", "model_dir"))
            yield main
            yield from self._draft()
            yield from self._loras()
            yield from self._template(main)
        embedding = self.config.setting("embeddings", "embedding_model_name")
        if embedding and embedding.value:
            directory = self._directory("embeddings", "embedding_model_dir")
            yield self._model("embedding model", embedding, directory)
        yield from self._preset()

    def _draft(self) -> Iterator[NamedFile]:
        name = self.config.setting("draft_model", "draft_model_name")
        mode = self.config.value("draft_model", "draft_mode") or "model"
        if name and name.value and mode == "model":
            directory = self._directory("draft_model", "draft_model_dir")
            yield self._model("draft model", name, directory)

    def _loras(self) -> Iterator[NamedFile]:
        setting = self.config.setting("lora", "loras")
        directory = self._directory("lora", "lora_dir")
        loras = setting.value if setting and isinstance(setting.value, list) else []
        for lora in loras:
            name = lora.get("name") if isinstance(lora, dict) else None
            if setting and isinstance(name, str) and name:
                yield self._there("LoRA", name, posixpath.join(directory, name), setting)

    def _template(self, model: NamedFile) -> Iterator[NamedFile]:
        setting = self.config.setting("model", "prompt_template")
        if not (setting and setting.value) or self._own_template(model.path, setting.value):
            return
        name = str(setting.value)
        file = name if name.endswith(".jinja") else f"{posixpath.splitext(name)[0]}.jinja"
        path = self.instance.path(f"templates/{file}")
        found = self._there("prompt template", name, path, setting)
        yield replace(found, brought=self._brought(model.path) if found.problem else "")

    def _brought(self, model: str) -> str:
        """The first of a model's files in which TabbyAPI finds a template, in its order
        (`find_prompt_template` of its common/templating.py); empty without one."""
        for name in _OWN_TEMPLATES:
            path = posixpath.join(model, name)
            if name.endswith(".json") and self._json(path).get("chat_template"):
                return name
            if name.endswith(".jinja") and self._is_there(path):
                return name
        return ""

    def _own_template(self, model: str, name: str) -> bool:
        """Whether the model brings several templates, one of that name."""
        templates = self._json(posixpath.join(model, "tokenizer_config.json")).get("chat_template")
        named = templates if isinstance(templates, list) else []
        return any(isinstance(item, dict) and item.get("name") == name for item in named)

    def _preset(self) -> Iterator[NamedFile]:
        setting = self.config.setting("sampling", "override_preset")
        if setting and setting.value:
            path = self.instance.path(f"sampler_overrides/{setting.value}.yml")
            yield self._there("preset", str(setting.value), path, setting)

    def _directory(self, section: str, key: str) -> str:
        return self.instance.path(str(self.config.value(section, key) or "models"))

    def _model(self, part: Part, setting: Setting, directory: str) -> NamedFile:
        name = str(setting.value)
        path = posixpath.normpath(posixpath.join(directory, name))
        found = self._there(part, name, path, setting)
        if found.problem:
            return found
        if not self.host.status(path).is_directory:
            problem: FileProblem = "gguf" if path.endswith(".gguf") else "not-a-directory"
            return NamedFile(part, name, path, setting, problem)
        try:
            names = self.host.names(path)
        except OSError:
            return NamedFile(part, name, path, setting, "unreadable")
        if "config.json" not in names:
            gguf = any(one.endswith(".gguf") for one in names)
            below = tuple(f"{name}/{one}" for one in self._below(path, names))
            problem = "gguf" if gguf else "no-config"
            return NamedFile(part, name, path, setting, problem, neighbours=below)
        quantization = self._json(f"{path}/config.json").get("quantization_config")
        method = quantization.get("quant_method") if isinstance(quantization, dict) else None
        return NamedFile(part, name, path, setting, quantization=str(method or ""))

    def _below(self, path: str, names: Sequence[str]) -> Iterator[str]:
        """Models in directories of it: a size each (`4.00bpw`), or a cache of the hub's."""
        found = list(names[:_MOST_BELOW])
        if "snapshots" in names:
            try:
                revisions = self.host.names(f"{path}/snapshots")[:_MOST_BELOW]
            except OSError:
                revisions = ()
            found += [f"snapshots/{one}" for one in revisions]
        yield from (one for one in found if self._is_there(f"{path}/{one}/config.json"))

    def _is_there(self, path: str) -> bool:
        try:
            self.host.status(path)
        except OSError:
            return False
        return True

    def _there(self, part: Part, name: str, path: str, setting: Setting) -> NamedFile:
        try:
            self.host.status(path)
        except (FileNotFoundError, NotADirectoryError):
            return NamedFile(part, name, path, setting, "missing", neighbours=self._beside(path))
        except OSError:
            return NamedFile(part, name, path, setting, "unreadable")
        return NamedFile(part, name, path, setting)

    def _beside(self, path: str) -> tuple[str, ...]:
        try:
            return tuple(self.host.names(posixpath.dirname(path)))
        except OSError:
            return ()

    def _json(self, path: str) -> dict[str, Any]:
        """A JSON object, empty where it cannot be read as one."""
        try:
            found = json_of(self.host.read(path, limit=32 << 20).data)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


GATHERERS = (model_files,)
