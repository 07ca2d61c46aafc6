"""Where the `tabbydoctor` command starts. Kept light: `--version` must answer at once."""

from __future__ import annotations

import sys
import threading


def main() -> int:
    """Run the command line; the return value is the exit code."""
    if sys.argv[1:] == ["--version"]:
        from tabbydoctor import __version__

        sys.stdout.write(f"tabbydoctor {__version__}\n")
        return 0
    from tabbydoctor.cli.app import run

    code = run(sys.argv[1:])
    if threading.active_count() > 1:
        from tabbydoctor.threads import leave

        leave(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
