"""Whether the kernel has a module already: whoever asks for the rules of a firewall has it load
what it lacks (modprobe(8)), and looking changes nothing."""

from __future__ import annotations

from tabbydoctor.host import Host

_LIMIT = 4 << 20


def is_loaded(host: Host, module: str) -> bool:
    """Whether asking a module anything loads none: it is there, or built in, or the kernel has no
    modules at all, which then has no list of them."""
    try:
        listed = host.read("/proc/modules", _LIMIT)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    rows = listed.text().splitlines()
    return any(row.startswith(f"{module} ") for row in rows) or _is_built_in(host, module)


def _is_built_in(host: Host, module: str) -> bool:
    try:
        release = host.read("/proc/sys/kernel/osrelease").text().strip()
        listed = host.read(f"/lib/modules/{release}/modules.builtin", _LIMIT).text()
    except OSError:
        return False
    return f"/{module}.ko\n" in f"{listed}\n"
