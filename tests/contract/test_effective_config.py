"""The effective configuration is what a real TabbyAPI computes, case by case."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.targets import Targets
from tests.contract.effective_cases import CASES, Case

REAL = os.environ.get("TABBYAPI_DIR", "")
PYTHON = os.environ.get("TABBYAPI_PYTHON", "")

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(not (REAL and PYTHON), reason="TABBYAPI_DIR and TABBYAPI_PYTHON unset"),
]

# Asks TabbyAPI itself: its own argument parser and its own loader, one process for all cases.
DRIVER = """
import contextlib, io, json, os, sys
from loguru import logger
logger.remove()
from common.args import convert_args_to_dict, init_argparser
from common.tabby_config import TabbyConfig

def outcome(case):
    os.chdir(case["directory"])
    os.environ.update(case["environment"])
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            parser = init_argparser()
            arguments = parser.parse_args(case["arguments"])
            config = TabbyConfig()
            config.load(convert_args_to_dict(arguments, parser))
    except BaseException as error:
        return {"stops": type(error).__name__}
    finally:
        for name in case["environment"]:
            del os.environ[name]
    dump = config.model_dump(exclude={"config", "model_defaults", "draft_model_defaults"})
    return {"values": dump}

cases = json.load(sys.stdin)
json.dump([outcome(case) for case in cases], sys.stdout, default=str)
"""


def _lay_out(case: Case, directory: Path) -> Instance:
    directory.mkdir()
    for name, content in case.files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return Instance(str(directory), case.arguments, case.environment, program=REAL)


def _ours(config: EffectiveConfig) -> dict[str, Any]:
    if not config.starts:
        return {}
    values: dict[str, dict[str, Any]] = {}
    for (section, key), setting in config.settings.items():
        values.setdefault(section, {})[key] = setting.value
    return {"values": json.loads(json.dumps(values, default=str))}


def _theirs(outcomes: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    cases = [case for _, case in outcomes]
    done = subprocess.run(
        [PYTHON, "-c", DRIVER],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=240,
        env={"PYTHONPATH": REAL, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_every_case_as_the_real_one(tmp_path: Path) -> None:
    ours: list[dict[str, Any]] = []
    asked: list[tuple[str, dict[str, Any]]] = []
    host = LocalHost()
    for number, case in enumerate(CASES):
        instance = _lay_out(case, tmp_path / str(number))
        known = installation(host, instance)
        assert known.exact
        ours.append(_ours(effective_config(host, instance, known, Targets())))
        given = {
            "directory": instance.directory,
            "environment": dict(instance.environment),
            "arguments": list(instance.arguments),
        }
        asked.append((case.name, given))
    wrong = [
        f"{case.name}: {difference}"
        for case, mine, real in zip(CASES, ours, _theirs(asked), strict=True)
        if (difference := _difference(mine, real))
    ]
    assert not wrong, f"{len(wrong)} of {len(CASES)}:\n" + "\n".join(wrong[:20])


def _difference(mine: dict[str, Any], real: dict[str, Any]) -> str:
    if "stops" in real or not mine:
        same = "stops" in real and not mine
        return "" if same else f"real {real.get('stops', 'starts')}, here starts={bool(mine)}"
    return ", ".join(
        f"{section}.{key} real {value!r}, here {mine['values'][section].get(key)!r}"
        for section, values in real["values"].items()
        for key, value in values.items()
        if not _same(value, mine["values"][section].get(key))
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return bool(one == other and type(one) is type(other))
