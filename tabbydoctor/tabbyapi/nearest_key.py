"""What somebody probably meant by a key that TabbyAPI does not know."""

from __future__ import annotations

from typing import Literal

from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.keys import LOGS_KEYS, TABLE, GoneKey, gone, gone_by_name
from tabbydoctor.tabbyapi.nearness import nearest, within

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

    kind: Literal["gone", "newer", "elsewhere", "misspelt", "risky", "unheard-of"]
    """`risky`: the only near name opens more than a slip of the pen may."""
    sentence: str
    instead: str = ""


_UNHEARD_OF = Meant(
    "unheard-of",
    "No version of TabbyAPI that is known here has it: perhaps it is newer than your TabbyAPI",
)


def meant(section: str, key: str | None, installation: Installation) -> Meant:
    """What was probably meant by `section.key` (or by a whole section, without a key)."""
    if key is None:
        return _section_meant(section, installation)
    removed = gone(section, key)
    if removed:
        return _gone(removed)
    if (section, key) in TABLE:
        since = TABLE[section, key].since
        came = f"came on {since}" if since else "is known to other versions"
        return Meant("newer", f"It {came}; the installed TabbyAPI does not have it")
    own = within(section, key, installation.sections.get(section, ()))
    if own:
        return _misspelt(f"{section}.{own}")
    places = [name for name, keys in installation.sections.items() if key in keys]
    if places:
        instead = f"{places[0]}.{key}"
        return Meant("elsewhere", f"The key stands under {places[0]}: {instead}", instead)
    return _nearest(section, key, installation)


def _gone(key: GoneKey) -> Meant:
    now = f"; now: {key.replacement}" if key.replacement else "; nothing replaces it"
    return Meant("gone", f"TabbyAPI dropped it on {key.until}{now}", key.replacement)


def _nearest(section: str, key: str, installation: Installation) -> Meant:
    own = nearest(key, installation.sections.get(section, ()))
    found = f"{section}.{own}" if own else _by_key(key, installation)
    return _misspelt(found) if found else _UNHEARD_OF


def _section_meant(section: str, installation: Installation) -> Meant:
    places = [name for name, keys in installation.sections.items() if section in keys]
    if places:
        instead = f"{places[0]}.{section}"
        return Meant("elsewhere", f"The key stands under {places[0]}: {instead}", instead)
    removed = gone_by_name(section)
    if removed:
        return _gone(removed)
    other = _OTHER_NAMES.get(section.lower(), "")
    if other in installation.sections:
        return _misspelt(other)
    close = nearest(section, installation.sections)
    if close:
        return _misspelt(close)
    if any(name == section for name, _ in TABLE):
        since = min(TABLE[name].since for name in TABLE if name[0] == section)
        return Meant("newer", f"It came on {since}; the installed TabbyAPI does not have it")
    found = _by_key(section, installation) or _with_section(section, installation)
    return _misspelt(found) if found else _UNHEARD_OF


def _by_key(key: str, installation: Installation) -> str:
    """The key of any section that was meant."""
    places = {key: name for name, keys in installation.sections.items() for key in keys}
    found = nearest(key, places)
    return f"{places[found]}.{found}" if found else ""


def _with_section(name: str, installation: Installation) -> str:
    """`section.key` of a name that has both in one: `network_port`."""
    for section, keys in installation.sections.items():
        found = within(section, name, keys) if name.startswith(section) else None
        if found:
            return f"{section}.{found}"
    return ""


def _misspelt(name: str) -> Meant:
    if name in LOGS_KEYS:
        return Meant("risky", f"{name} is near, and writes requests, keys included, to the log")
    return Meant("misspelt", f"TabbyAPI's name for it is probably {name}", name)
