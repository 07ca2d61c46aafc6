"""What `tabbydoctor fix` offers beside the commands that do the same by hand."""

from __future__ import annotations

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.invocation import invocation


def by_doctor(id: str, safety: Safety, *, restart: bool = False) -> Remedy:
    """`tabbydoctor fix ID`: its safety is the one of the table of remedies.

    A mere `restart` is nothing to take back.
    """
    end = "and sees whether it helped" if restart else "and can take it back"
    return Remedy(
        f"Or let tabbydoctor do it: it shows its plan first, {end}",
        safety,
        (invocation(f"fix {id}", root=True),),
    )
