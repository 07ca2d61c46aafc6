"""Files that are named by nobody but an account: by its processes' arguments, by its own units."""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.deployment.reader import teller
from tabbydoctor.facts import Facts
from tabbydoctor.host import Account, Host
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.token_paths import TokenPaths
from tabbydoctor.tabbyapi.tokens import TOKENS_FILE
from tabbydoctor.targets import Targets


def by_word(facts: Facts) -> dict[str, Account]:
    """Path -> the account by whose word alone it is the deployment's, as far as facts are known.

    What the user named is his own word.
    """
    host, targets = facts.known(Host), facts.known(Targets)  # type: ignore[type-abstract]
    found: dict[str, Account] = {}
    for part in (facts.known(Instance), facts.known(RouterSite)):
        account = teller(host, part) if host and part else None
        if part and account:
            found |= dict.fromkeys(_named(facts, part), account)
    if targets:
        for path in (targets.dir, targets.config, targets.tokens, targets.router):
            found.pop(path or "", None)
    return found


def _named(facts: Facts, part: Instance | RouterSite) -> Iterator[str]:
    if part.unit:
        yield from (file.path for file in part.unit.files)
        yield from (file.path for file in part.unit.environment_files)
    if isinstance(part, RouterSite):
        from tabbydoctor.routers.inputs import RouterInputs  # only where there is a router

        inputs = facts.known(RouterInputs)
        yield from filter(None, (part.path, *(inputs.files if inputs else ())))
        return
    config, paths = facts.known(EffectiveConfig), facts.known(TokenPaths)
    yield from (part.directory, part.main_directory, f"{part.directory}/{TOKENS_FILE}")
    yield from (file.path for file in config.files) if config else ()
    yield from paths.strays if paths else ()
