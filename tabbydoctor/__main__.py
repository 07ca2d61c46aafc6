"""Where the `tabbydoctor` command starts. Kept light: `--version` must answer at once."""

from __future__ import annotations

import sys

from tabbydoctor.own_code import leave_current_directory, warn_root


def main() -> int:
    """Run the command line and leave, whatever hangs; the return value is the exit code."""
    code = run_command()
    import threading  # not before the current directory was left

    if threading.active_count() > 1:
        from tabbydoctor.threads import leave

        leave(code)
    return code


def run_command() -> int:
    """Run the command line; the return value is the exit code."""
    if _asks_version(sys.argv[1:]):
        from tabbydoctor import __version__

        sys.stdout.write(f"tabbydoctor {__version__}\n")
        return 0
    leave_current_directory()
    try:
        warn_root()
        from tabbydoctor.cli.app import run
        from tabbydoctor.cli.errors import hide_from_python

        hide_from_python()
        return run(sys.argv[1:])
    except KeyboardInterrupt:  # before a command had begun
        sys.stderr.write("tabbydoctor: interrupted\n")
        return 130


def _asks_version(words: list[str]) -> bool:
    """Of the program or of a command: every one answers `--version`."""
    return words[-1:] == ["--version"] and not any(word.startswith("-") for word in words[:-1])


if __name__ == "__main__":
    sys.exit(main())
