"""`tabbydoctor demo`: the doctor at work on a machine with nothing installed."""

from __future__ import annotations

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.options import Given, with_targets


@with_targets
def demo(*, given: Given) -> int:
    """Set up a stand-in TabbyAPI and a router with the 401 fault, check them, clean up.

    Needs no root, no GPU, no systemd, and no TabbyAPI. Exit code 0 when the doctor named the
    fault.
    """
    from tabbydoctor.demo.deployment import DemoError
    from tabbydoctor.demo.show import show

    try:
        show()
    except DemoError as error:
        raise CommandError(str(error), hint="nothing was left behind") from error
    return 0
