"""Makes docs/check.svg from what a check of the demo's deployment really says.

Run as `python docs/picture.py`. Only the scratch paths and ports are written as one would meet
them on a real machine.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from tabbydoctor import plugins
from tabbydoctor.demo.deployment import DemoDeployment, demo_deployment
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
        Path(__file__).with_name("check.svg").write_text(
            homely(svg(report, "tabbydoctor check"), demo), encoding="utf-8"
        )


def homely(text: str, demo: DemoDeployment) -> str:
    """With the names of a real machine in place of the scratch ones."""
    names = {
        str(demo.router): "/opt/llm-router/router.py",
        str(demo.directory): "/home/ivan/TabbyAPI",
        demo.url: "http://127.0.0.1:5000",
        demo.router_url: "http://127.0.0.1:8002",
        "user&#160;root": "user&#160;ivan",
    }
    for scratch, name in names.items():
        text = text.replace(scratch, name)
    return text


if __name__ == "__main__":
    main()
