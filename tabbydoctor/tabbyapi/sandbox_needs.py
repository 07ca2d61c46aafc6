"""What TabbyAPI needs to see and to write, and which settings of its unit forbid that."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.paths import path_status
from tabbydoctor.deployment.sandbox import Rule, forbids_writing, hides
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.facts import Absent
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import EffectiveConfig


@dataclass(frozen=True, slots=True)
class HarmfulSetting:
    """A setting that breaks TabbyAPI wherever it is."""

    name: str
    harmful: str
    harmless: str
    why: str
    cuts_off: bool = False
    """Whether nobody reaches TabbyAPI with it."""


OTHER_CACHE = "set TRITON_CACHE_DIR= to a directory below the working directory"
"""What a person does where a sandbox is not to be opened for Triton's cache."""
HARMFUL_SETTINGS = (
    HarmfulSetting(
        "MemoryDenyWriteExecute",
        "yes",
        "no",
        "torch's half-precision kernels for the CPU write code at run time and fail",
    ),
    HarmfulSetting(
        "ProcSubset",
        "pid",
        "all",
        "it hides /proc/meminfo and /proc/driver/nvidia, which psutil and TabbyAPI read",
    ),
    HarmfulSetting(
        "PrivateNetwork",
        "yes",
        "no",
        "it has a network of its own, a loopback that nobody else sees: no client reaches it",
        cuts_off=True,
    ),
)


_MODELS = (
    ("the directory of its models", "model", "model_name", "model_dir"),
    ("the directory of its draft models", "draft_model", "draft_model_name", "draft_model_dir"),
    (
        "the directory of its embedding models",
        "embeddings",
        "embedding_model_name",
        "embedding_model_dir",
    ),
)
"""What it is, the section, the key that names a model, the key of its directory."""


@dataclass(frozen=True, slots=True)
class Harm:
    """What a rule takes away."""

    what: str
    """In words."""
    path: str
    """What has to be opened again."""
    stops: bool = False
    """Whether no start can do without it."""
    cache: bool = False
    """Whether it is Triton's cache: one that is not there yet cannot be opened."""


@dataclass(frozen=True, slots=True)
class TritonCache:
    """Where Triton compiles into."""

    path: str
    exists: bool


def triton_cache(host: Host, instance: Instance) -> TritonCache:
    """Look for it. Raises Absent where it has no place, Unknown where that needs root."""
    path = cache_path(instance)
    if path is None:
        raise Absent("neither TRITON_CACHE_DIR nor a home says where Triton's cache is")
    try:
        path_status(host, path)
    except FileNotFoundError:
        return TritonCache(path, exists=False)
    return TritonCache(path, exists=True)


GATHERERS = (triton_cache,)


def harmful_settings(unit: Unit) -> Iterator[HarmfulSetting]:
    """Those that the unit has."""
    yield from (one for one in HARMFUL_SETTINGS if unit.get(one.name) == one.harmful)
    families = unit.get("RestrictAddressFamilies")
    if families and families.startswith("~") is ("AF_INET" in families.lstrip("~").split()):
        why = "it may open no socket of IPv4, which is what TabbyAPI listens on"
        yield HarmfulSetting("RestrictAddressFamilies", families, "", why, cuts_off=True)
    denied = unit.get("IPAddressDeny").split()
    if {"any", "0.0.0.0/0"} & set(denied) and not unit.get("IPAddressAllow"):
        why = "every packet to and from it is dropped, this machine's own, too"
        yield HarmfulSetting("IPAddressDeny", " ".join(denied), "", why, cuts_off=True)


def harms(
    instance: Instance, unit: Unit, config: EffectiveConfig | None
) -> Mapping[Rule, list[Harm]]:
    """What each rule of the unit's sandbox takes away from TabbyAPI."""
    found: dict[Rule, list[Harm]] = {}
    for what, path, stops in _used(instance, config):
        rule = hides(unit, path)
        if rule:
            what = f"{what} ({path}) is hidden from it"
            found.setdefault(rule, []).append(Harm(what, _to_open(path, rule), stops))
    logs = f"{_normal(instance.directory)}/logs"
    rule = forbids_writing(unit, logs)
    if rule and rule.reach == "read-only":
        what = "its working directory (logs/, api_tokens.yml) is read-only for it"
        found.setdefault(rule, []).append(Harm(what, posixpath.dirname(logs), stops=True))
    cache = cache_path(instance) if _loads(config) else None
    rule = forbids_writing(unit, cache) if cache else None
    # Other empty file systems can be written: /tmp, say. Homes are empty and read-only.
    if cache and rule and (rule.reach == "read-only" or rule.name == "ProtectHome"):
        how = "hidden from" if rule.reach == "hidden" else "read-only for"
        what = f"Triton's cache ({cache}) is {how} it"
        found.setdefault(rule, []).append(Harm(what, cache, cache=True))
    return found


def cache_path(instance: Instance) -> str | None:
    """Where Triton's cache is: `TRITON_CACHE_DIR`, else `.triton` in the home."""
    environment = instance.environment
    home = environment.get("HOME") or (instance.user.home if instance.user else "")
    cache = environment.get("TRITON_CACHE_DIR") or (f"{home}/.triton" if home else "")
    return _normal(cache) if cache.startswith("/") else None


def _used(instance: Instance, config: EffectiveConfig | None) -> Iterator[tuple[str, str, bool]]:
    """What TabbyAPI must see, and whether no start can do without it."""
    directory = _normal(instance.directory)
    yield "its working directory", directory, True
    if instance.main_directory != instance.directory:
        yield "its program", _normal(instance.main_directory), True
    if instance.python and instance.python.startswith("/"):
        yield "its interpreter", _normal(instance.python), True
    for what, section, named, place in _MODELS:
        if config and config.value(section, named):
            models = str(config.value(section, place) or "models")
            models = _normal(posixpath.join(directory, models))
            if not models.startswith(f"{directory}/"):
                yield what, models, False


def _loads(config: EffectiveConfig | None) -> bool:
    """Whether a model is loaded, for which Triton compiles."""
    loads = config is not None and config.value("model", "model_name")
    return bool(loads) and not (config and config.value("developer", "unsafe_launch"))


def _to_open(path: str, rule: Rule) -> str:
    """An interpreter is of no use without its libraries: `venv` for `venv/bin/python`."""
    bin, name = posixpath.split(path)
    prefix = posixpath.dirname(bin)
    of_python = posixpath.basename(bin) == "bin" and name.startswith("python")
    below = prefix.startswith(f"{rule.path.rstrip('/')}/") and prefix != "/"
    return prefix if of_python and below else path


def _normal(path: str) -> str:
    """As rules name it; POSIX lets two slashes at the beginning stand."""
    return f"/{posixpath.normpath(path).lstrip('/')}"
