"""config.yml -> options -> config.yml: nothing that the module can express is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabbydoctor.nixos import block
from tabbydoctor.nixos.from_config import expressed
from tabbydoctor.nixos.generated import WrongOptions, generated
from tabbydoctor.nixos.options import BY_KEY
from tabbydoctor.tabbyapi.keys import KEYS, TABLE, ConfigKey
from tabbydoctor.tabbyapi.values import Refused, coerced
from tabbydoctor.yaml import yaml12

from .nix import evaluate, needs_nix
from .test_nix_text import HARD, TEXTS

_NUMBERS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)


def _values(key: ConfigKey) -> st.SearchStrategy[Any]:
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "bool": st.booleans(),
        "int": st.integers(-1, 2**40),
        "float": _NUMBERS,
        "text": TEXTS,
        "texts": st.lists(TEXTS, max_size=3),
        "ints": st.lists(st.integers(0, 99), max_size=3),
        "floats": st.lists(_NUMBERS | st.integers(0, 99), max_size=3),
        "mapping": st.dictionaries(TEXTS, TEXTS, max_size=2),
        "choice": st.sampled_from([*key.choices, "none of them"]),
        "choices": st.lists(st.sampled_from(["OAI", "oai", "Kobold"]), max_size=2),
        "cache": st.sampled_from(["FP16", "Q8", "Q4", "8,8"]),
        "float-or-auto": _NUMBERS | st.just("auto"),
        "loras": st.lists(
            st.fixed_dictionaries({"name": TEXTS}, optional={"scaling": st.floats(0, 9)}),
            max_size=2,
        ),
    }
    return st.none() | kinds[key.kind]


CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        section: st.fixed_dictionaries(
            {}, optional={key.name: _values(key) for key in KEYS if key.section == section}
        )
        for section in dict.fromkeys(key.section for key in KEYS)
    },
)


@settings(deadline=None, max_examples=60)
@given(CONFIGS)
def test_what_the_module_can_express_comes_back(config: dict[str, dict[str, Any]]) -> None:
    found = expressed(config)
    again = generated({"enable": True, **found.options}).document
    left = {(one.section, one.key): one for one in found.left}
    for section, keys in config.items():
        for name, raw in keys.items():
            path = (section, name)
            if raw is None:
                continue
            try:
                value = coerced(TABLE[path], raw)
            except Refused:
                assert left[path].way == "nothing"
                continue
            if path in left:
                assert left[path].value == value
            elif path in BY_KEY:
                written = again[section].get(name, [] if value == [] else None)
                assert coerced(TABLE[path], written) == value
            else:
                assert value == TABLE[path].default
    assert expressed(again).options == found.options


@settings(deadline=None, max_examples=60)
@given(CONFIGS)
def test_what_is_printed_is_read_the_same(config: dict[str, dict[str, Any]]) -> None:
    found = generated({"enable": True, **expressed(config).options})
    assert yaml12.document(block.to_config(found).encode()).data == found.document
    assert json.loads(found.text) == found.document
    assert "\n" not in found.text


SAMPLE: dict[str, Any] = {
    "network": {"host": "::", "api_servers": ["oai", "kobold"], "sse_ping_interval": 20},
    "model": {
        "model_name": "".join(HARD),
        "max_seq_len": -1,
        "cache_mode": "8,8",
        "rope_alpha": "auto",
        "gpu_split": [20, 24.5],
        "autosplit_reserve": [96.0],
    },
    "draft_model": {"draft_model_name": "50% ${x}", "draft_gpu_split": [1]},
    "draft": {"draft_model_name": "lost"},
    "lora": {"loras": [{"name": "a ${b}"}]},
    "developer": {"cuda_malloc_backend": True, "seqlog_api_key": "very-secret-indeed"},
    "auth": {"disable": True},
}


@needs_nix
def test_the_printed_lines_say_it_to_nix(tmp_path: Path) -> None:
    found = expressed(SAMPLE)
    text = block.to_options(found, "config.yml")
    value = evaluate("{\n" + text + "}", tmp_path)
    assert value["services"]["tabbyapi"] == {"enable": True, **found.options}
    service = value["systemd"]["services"]["tabbyapi"]
    assert service["environment"] == {
        "TABBY_NETWORK_SSE_PING_INTERVAL": "20",
        "TABBY_MODEL_MAX_SEQ_LEN": "-1",
        "TABBY_MODEL_ROPE_ALPHA": "auto",
        "TABBY_DRAFT_MODEL_DRAFT_MODEL_NAME": "50%% ${x}",
    }
    assert service["serviceConfig"]["EnvironmentFile"]


def test_each_key_without_an_option_has_its_way() -> None:
    ways = {f"{one.section}.{one.key}": one.way for one in expressed(SAMPLE).left}
    assert ways == {
        "network.sse_ping_interval": "environment",
        "model.max_seq_len": "environment",
        "model.rope_alpha": "environment",
        "model.cache_mode": "own-file",
        "draft_model.draft_model_name": "environment",
        "draft_model.draft_gpu_split": "own-file",
        "developer.seqlog_api_key": "environment-file",
        "auth.disable": "nothing",
    }
    text = block.to_options(expressed(SAMPLE), "config.yml")
    assert "very-secret-indeed" not in text
    assert "no variable holds a list" in " ".join(text.replace("\n#", "").split())


@needs_nix
def test_the_file_is_what_nix_writes(tmp_path: Path) -> None:
    """Texts and whole numbers; this Nix rounds others to six digits."""
    found = generated({"modelName": HARD[0] + HARD[5], "ropeAlpha": 2.5, "maxSeqLen": 4096})
    file = tmp_path / "document.json"
    file.write_text(json.dumps(found.document))
    read = f"builtins.toJSON (builtins.fromJSON (builtins.readFile {json.dumps(str(file))}))"
    assert evaluate(read, tmp_path) in (found.text, found.text.replace(":1.0", ":1"))


def test_draft_and_the_allocator_are_always_there_and_marked() -> None:
    found = generated({"enable": True, "modelName": ""})
    assert found.document["draft"]["draft_cache_mode"] == "FP16"
    assert ("developer", "cuda_malloc_backend") in found.ignored
    assert {section for section, _ in found.ignored} == {"draft", "developer"}
    assert found.document["sampling"] == {}
    assert found.document["model"]["model_name"] == ""
    assert "use_as_default" not in found.document["model"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "modelName has no default"),
        ({"modelName": None}, "modelName takes text"),
        ({"modelName": "", "cacheMode": "8,8"}, "cacheMode takes one of"),
        ({"modelName": "", "maxSeqLen": -1}, "maxSeqLen takes a whole number of 1 or more"),
        ({"modelName": "", "ropeAlpha": "auto"}, "ropeAlpha takes a number"),
        ({"modelName": "", "settings": {}}, "there is no option settings"),
        ({"modelName": "", "loras": [{"scaling": 1}]}, "loras takes a set with name"),
        ({"modelName": "", "port": 70000}, "port takes"),
        ({"modelName": "", "disableAuth": "true"}, "disableAuth takes true or false"),
        ({"modelName": "", "ropeScale": 10**400}, "ropeScale takes a number"),
    ],
)
def test_what_does_not_evaluate_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongOptions, match=said):
        generated(options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"extraArgs": ["--port", "1"]}, "extraArgs has no effect"),
        ({"environmentFiles": ["/run/x"]}, "environmentFiles has no effect"),
        ({"cacheSize": 300}, "does not start with cacheSize"),
        ({"host": "0.0.0.0", "disableAuth": True}, "opens port 5000 in the firewall"),
        ({"enable": False}, "enable is not true"),
    ],
)
def test_what_is_to_know_is_said(options: dict[str, Any], said: str) -> None:
    found = generated({"enable": True, "modelName": "", **options})
    assert any(said in remark for remark in found.remarks)
    assert said in " ".join(block.to_config(found).replace("\n#", "").split())
