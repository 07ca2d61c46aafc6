"""A headless Chromium, led by the DevTools protocol over its pipe (`--remote-debugging-pipe`)."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


class Chromium:
    """One page of a browser."""

    def __init__(self, to: int, answers: BinaryIO) -> None:
        self._to, self._answers = to, answers
        self._numbers = itertools.count(1)
        self._session: str | None = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """A command's result; raises AssertionError where Chromium refuses it."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._read())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def show(self, page: Path, width: int, scheme: str, media: str = "screen") -> None:
        """Open a page as on a screen of that width."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media=media, features=features)
        self.send("Page.navigate", url=page.as_uri())
        while self.ask("document.readyState") != "complete" or self.ask("location.href") != (
            page.as_uri()
        ):
            continue

    def ask(self, expression: str) -> Any:
        """The value of an expression on the page."""
        return self.send("Runtime.evaluate", expression=expression, returnByValue=True)[
            "result"
        ].get("value")

    def picture(self) -> bytes:
        """The whole page as PNG."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def printed(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.send("Page.printToPDF", printBackground=False)["data"])

    def _read(self) -> bytes:
        read = bytearray()
        while (byte := self._answers.read(1)) not in (b"\0", b""):
            read += byte
        assert read, "Chromium has ended"
        return bytes(read)


@contextmanager
def chromium(program: str, directory: Path) -> Iterator[Chromium]:
    """A browser for as long as the block lasts; its profile is in the directory."""
    (commands, to), (answers, out) = os.pipe(), os.pipe()
    line = (
        f'exec 3<&{commands} 4>&{out}; exec "$0" --headless --no-sandbox --disable-gpu '
        '--remote-debugging-pipe --hide-scrollbars "--user-data-dir=$1" about:blank'
    )
    with subprocess.Popen(
        ["bash", "-c", line, program, str(directory)],
        pass_fds=(commands, out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as browser:
        os.close(commands)
        os.close(out)
        try:
            with os.fdopen(answers, "rb") as heard:
                yield Chromium(to, heard)
        finally:
            browser.terminate()
            os.close(to)
