"""Makes docs/check.svg from what a check of the demo's deployment really says.

Run as `python docs/picture.py`. Only the scratch paths and ports are written as one would meet
them on a real machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from tabbydoctor import plugins
from tabbydoctor.demo.deployment import demo_deployment
from tabbydoctor.diagnosis.check import Check
from tabbydoctor.examination import examine
from tabbydoctor.host.local import LocalHost
from tabbydoctor.reports.redacted import redacted
from tabbydoctor.reports.svg import svg
from tabbydoctor.targets import Targets


def main() -> None:
    """Write the picture."""
    with demo_deployment() as demo:
        targets = Targets(dir=str(demo.directory), url=demo.url, router=str(demo.router))
        report = redacted(
            asyncio.run(examine(LocalHost(), targets, plugins.checks(), time_limit=10))
        )
        names = {
            str(demo.router): "/opt/llm-router/router.py",
            str(demo.directory): "/home/ivan/TabbyAPI",
            demo.url: "http://127.0.0.1:5000",
            demo.router_url: "http://127.0.0.1:8002",
        }
        usual = renamed(report, names)
        usual = replace(usual, deployment={**usual.deployment, "user": "ivan"})
        picture = svg(usual, "tabbydoctor check")
        Path(__file__).with_name("check.svg").write_text(picture, encoding="utf-8")


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A report with the names of a real machine in place of the scratch ones.

    Before it is drawn: the picture tells how wide each text is.
    """
    if isinstance(value, str) and type(value) is str:
        for scratch, name in names.items():
            value = value.replace(scratch, name)
        return value
    if isinstance(value, list | tuple):
        return type(value)(renamed(one, names) for one in value)
    if isinstance(value, Mapping):
        return {key: renamed(one, names) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type | Check):
        changed = {one.name: renamed(getattr(value, one.name), names) for one in fields(value)}
        return replace(value, **changed)
    return value


if __name__ == "__main__":
    main()
