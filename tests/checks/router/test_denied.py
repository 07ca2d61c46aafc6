"""RTR017: what a router takes its key from is out of its reach, or cannot be sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checks.router.denied import denied
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host import Account
from tabbydoctor.routers import python
from tabbydoctor.routers.reach import router_reach
from tests.checks.router.scene import config
from tests.scratch_host import ScratchHost

ROUTER = Account("gateway", 61002, 61002, "/srv/router", "/usr/sbin/nologin", (61002,))
URLS = ("http://127.0.0.1:5000",)
FROM_TOKENS = """\
import httpx, yaml

def forward(body):
    with open("{path}") as file:
        key = yaml.safe_load(file)["api_key"]
    key = key[0] if isinstance(key, list) else key
    headers = {{"Authorization": f"Bearer {{key}}"}}
    return httpx.post("http://127.0.0.1:5000/v1/completions", json=body, headers=headers)
"""
FROM_FILE = """\
import httpx

KEY = {reading}

def forward(body):
    headers = {{"Authorization": f"Bearer {{KEY}}"}}
    return httpx.post("http://127.0.0.1:5000/v1/completions", json=body, headers=headers)
"""


ROOT = Account("root", 0, 0, "/root", "/bin/bash", (0,))


def findings(
    source: str, account: Account = ROUTER, properties: dict[str, str] | None = None
) -> list[str]:
    unit = Unit("llm-router.service", {"LoadState": "loaded", **(properties or {})})
    site = RouterSite("/opt/router.py", "python", unit, None, account)
    reading = python.read("/opt/router.py", source, URLS, environment={})
    assert reading.calls
    reach = router_reach(ScratchHost(accounts=(account,)), site, reading, None)
    return [finding.title for finding in denied.judge(reach, reading, site, config(), None)]


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        pytest.skip("needs root to give files to others")
    tmp_path.chmod(0o755)
    for above in tmp_path.parents:
        if not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o001)
    home = tmp_path / "home"
    home.mkdir()
    path = home / "api_tokens.yml"
    path.write_text("api_key: " + "a" * 32 + "\n")
    path.chmod(0o640)
    os.chown(path, 61001, ROUTER.gid)
    return path


def test_a_file_that_may_be_read(tokens: Path) -> None:
    assert findings(FROM_TOKENS.format(path=tokens)) == []


@pytest.mark.parametrize("denies", ["the file", "a home", "ProtectHome", "InaccessiblePaths"])
def test_a_file_that_may_not_be_read(tokens: Path, denies: str) -> None:
    properties = {}
    if denies == "the file":
        tokens.chmod(0o600)
    elif denies == "a home":
        tokens.parent.chmod(0o700)
    elif denies == "ProtectHome":
        properties = {"TemporaryFileSystem": str(tokens.parent)}
    else:
        properties = {"InaccessiblePaths": str(tokens.parent)}
    (found,) = findings(FROM_TOKENS.format(path=tokens), properties=properties)
    assert "may not open it" in found


@pytest.mark.parametrize(
    ("reading", "content", "flawed"),
    [
        ('open("{path}").read()', "key\n", True),
        ('open("{path}").read()', "key", False),
        ('open("{path}").read().strip()', "key\n", False),
        ('open("{path}").readline()', "key\n", True),
        ('open("{path}").readline().rstrip("\\n")', "key\n", False),
        ('__import__("pathlib").Path("{path}").read_text()', "key\n", True),
        ('open("{path}").read().strip()', "schlüssel\n", True),
        ('open("{path}").read().strip()', "two\nlines\n", True),
    ],
)
def test_what_cannot_be_sent(tmp_path: Path, reading: str, content: str, flawed: bool) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o644)
    source = FROM_FILE.format(reading=reading.format(path=path))
    if "pathlib" in source:
        source = source.replace('__import__("pathlib").', "pathlib.")
        source = "import pathlib\n" + source
    found = findings(source, ROOT)
    assert all("cannot be sent" in title for title in found)
    assert bool(found) is flawed
