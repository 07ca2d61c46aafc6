"""What was read is not read again: by a second look, a plan, the checks after a repair."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.host.data import Account, FileContent
from tabbydoctor.routers.inputs import RouterInputs, router_inputs
from tabbydoctor.tabbyapi.probes import Address
from tests.scratch_host import ScratchHost

from .programs import place

ADDRESS = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "its socket")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Text -> how often it was parsed."""
    counted: Counter[str] = Counter()

    def parse(source: str, *given: Any, **named: Any) -> ast.Module:
        counted[source] += 1
        tree: ast.Module = original(source, *given, **named)
        return tree

    original = ast.parse
    monkeypatch.setattr(ast, "parse", parse)
    return counted


def program(directory: Path) -> tuple[RouterSite, dict[Path, str]]:
    """A router whose texts no other test has read."""
    project = place("relaydesk", directory)
    for path in project.rglob("*.py"):
        path.write_text(f"{path.read_text()}# {path}\n")
    entry = project / "relaydesk/__main__.py"
    site = RouterSite(str(entry), "python", roots=(str(project),))
    return site, {path: path.read_text() for path in project.rglob("*.py")}


def look(site: RouterSite) -> RouterInputs:
    return router_inputs(ScratchHost(), site, ADDRESS, None)


def test_each_text_is_parsed_once(tmp_path: Path, parsed: Counter[str]) -> None:
    site, texts = program(tmp_path)
    for _ in range(3):
        look(site)
    assert {parsed[text] for text in texts.values()} <= {0, 1}
    assert parsed[texts[Path(str(site.path))]] == 1


def test_only_what_changed_is_parsed_anew(tmp_path: Path, parsed: Counter[str]) -> None:
    site, texts = program(tmp_path)
    look(site)
    before = Counter(parsed)
    entry = Path(str(site.path))
    entry.write_text(f"{entry.read_text()}# another\n")
    look(site)
    anew = parsed - before
    assert anew[entry.read_text()] == 1
    assert not {text for text in texts.values() if anew[text]}


class CountingHost(ScratchHost):
    """Which files were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: Counter[str] = Counter()

    def read(
        self, path: str, limit: int = 1 << 20, reader: Account | None = None, *, end: bool = False
    ) -> FileContent:
        self.opened[path] += 1
        return super().read(path, limit, reader, end=end)


def test_each_module_is_opened_once(tmp_path: Path) -> None:
    site, texts = program(tmp_path)
    host = CountingHost()
    router_inputs(host, site, ADDRESS, None)
    assert {host.opened[str(path)] for path in texts} == {1}


def configured(directory: Path, name: str, text: str, reads: str) -> Mapping[str, str]:
    """The configuration files that a router is read with which opens `reads`."""
    (directory / name).write_text(text)
    entry = directory / "router.py"
    entry.write_text(f"CONFIG = open({str(directory / name)!r}).read()\n{reads}")
    inputs = look(RouterSite(str(entry), "python"))
    return {Path(path).name: text for path, text in inputs.files.items()}


@pytest.mark.parametrize("name", ["b.json", "b.yml", "b.yaml", "b.toml", "prod.env", ".env",
                                  ".env.local"])  # fmt: skip
def test_the_configuration_files_that_it_opens_are_read_with_it(tmp_path: Path, name: str) -> None:
    assert configured(tmp_path, name, "port = 5000\n", "") == {name: "port = 5000\n"}


@pytest.mark.parametrize("name", ["api_tokens.yml", "secrets.toml", "credentials.env", "key.txt"])
def test_keys_are_no_configuration(tmp_path: Path, name: str) -> None:
    assert configured(tmp_path, name, "api_key: abc\n", "") == {}


def test_no_text_stands_in_what_may_be_printed(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TABBY_API_KEY=hush\n")
    entry = tmp_path / "router.py"
    entry.write_text(f"open({str(tmp_path / '.env')!r}).read()\nKEY = 'hush'\n")
    assert "hush" not in repr(look(RouterSite(str(entry), "python")))
