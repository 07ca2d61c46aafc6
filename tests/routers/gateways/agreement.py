"""Holds a reading to what a real gateway does with the same configuration."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.gateways.in_place import KeyPlacing
from tabbydoctor.routers.gateways.text import edited_text
from tabbydoctor.routers.kind import CannotGiveKey, PlacedKind
from tests.routers.gateways.running import Asked, Recorder, ask, free_port, recorder
from tests.routers.gateways.sites import Site

KEY, ADMIN, IN_UNIT = "a1" * 16, "b2" * 16, "k-env"
PATHS = (
    "/v1/chat/completions", "/v1/models", "/v1", "/v1/", "/llm/v1/chat/completions", "/llm/",
    "/ai/chat/completions", "/health", "/web/x", "/", "/other", "/v1x/y",
)  # fmt: skip
Run = Callable[[Path, str, int], AbstractContextManager[None]]


class Behind:
    """A configuration at free ports, with what stands behind it."""

    def __init__(self, kind: ModuleType, path: str, site: Site, tabby: Recorder, other: Recorder):
        self.kind, self.path, self.site, self.tabby = kind, path, site, tabby
        self.port = free_port()
        self.text = text_of(site)
        for written, meant in ((":5000", tabby.port), (":5999", other.port), (":8080", self.port)):
            self.text = self.text.replace(written, f":{meant}")
        for before in ("port=", 'port: "'):  # of labels
            self.text = self.text.replace(f"{before}5000", f"{before}{tabby.port}")

    def read(self) -> RouterReading:
        found: RouterReading = self.kind.read(
            self.path, self.text, (f"http://127.0.0.1:{self.tabby.port}",)
        )
        assert not found.problem
        assert not found.cuts
        return found

    def asked(self, paths: tuple[str, ...], key: str) -> list[Asked]:
        """What the server behind gets of some requests."""
        self.tabby.asked.clear()
        for path in paths:
            ask(self.port, path, host=self.site.host, key=key)
        return [one for one in self.tabby.asked if one.method == "POST"]


def text_of(site: Site) -> str:
    return site.text.replace("$KEY", KEY).replace("$ADMIN", ADMIN)


def agrees(kind: ModuleType, run: Run, path: str, site: Site, directory: Path) -> None:
    """For each way that was read: asked by the path that shows it, the server behind gets that
    path, and that key; and where none was read, none.
    """
    with recorder() as tabby, recorder() as other:
        behind = Behind(kind, path, site, tabby, other)
        reading = behind.read()
        assert reading.of("forward")
        if reading.accepts_401:
            return  # what stands behind answers 200: it is taken for down
        with run(directory, behind.text, behind.port):
            for call in reading.of("forward"):
                further = tuple(f"{base}{call.path}" for base in ("/llm", "/ai", "/v1", ""))
                got = [
                    one for one in behind.asked((*PATHS, *further), KEY) if one.path == call.path
                ]
                assert got, f"nobody comes to {call.path}: {behind.tabby.asked}"
                keys = {f"Bearer {key}" for key in reading.literal_keys} | set(reading.literal_keys)
                keys |= {f"Bearer {IN_UNIT}"} if call.key_from.startswith("environment ") else set()
                sent = any(one.authorization in keys or one.x_api_key in keys for one in got)
                assert sent or not call.sends_key
                if call.sends_key is False:
                    theirs = behind.asked((*PATHS, *further), "sk-theirs")
                    assert any(
                        one.path == call.path and one.authorization != f"Bearer {KEY}"
                        for one in theirs
                    )


def lines_help(
    kind: ModuleType, run: Run, path: str, site: Site, concern: str, directory: Path, *,
    whole: bool = False,
) -> None:  # fmt: skip
    """Pasted where they are said to belong, the real gateway takes them, and they help. `whole`:
    those of a block belong together.
    """
    with recorder() as tabby, recorder() as other:
        behind = Behind(kind, path, site, tabby, other)
        edits = [edit for edit in behind.read().by_hand if edit.concern == concern]
        if not edits:
            assert concern != "key" or "tcp" in behind.text
            assert concern != "wait" or behind.read().waits == ()
            return
        blocks = list(dict.fromkeys(edit.block for edit in edits))
        for block in blocks:  # one after the other, each read anew
            fresh = [one for one in behind.read().by_hand if one.concern == concern]
            mine = [one for one in fresh if one.block == block]
            mine = mine if whole else mine[:1]
            behind.text = edited_text(behind.text, mine).replace("<api_key>", KEY)
        after = behind.read()
        with run(directory, behind.text, behind.port):
            paths = tuple(call.path for call in after.of("forward"))
            got = behind.asked((*PATHS, *paths), KEY)
        helped = {
            "key": all(call.sends_key for call in after.of("forward"))
            and set(after.literal_keys) == {KEY}
            and all(one.authorization == f"Bearer {KEY}" for one in got),
            "wait": {wait.seconds for wait in after.waits} == {600},
            "path": after.misses == (),
            "stream": after.buffers == (),
            "probe": {(call.method, call.path) for call in after.of("probe")}
            <= {("GET", "/health")},
        }
        assert helped[concern]


def is_edited_in_place(kind: PlacedKind, run: Run, path: str, site: Site, directory: Path) -> None:
    """Edited, the real gateway sends TabbyAPI's key, and all else that passes through is as it was;
    where nothing is wrong with the key nothing changes, and a second time neither.
    """
    with recorder() as tabby, recorder() as other:
        behind = Behind(kind, path, site, tabby, other)  # type: ignore[arg-type]
        key_file = str(directory / "key.conf")
        (directory / "key.conf").write_text(kind.key_file.replace("<api_key>", KEY))
        texts = {path: behind.text, key_file: (directory / "key.conf").read_text()}
        urls = (f"http://127.0.0.1:{tabby.port}",)
        placing = KeyPlacing(kind, path, urls, key_file, lambda key: key.literal == KEY)
        try:
            after = placing.texts(texts)
        except CannotGiveKey as refused:
            if "together" in refused.message or "takes no header" in refused.message:
                return
            raise
        assert placing.texts(after) == after
        of_keys = {"RTR001", "RTR002", "RTR003", "RTR004", "RTR005", "RTR007"}
        assert (after != texts) is bool(of_keys & {*site.roots})
        with run(directory, behind.text, behind.port):
            before = _of_others(behind, other)
        with run(directory, after[path], behind.port):
            assert _of_others(behind, other) == before
            ways = [call.path for call in behind.read().of("forward")]
            got = behind.asked((*PATHS, *ways), "sk-theirs")
            keyed = [one for one in got if KEY in f"{one.authorization} {one.x_api_key}"]
            assert [one for one in got if one not in keyed and one.path != "/health"] == []


def _of_others(behind: Behind, other: Recorder) -> list[Asked]:
    """What the other server gets of what passes through."""
    other.asked.clear()
    for path in PATHS:
        ask(behind.port, path, host=behind.site.host)
    return [one for one in other.asked if one.method == "POST"]
