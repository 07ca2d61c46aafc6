"""What wiring does to a source: the lines that must change do, and no others."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from functools import cache

import pytest

from tabbydoctor.routers import python
from tabbydoctor.routers.wiring import CannotWire, Wired, WiringStrategy, wire
from tests.routers.cases import CASES, FILES, TABBY_URLS
from tests.sampling import sampled

NAMES = [case.name for case in CASES if case.parses]
TEXTS = {case.name: case.text for case in CASES}
BLOCK = re.compile(r"\r?\n# >>> tabbydoctor.*?# <<< tabbydoctor\r?\n", re.DOTALL)
STRATEGIES: tuple[WiringStrategy, ...] = ("router-tokens", "router-env")


@cache
def wired(
    source: str | bytes, strategy: WiringStrategy = "router-tokens", replace_own_key: bool = False
) -> Wired:
    raw = source.encode() if isinstance(source, str) else source
    return wire(
        raw,
        tabby_urls=TABBY_URLS,
        strategy=strategy,
        tokens_path="/srv/tabbyAPI/api_tokens.yml",
        files=FILES,
        replace_own_key=replace_own_key,
    )


def changed(before: str, after: str) -> list[str]:
    """The lines that are new or other, without the helper's block."""
    diff = difflib.ndiff(before.splitlines(), BLOCK.sub("", after, count=1).splitlines())
    return [line[2:] for line in diff if line.startswith("+ ")]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", sampled(NAMES, 4))
def test_wiring_twice_is_wiring_once(name: str, strategy: WiringStrategy) -> None:
    once = wired(TEXTS[name], strategy)
    twice = wired(once.source, strategy)
    assert twice.source == once.source
    assert twice.changes == ()


@pytest.mark.parametrize("name", NAMES)
def test_only_lines_that_call_the_helper_or_judge_an_answer_differ(name: str) -> None:
    result = wired(TEXTS[name])
    for line in changed(TEXTS[name], result.source.decode()):
        assert "_tabby_" in line or "status" in line or "client = httpx.Client(" in line
    assert result.leftovers == ()


@pytest.mark.parametrize("name", NAMES)
def test_line_ends_and_byte_order_mark_stay(name: str) -> None:
    before = b"\xef\xbb\xbf" + TEXTS[name].replace("\n", "\r\n").encode()
    after = wired(before).source
    assert after.startswith(b"\xef\xbb\xbf")
    assert after.count(b"\n") == after.count(b"\r\n")
    assert after.decode("utf-8-sig").replace("\r\n", "\n") == wired(TEXTS[name]).source.decode()


@pytest.mark.parametrize("name", sampled(NAMES, 4))
def test_the_other_strategy_replaces_the_block_alone(name: str) -> None:
    tokens, env = wired(TEXTS[name]).source, wired(TEXTS[name], "router-env").source
    assert wired(tokens, "router-env").source == env
    assert wired(env).source == tokens
    assert b"api_tokens.yml" not in BLOCK.findall(env.decode())[:1]


def test_a_replaced_key_stays_replaced() -> None:
    once = wired(TEXTS["requests_variable"], replace_own_key=True)
    assert once.changes
    assert wired(once.source).source == once.source
    assert wired(TEXTS["requests_variable"]).changes == ()


