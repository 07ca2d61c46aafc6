"""What the installed TabbyAPI asks of exllamav3, read from its source, which is not run."""

from __future__ import annotations

import re

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import reader
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass

_REQUIRED = re.compile(r"""check_package_version\(\s*["']exllamav3["']\s*,\s*["']([\d.]+)["']""")
_DEFAULT = re.compile(
    r"^[ \t]*cache_size_default\s*=\s*(max_seq_len|[1-9][0-9]{0,9})[ \t]*$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Backend:
    """TabbyAPI's part that drives exllamav3."""

    path: str
    required: str | None
    """The oldest exllamav3 with which it loads a model; with an older one it refuses to."""
    default_cache: str
    """Without `cache_size`: `max_seq_len` (since 2026-03-20, which without a value is all the
    model can take), a number of tokens, or empty (before 2026-03-17: max_seq_len or else 4096)."""


def backend(host: Host, instance: Instance) -> Backend:
    """Read backends/exllamav3/model.py.

    Raises Absent where there is none, Unknown where it may not be read.
    """
    if instance.container and instance.contained is None:
        raise Unknown(f"TabbyAPI runs in the container {instance.container}: look inside it")
    path = f"{instance.main_directory}/backends/exllamav3/model.py"
    try:
        text = host.seen_by(reader(host, instance)).read(path, limit=4 << 20).text()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Absent(f"there is no {path}") from error
    except OSError as error:
        raise Unknown(f"cannot read {path}: {error.strerror or error}: run as root") from error
    required, default = _REQUIRED.search(text), _DEFAULT.search(text)
    return Backend(path, required[1] if required else None, default[1] if default else "")


GATHERERS = (backend,)
