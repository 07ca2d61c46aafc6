"""Pointing a router at another port: where it has TabbyAPI's address from, and nowhere else.

It is looked for in what overrules the rest first: the variables of its unit, its command line, the
files that these name. Only the digits of the port change, and only beside a name of this machine's
loopback; a number alone counts where its name says that it is TabbyAPI's port.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import Unit, last_setting
from tabbydoctor.records import dataclass
from tabbydoctor.remedies import dropin, nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.repair.errors import RepairError
from tabbydoctor.routers.entry import installed

DROP_IN = "front"
_HOSTS = rb"127\.0\.0\.1|localhost|\[::1\]|0\.0\.0\.0"
_COMMENT = (b"#", b"//", b";", b"*", b"--")
_NO_ADDRESS = re.compile(r"(?i)no_?proxy|origin|cors")
"""Variables in which an address is not one that is asked."""
_OF_TABBY = r"(?i)tabby\w*port"
_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Pointing:
    """From TabbyAPI's port to the front's."""

    draft: Draft
    site: RouterSite
    unit: Unit
    old: int
    new: int
    why: str

    def done(self) -> str:
        """Where the address was changed, in words; empty where it is found nowhere.

        Raises CannotFix where a place is found that no edit of lasts.
        """
        return self._in_environment() or self._in_command() or self._in_files()

    def _in_environment(self) -> str:
        files = {file.path: file for file in self.unit.environment_files}
        changed = [path for path in files if self._edited(path, assignments=True)]
        by_file = {
            line.partition("=")[0].strip()
            for file in files.values()
            for line in (file.text or "").splitlines()
        }
        lines = []
        for name, value in self.unit.environment.items():
            after = self._assigned(name, value)
            if after != value and name not in by_file:
                lines.append(f"Environment={_quoted(f'{name}={after}')}")
        if lines:
            dropin.extend(self.draft, self.unit, DROP_IN, lines, self.why)
            changed.append(f"the environment of {self.unit.name}")
        return ", ".join(changed)

    def variables(self) -> list[tuple[str, str]]:
        """The variables of its unit that lead to TabbyAPI, each with the value that leads on."""
        after = [
            (name, self._assigned(name, value)) for name, value in self.unit.environment.items()
        ]
        return [(name, value) for name, value in after if value != self.unit.environment[name]]

    def _assigned(self, name: str, value: str) -> str:
        if _NO_ADDRESS.search(name):
            return value
        if re.search(_OF_TABBY, name) and value == str(self.old):
            return str(self.new)
        return self._replaced(value.encode("utf-8", "surrogateescape")).decode(
            "utf-8", "surrogateescape"
        )

    def _in_command(self) -> str:
        raw = next(
            (found for file in reversed(self.unit.files)
             if (found := last_setting(file.text, "ExecStart"))), None
        )  # fmt: skip
        if raw is None:
            return ""
        after = self._replaced(raw.encode("utf-8", "surrogateescape"))
        flag = rb"(?i)(--?[\w-]*tabby[\w-]*port(?:=|\s+))%d(?!\d)" % self.old
        after = re.sub(flag, rb"\g<1>%d" % self.new, after)
        text = after.decode("utf-8", "surrogateescape")
        if text == raw:
            return ""
        dropin.extend(self.draft, self.unit, DROP_IN, ["ExecStart=", f"ExecStart={text}"], self.why)
        return f"the command line of {self.unit.name}"

    def _in_files(self) -> str:
        return next((path for path in self._named() if self._edited(path)), "")

    def _named(self) -> Iterator[str]:
        """The router's own file, and those that its command line names."""
        words = [word.partition("=")[2] or word for word in self.unit.command[1:]]
        paths = (posixpath.join(self.unit.working_directory, word) for word in words)
        every = (*([self.site.path] if self.site.path else []), *paths)
        for path in dict.fromkeys(map(posixpath.normpath, every)):
            own = posixpath.isabs(path) and not installed(path) and "/node_modules/" not in path
            if own and not nixos.leads_into_store(path) and "\0" not in path and len(path) < 4096:
                yield path

    def _edited(self, path: str, *, assignments: bool = False) -> bool:
        try:
            content = self.draft.read(path)
        except RepairError:
            return False  # a directory, a device, or nobody's to read
        if content is None or b"\0" in content or len(content) > _LIMIT:
            return False
        lines = content.splitlines(keepends=True)
        after = b"".join(self._line(line, assignments) for line in lines)
        if after == content:
            return False
        if not nixos.keeps_edits(path, self.site):
            raise CannotFix(
                f"{path} names TabbyAPI's address, and is written anew: change it there"
            )
        self.draft.edit(path, lambda _: after, self.why)
        return True

    def _line(self, line: bytes, assignments: bool) -> bytes:
        if line.lstrip().startswith(_COMMENT):
            return line
        name, equals, _ = line.partition(b"=")
        if assignments and equals and _NO_ADDRESS.search(name.decode("latin-1")):
            return line
        of_tabby = rb"(?i)(tabby\w*port[\"']?\s*[:=]\s*[\"']?)%d(?!\d)" % self.old
        return re.sub(of_tabby, rb"\g<1>%d" % self.new, self._replaced(line))

    def _replaced(self, text: bytes) -> bytes:
        address = rb"(?<![\w.-])((?:%s):)%d(?!\d)" % (_HOSTS, self.old)
        return re.sub(address, rb"\g<1>%d" % self.new, text)


def _quoted(assignment: str) -> str:
    """As `Environment=` takes it (systemd.exec(5)): in quotes, with no escape or specifier."""
    escaped = assignment.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
