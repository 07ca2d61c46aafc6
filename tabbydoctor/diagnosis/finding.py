"""What a check says: findings, their evidence, and the remedies they offer."""

from __future__ import annotations

from enum import StrEnum

from tabbydoctor.records import dataclass, field


class Severity(StrEnum):
    """How bad a finding is. Only errors and warnings become root causes."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Safety(StrEnum):
    """Whether a remedy may be applied unattended.

    `safe` loses nothing and lowers no protection, `unsafe` may interrupt service or
    change behaviour, `manual` is for the operator's own hands.
    """

    SAFE = "safe"
    UNSAFE = "unsafe"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was seen.

    `source` is where: `path:line`, a command, or a URL. `expected` and `actual` stand side
    by side in every report.
    """

    source: str
    expected: str | None = None
    actual: str | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """A way out: what it does, how safe it is, and the exact commands to paste.

    `nix` are lines for configuration.nix, where NixOS writes what is wrong; the commands then
    apply them. `lines` are lines for the file that the title names, to be written there by hand;
    the commands then open it and make it count.
    """

    title: str
    safety: Safety = Safety.MANUAL
    commands: tuple[str, ...] = ()
    nix: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault (or remark), with its evidence.

    `severity` and `caused_by` are left `None` to take what the check declares; a check sets
    `caused_by` itself where only the facts at hand tell which of its causes it was.
    """

    title: str
    detail: str = ""
    evidence: tuple[Evidence, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    severity: Severity | None = None
    caused_by: tuple[str, ...] | None = field(default=None)