HEAD = "import httpx\n\nTABBY = 'http://localhost:5000'\n\n\n"
PROBE = HEAD + "def healthy():\n    r = httpx.get(TABBY + '/v1/models')\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "    return r.status_code in [200, 404, 401]\n",
            "    return r.status_code in [200, 404]\n",
        ),
        ("    return r.status_code in (401, 200)\n", "    return r.status_code in (200,)\n"),
        ("    return r.status_code in (200, 401)\n", "    return r.status_code in (200,)\n"),
        ("    return r.status_code in {200, 401}\n", "    return r.status_code in {200}\n"),
        ("    return r.status_code < 500\n", "    return r.status_code == 200\n"),
        ("    return 200 <= r.status_code < 500\n", "    return r.status_code == 200\n"),
        ("    return r.status_code in range(200, 500)\n", "    return r.status_code == 200\n"),
        ("    return r.status_code != 503\n", "    return r.status_code == 200\n"),
        (
            "    return r.status_code == 200 or r.status_code == 401\n",
            "    return r.status_code == 200\n",
        ),
        (
            "    if r.status_code >= 500:\n        return False\n    return True\n",
            "    if r.status_code != 200:\n        return False\n    return True\n",
        ),
        ("    return True\n", "    return r.status_code == 200\n"),
    ],
)
def test_a_401_is_taken_out_of_every_verdict(before: str, after: str) -> None:
    result = wired(PROBE + before)
    assert result.source.decode().endswith("auth=_tabby_auth)\n" + after)
    assert not python.read("r.py", PROBE + after, TABBY_URLS).accepts_401
    assert result.leftovers == ()


SHARED = """import requests

PORTS = {"tabby": 5000, "sglang": 30000}


def ready(name):
    r = requests.get(f"http://localhost:{PORTS[name]}/v1/models")
    return r.status_code < 500


def sweep():
    return {name: ready(name) for name in PORTS}
"""


def test_a_shared_probe_only_refuses_what_the_key_decides() -> None:
    text = wired(SHARED).source.decode()
    assert "return (r.status_code < 500 and r.status_code not in (401, 403))" in text


HOPELESS = """import requests

PORTS = {"tabby": 5000, "sglang": 30000}


def ready(name):
    url = f"http://localhost:{PORTS[name]}/v1/completions"
    r = requests.post(url, json={"model": "test", "prompt": "hi"}, timeout=2)
    return r.status_code == 200


def sweep():
    return {name: ready(name) for name in PORTS}
"""


def test_a_hopeless_probe_stays_as_it_is_for_other_backends() -> None:
    text = wired(HOPELESS).source.decode()
    line = next(line for line in text.splitlines() if line.startswith("    r = "))
    assert "_tabby_probe(requests, url, timeout=2) if _tabby_serves(url) else" in line
    assert 'requests.post(url, json={"model": "test", "prompt": "hi"}, timeout=2, auth' in line


@pytest.mark.parametrize(
    "source",
    [
        TEXTS["syntax_error"],
        "print('no router')\n",
        "import httpx\nhttpx.get('http://localhost:30000/health')\n",
        b"# coding: no-such-coding\nimport httpx\n",
        b"import httpx\n'\xff'\n",
        "",
    ],
)
def test_what_cannot_be_wired_says_what_to_paste(source: str | bytes) -> None:
    with pytest.raises(CannotWire) as refused:
        wired(source)
    compile(refused.value.snippet, "snippet", "exec")
    assert "auth=_tabby_auth" in refused.value.snippet


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(CannotWire) as refused:
        wired(TEXTS["syntax_error"])
    assert refused.value.line == 8


