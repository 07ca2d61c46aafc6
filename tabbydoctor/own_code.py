"""What the doctor itself is made of: root is to run no code that others may write.

Python imports what it finds first on `sys.path`; whoever may write there becomes root by the next
`sudo tabbydoctor`. Looked at before anything of it is imported, with a few calls of lstat(2).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from tabbydoctor.trust import Untrusted, trusted

PLACE = "/opt/tabbydoctor"


def leave_current_directory() -> None:
    """Import nothing from where the doctor is started: `python -m` puts that directory first.

    In place of it the command puts its own (bin); python's `-P` does without either.
    """
    if not sys.flags.safe_path and sys.path:
        del sys.path[0]


def warn_root() -> None:
    """As root: one warning on stderr about the first place of code that others may write."""
    if os.geteuid() != 0:
        return
    for place in _places():
        try:
            trusted(place, closed=True)
        except Untrusted as doubt:
            sys.stderr.write(_warning(place, doubt))
            return
        except OSError:
            continue  # what cannot be looked at is not imported either


def _places() -> Iterator[str]:
    """The interpreter, the entry script, all directories of modules, the packages of plug-ins."""
    yield sys.executable
    if sys.argv and os.path.isfile(sys.argv[0]):
        yield sys.argv[0]
    yield from (entry or os.getcwd() for entry in sys.path)
    yield from (os.path.join(folder, name) for folder, name in _own_files())
    yield from _plugins()


def _own_files() -> Iterator[tuple[str, str]]:
    for folder, folders, names in os.walk(os.path.dirname(os.path.abspath(__file__))):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from ((folder, name) for name in names if name.endswith(".py"))


def _plugins() -> Iterator[str]:
    from importlib.util import find_spec

    from tabbydoctor.entries import entries  # not before the current directory was left

    for entry in entries():
        try:
            spec = find_spec(entry.package)
        except (ImportError, ValueError):
            continue  # loading it tells
        if spec is not None:
            yield from spec.submodule_search_locations or ()
            yield from filter(os.path.isfile, [spec.origin or ""])


def _warning(place: str, doubt: Untrusted) -> str:
    within = "" if doubt.path == os.path.abspath(place) else f" (for {place})"
    return (
        f"tabbydoctor: warning: root runs code that others may write: {doubt}{within}\n"
        f"  install it where only root may write ({PLACE}: see Install it in the README), or "
        "take what names that place out of PYTHONPATH\n"
    )
