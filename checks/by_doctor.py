"""What `tabbydoctor fix` offers beside the commands that do the same by hand."""

from __future__ import annotations

from tabbydoctor.api import Remedy, Safety


def by_doctor(id: str, safety: Safety) -> Remedy:
    """`tabbydoctor fix ID`: its safety is the one of the table of remedies."""
    return Remedy(
        "Or let tabbydoctor do it: it shows its plan first, and can take it back",
        safety,
        (f"sudo tabbydoctor fix {id}",),
    )
