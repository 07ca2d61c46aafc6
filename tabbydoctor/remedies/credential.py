"""Bringing the key to the router's unit: a credential, or an environment file only root reads.

Never `Environment=`: every local user can read that (systemd.exec(5)).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.deployment.units import environment_file
from tabbydoctor.remedies import dropin, nixos
from tabbydoctor.remedies.draft import CannotFix, Draft

NAME, VARIABLE = "tabby_api_key", "TABBY_API_KEY"
_DIRECTORY = "/etc/tabbydoctor"
_CREDENTIALS_SINCE = 247
"""The systemd release that brought LoadCredential=."""
_ENVIRONMENT = re.compile(
    r"^([ \t]*Environment[ \t]*=[ \t]*+)((?:[^\r\n\\]|\\[\s\S])*)(\r\n|\n|\Z)", re.MULTILINE
)
"""The setting in a unit file, with the lines it goes on in (systemd.syntax(7))."""
_WORD = re.compile(r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\\[^\n]|[^\s'"\\])+""")
"""A word of it, as it is written: in quotes, in part, or without."""
_GAP = re.compile(r"(?:[ \t]|\\\n)*")
_ITEM = re.compile(
    rb"""[ \t\r\n]+
    | [#;] (?: \\[\s\S] | [^\r\n\\] )* \\?
    | (?P<name> [^ \t\r\n] [^\r\n=]* ) = [ \t]*
      (?P<value>
        (?: (?: '[^']*(?:'|\Z) | "(?: \\[\s\S] | [^"\\] )*(?:"|\\?\Z) ) [ \t]* )*
        (?: (?: \\[\s\S] | [^\s'"\\] ) (?: \\[\s\S] | [^\r\n\\] )* )? \\?
      )
    | [^\r\n]+ | [\s\S]""",
    re.VERBOSE,
)
"""What an EnvironmentFile= is made of, as systemd reads it (systemd.exec(5)): blanks, comments,
assignments whose value may span lines (by a backslash at the end, or in quotes), what is none."""
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def key_path(site: RouterSite) -> str:
    """Where the key for the router's unit is kept, as a credential."""
    return f"{_DIRECTORY}/{site.unit.name if site.unit else 'router'}/{NAME}"


def by_credential(machine: Machine, unit: Unit) -> bool:
    """Whether systemd can hand the unit a credential: not the manager of a user."""
    return not unit.user_manager and (machine.systemd_version or 0) >= _CREDENTIALS_SINCE


def bring_key(
    draft: Draft, machine: Machine, site: RouterSite, key: str, why: str, *,
    environment_only: bool, variables: Iterable[str] = (VARIABLE,),
) -> None:  # fmt: skip
    """Plan the key's file and the drop-in; without a unit it is for the operator to bring.

    As `variables` where the router reads its environment only, or systemd knows no credentials.
    """
    unit = site.unit
    if unit is None:
        if draft.changes_files:
            draft.manual.append(f"start the router with {VARIABLE} in its environment")
        return
    for variable in variables:
        move_out_of_environment(draft, unit, why, variable)
    if environment_only or not by_credential(machine, unit):
        for variable in variables:
            _environment_file(draft, site, unit, variable, key, why)
    else:
        path = key_path(site)
        draft.write(path, key.encode(), why, mode=0o600)
        dropin.extend(draft, unit, "key", [f"LoadCredential={NAME}:{path}"], why)


def take_away(draft: Draft, site: RouterSite, why: str, *, variables: bool = True) -> bool:
    """Take away what an earlier repair brought to the unit. True if anything is.

    Without `variables` what an environment file sets stays, as the router still reads it.
    """
    unit = site.unit
    if unit is None:
        return False
    account = site.user if unit.user_manager else None
    path = key_path(site)
    taken = dropin.withdraw(draft, unit, "key", [f"LoadCredential={NAME}:{path}"], why, account)
    if draft.read(path) is not None:
        draft.remove(path, why)
        taken = True
    if variables:
        path = environment_path(site)
        taken |= dropin.withdraw(draft, unit, "key", [f"EnvironmentFile={path}"], why, account)
        if draft.read(path) is not None:
            draft.remove(path, why)
            taken = True
    return taken


def valid_name(variable: str) -> bool:
    """Whether it can be set by an environment file (systemd.exec(5)), whose key is the name."""
    return bool(_NAME.fullmatch(variable))


def environment_path(site: RouterSite) -> str:
    """The environment file for the router's unit. Raises CannotFix where its owner is unknown."""
    return f"{_directory(site)}/environment"


def _directory(site: RouterSite) -> str:
    unit = site.unit
    if unit is None or not unit.user_manager:
        return f"{_DIRECTORY}/{unit.name if unit else 'router'}"
    if site.user is None:
        raise CannotFix("the account of the router's unit is not known: name it with --user")
    return f"{site.user.home}/.config/tabbydoctor/{unit.name}"


