"""What is printed of a gateway's hand edits: the lines, where they go, what makes them count."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.diagnosis.finding import Remedy, Safety
from tabbydoctor.routers import Concern, HandEdit, RouterReading
from tabbydoctor.routers.gateways.nix_lines import by_nix, key_by_rebuild, lines_by_rebuild

_TAKES_IT: Mapping[str, str] = {
    "nginx": "sudo nginx -t && {systemctl} reload {unit}",
    "haproxy": "sudo haproxy -c -f {file} && {systemctl} reload {unit}",
    "caddy": "caddy validate --config {file} --adapter caddyfile && {systemctl} reload {unit}",
}
"""What has the gateway's own parser look at the file, and then the gateway take it."""
_HIDES = {
    "nginx": "sudo chmod o-rwx {file}",
    "haproxy": "sudo chmod o-rwx {file}",
    "caddy": "sudo chgrp caddy {file} && sudo chmod 640 {file}",
}
"""What keeps a key in the file from other accounts, and lets the gateway read it."""
_KEY = ", with the api_key of api_tokens.yml in the place of <api_key>"
_SHOWN: Mapping[str, str] = {
    "caddy": "; an admin endpoint at localhost:2019, where none is named, shows it to every local "
    "account (`fix --auth` closes it)",
}
"""Who else is shown the key then."""


def by_hand(
    reading: RouterReading,
    concern: Concern,
    site: RouterSite | None = None,
    places: Collection[tuple[str, int]] | None = None,
) -> tuple[Remedy, ...]:
    """A remedy for each edit of a concern; `places` are the (file, line) of what is wrong."""
    edits = [edit for edit in reading.by_hand if edit.concern == concern]
    if places is not None:
        edits = [edit for edit in edits if (edit.file, edit.mends) in places] or edits
    return tuple(dict.fromkeys(_remedies(reading, edits, site)))


def _remedies(
    reading: RouterReading, edits: Iterable[HandEdit], site: RouterSite | None
) -> Iterator[Remedy]:
    unit = site.unit if site else None
    name, command = (unit.name, unit.command) if unit else (reading.kind, [])
    for edit in edits:
        if by_nix(edit.file, reading.kind, command):
            yield _rebuilt(reading.kind, edit, name)
            continue
        keyed = any("<api_key>" in line for line in edit.lines)
        yield Remedy(
            f"{_place(edit)}, write these lines"
            + (f"{_KEY}{_SHOWN.get(reading.kind, '')}" if keyed else ""),
            Safety.MANUAL,
            tuple(_commands(reading, site, edit, keyed=keyed)),
            lines=edit.lines,
        )


def _rebuilt(kind: str, edit: HandEdit, unit: str) -> Remedy:
    """The same where NixOS writes the file."""
    if edit.concern == "key":
        return key_by_rebuild(kind, unit)
    return lines_by_rebuild(kind, edit, f"{_place(edit)}, these lines are to be")


def _place(edit: HandEdit) -> str:
    last = edit.line + edit.replaces - 1
    block = f" ({edit.block})" if edit.block else ""
    if not edit.replaces:
        return f"In {edit.file}, behind line {edit.line}{block}"
    lines = f"line {edit.line}" if last == edit.line else f"lines {edit.line} to {last}"
    return f"In {edit.file}, in the place of {lines}{block}"


def _commands(
    reading: RouterReading, site: RouterSite | None, edit: HandEdit, *, keyed: bool
) -> Iterator[str]:
    """What opens the file, and what makes it count."""
    file = shlex.quote(edit.file)
    yield f"sudoedit {file}"
    if keyed and reading.kind in _HIDES:
        yield _HIDES[reading.kind].format(file=file)
    if edit.then:
        yield edit.then
    elif reading.kind in _TAKES_IT:
        unit = site.unit if site else None
        native = reading.path.endswith(".json")  # Caddy's own form: nothing adapts it
        command = _TAKES_IT[reading.kind]
        yield (command.replace(" --adapter caddyfile", "") if native else command).format(
            systemctl=unit.systemctl if unit else "sudo systemctl",
            unit=shlex.quote(unit.name if unit else reading.kind),
            file=shlex.quote(reading.path),
        )
