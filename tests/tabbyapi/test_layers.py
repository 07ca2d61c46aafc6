"""The layers of the configuration: order, provenance, and what cannot be known."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Unknown
from tabbydoctor.host.data import Account
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.targets import Targets

LAYERS = ("working-directory", "environment", "config-file", "argument")


def computed(
    directory: Path, *arguments: str, targets: Targets | None = None, **instance: Any
) -> EffectiveConfig:
    host, start = LocalHost(), Instance(str(directory), arguments, **instance)
    return effective_config(host, start, installation(host, start), targets or Targets())


def test_nothing_gives_the_defaults(tmp_path: Path) -> None:
    config = computed(tmp_path)
    assert (config.host, config.port, config.auth_disabled) == ("127.0.0.1", 5000, False)
    assert config.starts
    assert [file.problem for file in config.files] == ["missing"]
    assert {setting.origin.layer for setting in config.settings.values()} == {"default"}


# Strongest of: own file < environment < (--config file, or else the arguments).
@settings(deadline=None)  # the first value that is not of its type imports pydantic
@given(
    own=st.none() | st.integers(1, 9),
    variable=st.none() | st.integers(11, 19),
    chosen=st.none() | st.integers(21, 29),
    argument=st.none() | st.integers(31, 39),
    with_config=st.booleans(),
)
def test_the_strongest_layer_wins(
    own: int | None, variable: int | None, chosen: int | None, argument: int | None,
    with_config: bool,
) -> None:  # fmt: skip
    with TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "config.yml").write_text(json.dumps({"network": {"port": own}}))
        (directory / "c.yml").write_text(json.dumps({"network": {"port": chosen}}))
        environment = {} if variable is None else {"TABBY_NETWORK_PORT": str(variable)}
        arguments = ["--config", "c.yml"] if with_config else []
        arguments += [] if argument is None else ["--port", str(argument)]
        config = computed(directory, *arguments, environment=environment)
    top = chosen if with_config else argument
    written = [value for value in (top, variable, own) if value is not None]
    setting = config.setting("network", "port")
    assert setting is not None
    assert setting.value == (written[0] if written else 5000)
    assert [int(value) for _, value in setting.overrides] == written[1:]
    order = [LAYERS.index(o.layer) for o in (setting.origin, *(o for o, _ in setting.overrides))
             if o.layer != "default"]  # fmt: skip
    assert order == sorted(order, reverse=True)
    ignored = [item for item in config.ignored if item.why == "arguments-ignored"]
    assert bool(ignored) == (with_config and argument is not None)


@given(st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.integers() | st.text()))
def test_any_document_gets_an_answer(document: dict[str, object]) -> None:
    with TemporaryDirectory() as name:
        (Path(name) / "config.yml").write_text(json.dumps(document, ensure_ascii=True))
        config = computed(Path(name))
    assert config.files[0].problem in (None, "syntax")
    assert config.starts


def test_provenance(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("model:\n  draft:\n    draft_model_name: x\n")
    (tmp_path / "conf").mkdir()
    chosen = tmp_path / "conf" / "c.yml"
    chosen.write_text("# comment\nnetwork:\n  port: 5001\n")
    environment = {"TABBY_NETWORK_HOST": "0.0.0.0"}
    sources = {"TABBY_NETWORK_HOST": "/etc/tabby.env:3"}
    config = computed(
        tmp_path,
        "--config",
        "./conf/../conf/c.yml",
        environment=environment,
        environment_sources=sources,
    )
    assert config.config_argument == str(chosen)
    places = {
        setting.name: setting.origin.where
        for setting in config.settings.values()
        if setting.origin.layer != "default"
    }
    assert places == {
        "network.port": f"{chosen}:3",
        "network.host": "TABBY_NETWORK_HOST (/etc/tabby.env:3)",
        "draft_model.draft_model_name": f"{tmp_path}/config.yml:3",
    }
    assert config.files[0].legacy == (("model.draft", 2),)


def test_a_named_config_is_the_config_argument_unless_it_is_config_yml(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("network: {port: 1}\n")
    (tmp_path / "c.yml").write_text("network: {port: 2}\n")
    own = computed(tmp_path, targets=Targets(config=str(tmp_path / "config.yml")))
    assert (own.config_argument, own.port) == (None, 1)
    other = computed(tmp_path, targets=Targets(config=str(tmp_path / "c.yml")))
    assert (other.config_argument, other.port) == (str(tmp_path / "c.yml"), 2)


def test_one_file_in_both_roles_is_one(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("network: {port: 1}\n")
    config = computed(tmp_path, "--config", "config.yml")
    assert [file.role for file in config.files] == ["config-file"]
    setting = config.setting("network", "port")
    assert setting is not None
    assert setting.overrides == ()


def test_secret_values_of_variables_and_arguments_stay_untold(tmp_path: Path) -> None:
    config = computed(tmp_path, environment={"TABBY_API_KEY": "hunter22"})
    assert "hunter22" not in repr(config.ignored)
    assert "hunter22" not in computed(tmp_path, "--apikey=hunter22").usage_error


def test_inside_a_container_nothing_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(Unknown, match="docker tabby"):
        computed(tmp_path, container="docker tabby")


@pytest.mark.root(reason="only root can give a file away")
def test_a_file_its_user_may_not_open_is_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    file.write_text("network: {port: 1}\n")
    file.chmod(0o600)
    config = computed(tmp_path, user=Account("tabby", 4711, 4711))
    assert config.files[0].problem == "unreadable"
    assert config.port == 5000