def _environment_file(
    draft: Draft, site: RouterSite, unit: Unit, variable: str, key: str, why: str
) -> None:
    path = environment_path(site)
    moved = f"{_directory(site)}/secrets"  # of SVC008: it is read after ours
    if variable in environment_file((draft.read(moved) or b"").decode("utf-8", "replace")):
        path = moved
    if not valid_name(variable):
        raise CannotFix(f"no environment file can set {variable!r}")
    content = with_variable(draft.read(path) or b"", variable, key)
    own = site.user if unit.user_manager else None
    uid, gid = (own.uid, own.gid) if own else (0, 0)
    draft.write(path, content, why, mode=0o600, uid=uid, gid=gid)
    if path != moved:
        dropin.extend(draft, unit, "key", [f"EnvironmentFile={path}"], why, own)


def with_variable(content: bytes, variable: str, key: str) -> bytes:
    """An environment file that sets a variable; every other byte stays.

    Of several assignments the last one counts. Raises CannotFix where the file can hold none.
    """
    line = f"{variable}={quoted(key)}".encode()
    there = _last(content, variable)
    if there and there["value"].rstrip() in (line.partition(b"=")[2], _bare(key)):
        return content
    if there:
        return content[: there.start()] + line + content[there.end() :]
    end = b"\r\n" if content.endswith(b"\r\n") else b"\n"
    gap = b"" if not content or content.endswith((b"\n", b"\r")) else end
    below, above = content + gap + line + end, line + end + content
    # Below a quotation that is not closed it would be part of that.
    for changed in (below, above):
        found = _last(changed, variable)
        if found and found[0] == line:
            return changed
    raise CannotFix(f"{variable} cannot be set in an environment file")


def _last(content: bytes, variable: str) -> re.Match[bytes] | None:
    """The assignment of a variable that counts."""
    found = [each for each in _ITEM.finditer(content) if each["name"] is not None]
    own = [each for each in found if each["name"].rstrip(b" \t") == variable.encode()]
    return own[-1] if own else None


def _bare(key: str) -> bytes:
    """The key without quotes, where it needs none."""
    return key.encode() if re.fullmatch(r"[\w.-]+", key, re.ASCII) else b'""'


def quoted(key: str) -> str:
    """As an environment file takes it: in double quotes, `\\` `"` `$` and a backquote escaped."""
    return '"' + re.sub(r'([\\"`$])', r"\\\1", key) + '"'


def move_out_of_environment(draft: Draft, unit: Unit, why: str, variable: str) -> None:
    """Take a literal key out of `Environment=` in the unit's own files below /etc."""
    for file in unit.files:
        text = file.text.encode("utf-8", "surrogateescape")
        ours = file.path.startswith(("/etc/", "/home/")) and not nixos.leads_into_store(file.path)
        if not ours or not _assigns(text, variable):
            continue
        after = without_variable(text, variable)
        if after != text:
            draft.edit(file.path, lambda text: without_variable(text, variable), why)
            draft.notes.append(
                f"{variable} of {file.path} could be read by every local user: rotate it"
            )
        if _assigns(after, variable):
            draft.manual.append(
                f"take {variable} out of Environment= in {file.path}, and rotate it"
            )


def without_variable(content: bytes, variable: str) -> bytes:
    """A unit file without an assignment of `Environment=`; every other byte stays.

    Unchanged where the words of the setting cannot be told apart.
    """
    text = content.decode("utf-8", "surrogateescape")
    kept = _ENVIRONMENT.sub(lambda found: _without(found, variable), text)
    return kept.encode("utf-8", "surrogateescape")


def _assigns(content: bytes, variable: str) -> bool:
    text = content.decode("utf-8", "surrogateescape")
    return any(f"{variable}=" in found[2] for found in _ENVIRONMENT.finditer(text))


def _without(found: re.Match[str], variable: str) -> str:
    """The setting with the words left out that assign the variable; nothing, if none is left."""
    head, value, end = found.groups()
    words = [*_WORD.finditer(value)]
    ends = [0, *(word.end() for word in words)]
    gaps = [value[start : word.start()] for start, word in zip(ends, words, strict=False)]
    tail = value[ends[-1] :]
    if not all(_GAP.fullmatch(gap) for gap in (*gaps, tail)):
        return found[0]
    own = re.compile(f"[\"']?{re.escape(variable)}=")
    kept = [(gap, word[0]) for gap, word in zip(gaps, words, strict=True) if not own.match(word[0])]
    if len(kept) == len(words):
        return found[0]
    first, others = kept[:1], kept[1:]
    text = "".join([word for _, word in first] + [gap + word for gap, word in others])
    return head + text + tail + end if kept else ""
