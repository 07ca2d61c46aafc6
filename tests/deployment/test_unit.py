"""What unit files say that systemctl does not print."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tabbydoctor.deployment.unit import Unit, UnitFile
from tabbydoctor.deployment.units import PROPERTIES

ROOT = Path(__file__).parents[2]
OTHERS = {"Content-Length", "Config", "Image", "Labels", "Name"}
"""Names of HTTP's and of an engine's record, which are asked for in the same way."""


def unit(*texts: str) -> Unit:
    files = tuple(UnitFile(f"/etc/{number}.conf", text) for number, text in enumerate(texts))
    return Unit("x.service", {"LoadCredential": "[unprintable]"}, files)


def test_a_list_setting_gathers_over_the_files_and_an_empty_one_starts_anew() -> None:
    one = "[Service]\nLoadCredential=a:/a\nLoadCredential = b:/b\n#LoadCredential=no:/no\n"
    assert unit(one).settings("LoadCredential") == ("a:/a", "b:/b")
    assert unit(one, "LoadCredential=\nLoadCredential=c:\\\n/c\n").settings("LoadCredential") == (
        "c: /c",
    )
    assert unit(one).settings("ExecStart") == ()


def properties_read() -> Iterator[str]:
    """The names in `unit.get("Restart")`, `unit.flag("PrivateTmp")`, wherever they are read."""
    for place in ("checks", "tabbydoctor"):
        for path in (ROOT / place).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(
                        ast.Attribute(attr="get" | "flag"), [ast.Constant(str(name)), *_]
                    ) if re.match("[A-Z][a-z]", name):
                        yield name


def test_what_is_read_of_a_unit_is_asked_for() -> None:
    """A property that systemctl is not asked for is empty on every machine, in no test."""
    read = set(properties_read())
    assert {"User", "PrivateDevices"} <= read
    assert read - set(PROPERTIES) - OTHERS == set()
