"""`tabbydoctor bundle`: what the machine answered, without secrets, to be judged elsewhere."""

from __future__ import annotations

import asyncio
import datetime
import shlex
import socket
from typing import Annotated

import typer

from tabbydoctor import plugins
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.output import require_output, write_output
from tabbydoctor.cli.showing import show_text

_TIMEOUT = 10.0


@with_targets
def bundle(
    *,
    given: Given,
    output: Annotated[
        str, typer.Option(metavar="FILE.tar.gz", help="Where to write it.")
    ] = "tabbydoctor-bundle.tar.gz",
) -> int:
    """Record every answer that the machine gives to a check, without secrets.

    check --from judges it elsewhere, with the same findings. A deployment that is half dead, or
    not found at all, has one, too. Keys are replaced by others of the same kind; paths, accounts
    and logs are in it: its manifest.json says what was taken out.
    """
    from tabbydoctor.examination import NothingToExamine, examine
    from tabbydoctor.examination.bundle import pack
    from tabbydoctor.host.local import LocalHost
    from tabbydoctor.host.recording import AnswerRecord, RecordingHost

    require_output(output)
    record = AnswerRecord()
    host = RecordingHost(LocalHost(), record)
    found = ""
    try:
        report = asyncio.run(examine(host, given.targets, plugins.checks(), time_limit=_TIMEOUT))
        found = report.host
    except NothingToExamine as error:
        found = socket.gethostname()
        show_text(f"{error}; what was looked at is recorded all the same.")
    made_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    content = pack(record.answers(), given.targets, found, made_at)
    write_output(output, content, private=True)
    kept = shlex.quote(output)
    return show_text(
        f"{output}: {len(content) >> 10} KiB. On any machine, check --from {kept} judges it."
    )
