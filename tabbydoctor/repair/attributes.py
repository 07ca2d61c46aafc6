"""Extended attributes of an open file: xattr(7), acl(5)."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping

_LABEL = "security."
_ACCESS = "system.posix_acl_access"
# Signatures of the content (IMA, EVM): wrong for any other content.
_NEVER = frozenset({"security.ima", "security.evm"})
_UNSUPPORTED = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENODATA)


def read_attributes(handle: int) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The attributes that are part of the file, and the security labels. Raises OSError."""
    found: dict[str, bytes] = {}
    for name in _names(handle):
        # One that went away, or that only its owner may read, is none of ours.
        with contextlib.suppress(OSError):
            found[name] = os.getxattr(handle, name)
    labels = {name for name in found if name.startswith(_LABEL)}
    return (
        {name: value for name, value in found.items() if name not in labels},
        {name: found[name] for name in labels - _NEVER},
    )


def write_attributes(handle: int, xattrs: Mapping[str, bytes], labels: Mapping[str, bytes]) -> None:
    """Give a new file these attributes. Raises OSError; a label that is not permitted is left."""
    if _ACCESS not in xattrs and _ACCESS in _names(handle):
        os.removexattr(handle, _ACCESS)  # inherited from the directory's default list
    for name, value in xattrs.items():
        os.setxattr(handle, name, value)
    for name, value in labels.items():
        with contextlib.suppress(OSError):
            os.setxattr(handle, name, value)


def _names(handle: int) -> list[str]:
    try:
        return sorted(os.listxattr(handle))
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return []
        raise
