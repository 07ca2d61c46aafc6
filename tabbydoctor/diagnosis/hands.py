"""Whose hands a printed command needs: root's are lent to nobody.

A command that is pasted follows every link in a path it names. Where an account could have put one
there, or could before it is pasted, the command is run as that account, which gains nothing by it
(sudo(8), `-u`). What only root could do there is not printed: the title says why.
"""

from __future__ import annotations

import errno
import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping

from tabbydoctor.diagnosis.finding import Finding, Remedy, Safety
from tabbydoctor.host import Account, Host
from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import dataclass, field, replace

_ROOT_ALONE = ("chown", "chgrp", "mount")
_BY_OWNER = ("chmod", "setfacl", "sudoedit", "sed", "cat", "head", "tee")
"""What the owner of a file may do with it; other commands need whoever may write its directory."""
_OWNER_ALONE = ("chmod", "setfacl")
"""What nobody but the owner (and root) may do with it: chmod(2), acl(5)."""
_SUDO = re.compile(r"(?<![\w./-])sudo(edit)?(?=\s)(?!\s+(?:-H\s+)?-u\s)")
_OWN_PATHS = ("tabbydoctor", "systemctl", "journalctl")
"""Programs that look after themselves, or take no path of the deployment's."""


@dataclass(frozen=True, slots=True)
class Words:
    """Tells, from what is known by then, the paths that an account's own word alone named."""

    of: Callable[[], Mapping[str, Account]]


@dataclass(slots=True)
class Hands:
    """Rewrites commands, each path looked at once."""

    host: Host
    by_word: Mapping[str, Account] = field(default_factory=dict)
    """Path -> the account by whose word alone it is the deployment's: it, what is below it and
    the directories above are what that account chose to point at."""
    _ways: dict[str, PathStatus | None] = field(default_factory=dict)

    def finding(self, finding: Finding) -> Finding:
        """The finding with commands that are safe to paste."""
        remedies = tuple(self.remedy(remedy) for remedy in finding.remedies)
        return finding if remedies == finding.remedies else replace(finding, remedies=remedies)

    def remedy(self, remedy: Remedy) -> Remedy:
        """The remedy, its commands run by whoever could bend the paths they name."""
        commands = tuple(self.command(command) for command in remedy.commands)
        if commands == remedy.commands:
            return remedy
        kept = tuple(command for command in commands if command is not None)
        if len(kept) == len(commands):
            return replace(remedy, commands=kept)
        # A step that is missing must not be overlooked: none of them is to paste.
        why = "by hand: others than root could exchange what a command as root would be given"
        return replace(remedy, title=f"{remedy.title} ({why})", safety=Safety.MANUAL, commands=())

    def lines(self, text: str) -> str:
        """The same for lines to paste, one below the other."""
        commands = (self.command(line) for line in text.split("\n"))
        return "\n".join(command for command in commands if command is not None)

    def command(self, command: str) -> str | None:
        """One command; None where nobody's hands but root's would do."""
        if not _SUDO.search(command):
            return command
        words = _words(command)
        program = _program(words)
        if program in _OWN_PATHS or "tabbydoctor" in words:
            return command
        paths = list(_paths(words))
        accounts = {self._account(path, program) for path in paths} - {""}
        accounts |= {account for path in paths for account in self._tellers(path)}
        if not accounts:
            return command
        if len(accounts) > 1 or "?" in accounts or program in _ROOT_ALONE:
            return None
        return _SUDO.sub(rf"sudo\1 -u {shlex.quote(accounts.pop())}", command)

    def _account(self, path: str, program: str) -> str:
        """Who is to do it; empty for root, `?` where no single account could."""
        way = self._way(path)
        if way is None or way.shaper is None:
            return ""
        if way.leaf.path == path and not way.leaf.uid and program in _OWNER_ALONE:
            return "?"  # root's own file, in a directory that others may change
        owner = way.leaf.uid if way.leaf.path == path and way.leaf.uid else None
        shaper = way.shaper.uid
        order = (owner, shaper) if program in _BY_OWNER else (shaper, owner)
        uid = next((one for one in order if one), None)
        if uid is None:
            return "?"
        account = self.host.account(uid)
        return account.name if account else f"#{uid}"

    def _tellers(self, path: str) -> Iterator[str]:
        for named, account in self.by_word.items():
            if _within(path, named) or _within(named, path):
                yield account.name

    def _way(self, path: str) -> PathStatus | None:
        """The way to a path, or to the innermost directory above it that is there."""
        if path not in self._ways:
            try:
                self._ways[path] = self.host.way(path)
            except OSError as error:
                gone = error.errno in (errno.ENOENT, errno.ENOTDIR) and path != "/"
                above = self._way(posixpath.dirname(path)) if gone else None
                self._ways[path] = replace(above, shaper=above.inside) if above else None
        return self._ways[path]


def without_commands(finding: Finding) -> Finding:
    """The finding with remedies in words alone."""
    bare = tuple(replace(remedy, commands=()) for remedy in finding.remedies)
    return replace(finding, remedies=bare)


def _within(path: str, directory: str) -> bool:
    path, directory = posixpath.normpath(path), posixpath.normpath(directory)
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")


def _program(words: list[str]) -> str:
    """What sudo is to run, or `sudoedit`."""
    if "sudo" not in words:
        return "sudoedit"
    after = words[words.index("sudo") + 1 :]
    return posixpath.basename(next((word for word in after if not word.startswith("-")), ""))


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command) or [""]
    except ValueError:
        return command.split() or [""]


def _paths(words: Iterable[str]) -> Iterable[str]:
    """The absolute paths that a command names, options' values included."""
    for word in words:
        candidate = word.rpartition("=")[2] if word.startswith("-") else word
        if candidate.startswith("/") and candidate != "/dev/null":
            yield candidate
