"""`tabbydoctor probe`: what the running server answers, endpoint by credential."""

from __future__ import annotations

import asyncio
import shutil
import sys
from typing import TYPE_CHECKING, Annotated

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.format_option import Format, FormatOption
from tabbydoctor.cli.option import option
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import TIME_LIMIT, fact, show_json, show_text
from tabbydoctor.tabbyapi.probes import Endpoint

if TYPE_CHECKING:
    from tabbydoctor.routers.through import ThroughRouter

_SENDING = 45.0
"""Seconds more, for a completion that a router may hold for a while."""


@with_targets
def probe(
    *,
    given: Given,
    through_router: Annotated[
        bool,
        option(
            "--through-router",
            help="Ask the running router, too: GETs alone, no key or one that nobody knows.",
        ),
    ] = False,
    send: Annotated[
        bool,
        option(
            "--send",
            help="With --through-router: post one completion, for a model that nobody serves.",
        ),
    ] = False,
    format: FormatOption = Format.TEXT,
) -> int:
    """Ask the running server with no key, a wrong key, the API key and the admin key."""
    from tabbydoctor.reports import probe_view

    if send and not through_router:
        raise CommandError("--send goes with --through-router")
    found, through = _both(given, send) if through_router else (fact(given, Endpoint), None)
    if format == Format.JSON:
        return show_json(probe_view.as_json(found, through))
    width = min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 80
    return show_text(probe_view.as_text(found, width, through))


def _both(given: Given, send: bool) -> tuple[Endpoint, ThroughRouter]:
    from tabbydoctor.examination.through_router import ask_through_router
    from tabbydoctor.facts import NoFact
    from tabbydoctor.host.local import LocalHost

    limit = TIME_LIMIT + (_SENDING if send else 0)
    try:
        return asyncio.run(ask_through_router(LocalHost(), given.targets, limit, send=send))
    except NoFact as error:
        raise CommandError(str(error)) from error
    except TimeoutError as error:
        raise CommandError(f"no answer within {limit:g} seconds") from error
