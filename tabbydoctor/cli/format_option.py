"""The option `--format` of the commands that show one thing."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """Formats of the commands that show one thing."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", metavar="text|json", help="How to show it.")
]
