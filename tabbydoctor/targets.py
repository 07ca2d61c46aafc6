"""What the user named: every part of a deployment can be given, else it is found."""

from __future__ import annotations

from tabbydoctor.records import dataclass


@dataclass(frozen=True, slots=True)
class Targets:
    """The parts of the deployment given by option, environment or settings file.

    `None` means: find it. `given_by` says for each given part where it came from
    (`--dir`, `TABBYDOCTOR_DIR`, `settings.toml`).
    """

    dir: str | None = None
    config: str | None = None
    tokens: str | None = None
    unit: str | None = None
    user_unit: str | None = None
    user: str | None = None
    url: str | None = None
    router: str | None = None
    router_unit: str | None = None
    deployment: str | None = None
    """A description to judge in place of this machine."""
    given_by: tuple[tuple[str, str], ...] = ()

    def source(self, part: str) -> str:
        """Where a given part was given, in words."""
        return dict(self.given_by).get(part, f"--{part.replace('_', '-')}")