def test_a_client_of_its_own_is_left_to_a_person() -> None:
    source = (
        "from openai import OpenAI\nfrom .clients import own\n\n"
        "client = OpenAI(base_url='http://localhost:5000/v1', http_client=own())\n\n\n"
        "def forward(body):\n    return client.chat.completions.create(**body)\n"
    )
    with pytest.raises(CannotWire):
        wired(source, replace_own_key=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("httpx.Client()", "httpx.Client(auth=_tabby_auth)"),
        ("httpx.Client(timeout=2,)", "httpx.Client(timeout=2, auth=_tabby_auth,)"),
        ("httpx.Client(timeout=(2))", "httpx.Client(timeout=(2), auth=_tabby_auth)"),
        ("httpx.Client(auth=None)", "httpx.Client(auth=_tabby_auth)"),
        (
            "httpx.Client(\n    timeout=2,  # quick\n)",
            "httpx.Client(\n    timeout=2, auth=_tabby_auth,  # quick\n)",
        ),
        (
            "httpx.Client(\n\ttimeout=2,\n)",
            "httpx.Client(\n\ttimeout=2,\n\tauth=_tabby_auth,\n)",
        ),
        ("httpx.Client(**OPTIONS)", "_tabby_session(httpx.Client(**OPTIONS))"),
        ("Own()", "_tabby_session(Own())"),
        ("requests.Session()", "_tabby_session(requests.Session())"),
    ],
)
def test_the_argument_finds_its_place(before: str, after: str) -> None:
    source = (
        "#!/usr/bin/env python3\n# -*- coding: latin-1 -*-\n'''Gr\xfc\xdfe.'''\n"
        "from __future__ import annotations\nimport httpx, requests\n\n"
        "OPTIONS = {}\nclass Own(httpx.Client): pass\n\n"
        f"client = {before}\n\ndef healthy():\n"
        "\treturn client.get('http://localhost:5000/v1/models').status_code == 200\n"
    ).encode("latin-1")
    result = wired(source).source.decode("latin-1")
    assert f"client = {after}\n" in result
    assert result.startswith(
        "#!/usr/bin/env python3\n# -*- coding: latin-1 -*-\n'''Gr\xfc\xdfe.'''\n"
    )
    assert result.index("import httpx, requests") < result.index("# >>> tabbydoctor")
    assert wired(result.encode("latin-1")).source.decode("latin-1") == result


WRITES: dict[str, Callable[[str], str]] = {
    "text": lambda path: (
        '    text = f"""model:\n  model_name: {name}\nnetwork:\n'
        '  disable_auth: true\n  host: 0.0.0.0\n  port: 5000\n"""\n'
        f'    with open("{path}", "w") as file:\n        file.write(text)\n'
    ),
    "plain": lambda path: (
        '    text = "network:\\n  disable_auth: true\\n  host: 0.0.0.0\\n  port: 5000\\n"\n'
        f'    with open("{path}", "w") as file:\n        file.write(text)\n'
    ),
    "mapping": lambda path: (
        '    data = {"model": {"model_name": name},\n'
        '            "network": {"host": "0.0.0.0", "port": 5000, "disable_auth": True}}\n'
        f'    with open("{path}", "w") as file:\n        yaml.safe_dump(data, file)\n'
    ),
}
"""Ways of writing a configuration, into a file of a given path."""


def rewriting(kind: str, path: str) -> str:
    return (
        "import httpx, yaml\n\n\ndef start(name):\n"
        + WRITES[kind](path)
        + "\n\ndef healthy():\n"
        + "    return httpx.get('http://localhost:5000/v1/models').status_code == 200\n"
    )


@pytest.mark.parametrize("kind", WRITES)
def test_a_rewritten_configuration_keeps_its_authentication(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import yaml

    path = tmp_path_factory.mktemp("tabby") / "config.yml"
    result = wired(rewriting(kind, str(path)))
    assert result.leftovers == ()
    assert wired(result.source).source == result.source
    names: dict[str, Callable[[str], None]] = {}
    exec(compile(result.source, "router.py", "exec"), names)
    for text, auth, host in (
        (None, False, "127.0.0.1"),
        ("network:\n  disable_auth: true\n  host: 0.0.0.0\n", True, "0.0.0.0"),
        ("network: {host: 10.1.1.1}\n", False, "10.1.1.1"),
        ("network:\n  host: '::1'\n  disable_auth: false\n", False, "::1"),
    ):
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        names["start"]("some-model")
        network = yaml.safe_load(path.read_text())["network"]
        assert network == {"disable_auth": auth, "host": host, "port": 5000}


def test_a_configuration_emptied_before_it_is_made_is_left_to_a_person() -> None:
    source = (
        "import httpx\n\n\ndef start(name):\n    with open('/srv/config.yml', 'w') as file:\n"
        "        file.write('network:\\n  disable_auth: true\\n')\n\n\ndef healthy():\n"
        "    return httpx.get('http://localhost:5000/v1/models').status_code == 200\n"
    )
    assert any("config.yml" in left for left in wired(source).leftovers)
