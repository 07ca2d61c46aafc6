"""What somebody probably meant by a key that TabbyAPI does not know."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.keys import TABLE, gone

_CLOSE = 0.75
_OTHER_NAMES = {
    "draft": "draft_model",
    "loras": "lora",
    "embedding": "embeddings",
    "sampler": "sampling",
    "server": "network",
    "log": "logging",
}


@dataclass(frozen=True, slots=True)
class Meant:
    """The answer: what it is, in one sentence, and the name to write instead."""

    kind: Literal["gone", "newer", "elsewhere", "misspelt", "unheard-of"]
    sentence: str
    instead: str = ""


def meant(section: str, key: str | None, installation: Installation) -> Meant:
    """What was probably meant by `section.key` (or by a whole section, without a key)."""
    if key is None:
        return _section_meant(section, installation)
    removed = gone(section, key)
    if removed:
        instead = removed.replacement
        now = f"; now: {instead}" if instead else "; nothing replaces it"
        return Meant("gone", f"TabbyAPI dropped it on {removed.until}{now}", instead)
    if (section, key) in TABLE:
        since = TABLE[section, key].since
        came = f"came on {since}" if since else "is known to other versions"
        return Meant("newer", f"It {came}; the installed TabbyAPI does not have it")
    places = [name for name, keys in installation.sections.items() if key in keys]
    if places:
        instead = f"{places[0]}.{key}"
        return Meant("elsewhere", f"The key stands under {places[0]}: {instead}", instead)
    return _nearest(section, key, installation)


def _nearest(section: str, key: str, installation: Installation) -> Meant:
    own = get_close_matches(key, installation.sections.get(section, ()), 1, _CLOSE)
    if own:
        return _misspelt(f"{section}.{own[0]}")
    names = [f"{name}.{key}" for name, keys in installation.sections.items() for key in keys]
    anywhere = get_close_matches(f"{section}.{key}", names, 1, _CLOSE)
    anywhere = anywhere or _by_key(key, installation)
    if anywhere:
        return _misspelt(anywhere[0])
    return Meant("unheard-of", "No version of TabbyAPI is known to have it")


def _section_meant(section: str, installation: Installation) -> Meant:
    places = [name for name, keys in installation.sections.items() if section in keys]
    if places:
        instead = f"{places[0]}.{section}"
        return Meant("elsewhere", f"The key stands under {places[0]}: {instead}", instead)
    other = _OTHER_NAMES.get(section.lower(), "")
    if other in installation.sections:
        return _misspelt(other)
    close = get_close_matches(section, installation.sections, 1, _CLOSE)
    if close:
        return _misspelt(close[0])
    if any(name == section for name, _ in TABLE):
        since = min(TABLE[name].since for name in TABLE if name[0] == section)
        return Meant("newer", f"It came on {since}; the installed TabbyAPI does not have it")
    by_key = _by_key(section, installation)
    if by_key:
        return _misspelt(by_key[0])
    return Meant("unheard-of", "No version of TabbyAPI is known to have it")


def _by_key(key: str, installation: Installation) -> list[str]:
    places = {key: name for name, keys in installation.sections.items() for key in keys}
    return [f"{places[found]}.{found}" for found in get_close_matches(key, places, 1, _CLOSE)]


def _misspelt(name: str) -> Meant:
    return Meant("misspelt", f"TabbyAPI's name for it is probably {name}", name)
