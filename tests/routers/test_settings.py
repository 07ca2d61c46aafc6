"""Settings of pydantic: which variable each field is filled from, and whether it lacks."""

from __future__ import annotations

import contextlib

import pytest

from checks.router.env_unset import env_unset
from tabbydoctor.api import Finding, Unknown
from tabbydoctor.routers import python
from tests.checks.router.scene import API_KEY, config, endpoint, judge, site
from tests.routers.cases import TABBY_URLS

SOURCE = """\
import requests, yaml
from pydantic import AliasChoices, AliasPath, BaseModel, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict
from typing import Annotated, Optional

NAME, PREFIX = "TABBY_API_KEY", "TABBY_"
{settings}
KEY = {key}
URL = "http://127.0.0.1:5000"


def forward(body):
    headers = {{"Authorization": f"Bearer {{KEY}}"}}
    return requests.post(URL + "/v1/chat/completions", json=body, headers=headers)
"""
NESTED = "class T(BaseModel):\n    api_key: str = ''\nclass S(BaseSettings):\n    "
KNOWN = {
    "name": "class S(BaseSettings):\n    tabby_api_key: str",
    "prefix": "class S(BaseSettings):\n"
    "    model_config = SettingsConfigDict(env_prefix='TABBY_')\n    api_key: SecretStr",
    "prefix in a table": "class S(BaseSettings):\n    model_config = {'env_prefix': 'tabby_'}\n"
    "    api_key: str",
    "prefix in Config": "class S(BaseSettings):\n    class Config:\n        env_prefix = 'TABBY_'\n"
    "    api_key: str = ''",
    "prefix as a keyword": "class S(BaseSettings, env_prefix='TABBY_'):\n    api_key: str = ''",
    "prefix of the base": "class Base(BaseSettings):\n"
    "    model_config = SettingsConfigDict(env_prefix='TABBY_')\n"
    "class S(Base):\n    api_key: str",
    "prefix for the base": "class Base(BaseSettings):\n    api_key: str\n"
    "class S(Base):\n    model_config = SettingsConfigDict(env_prefix='TABBY_')",
    "prefix of the class itself": "class Base(BaseSettings):\n"
    "    model_config = SettingsConfigDict(env_prefix='OTHER_')\n"
    "class S(Base):\n    model_config = SettingsConfigDict(env_prefix='TABBY_')\n    api_key: str",
    "alias": "class S(BaseSettings, env_prefix='X_'):\n"
    "    api_key: str = Field(alias='TABBY_API_KEY')",
    "annotated": "class S(BaseSettings):\n"
    "    api_key: Annotated[str, Field(validation_alias='TABBY_API_KEY')]",
    "choices": "class S(BaseSettings):\n"
    "    api_key: str = Field('', validation_alias=AliasChoices('OTHER_KEY', 'TABBY_API_KEY'))",
    "path": "class S(BaseSettings):\n"
    "    api_key: str = Field(validation_alias=AliasChoices(AliasPath('TABBY_API_KEY', 0)))",
    "env": "class S(BaseSettings):\n    api_key: str = Field('', env='TABBY_API_KEY')",
    "list": "class S(BaseSettings):\n"
    "    api_key: str = Field('', env=['TABBY_API_KEY', 'OTHER_KEY'])",
    "fields": "class S(BaseSettings):\n    api_key: str = ''\n"
    "    class Config:\n        fields = {'api_key': {'env': 'TABBY_API_KEY'}}",
    "annotated Config": "class S(BaseSettings):\n    class Config:\n"
    "        env_prefix: str = 'TABBY_'\n    api_key: str",
    "Config of the base": "class Base(BaseSettings):\n    class Config:\n"
    "        env_prefix = 'TABBY_'\nclass S(Base):\n"
    "    class Config(Base.Config):\n        extra = None\n    api_key: str",
    "spread before": "class S(BaseSettings):\n"
    "    model_config = SettingsConfigDict(**SHARED, env_prefix='TABBY_')\n    api_key: str",
    "tidied": "class S(BaseSettings):\n    tabby_api_key: str = ''\n"
    "    @field_validator('tabby_api_key')\n    def tidy(cls, v):\n        return v.strip()",
}
"""What names the variable by plain strings."""
FIELD = {"name": "tabby_api_key", "tidied": "tabby_api_key"}
WITHIN = {
    "default": "tabby: T = T()\n    model_config = {'env_nested_delimiter': '_'}",
    "annotation": "tabby: Optional[T]\n    model_config = {'env_nested_delimiter': '_'}",
    "prefix": "y: T = T()\n    model_config = {'env_prefix': 'tabb', 'env_nested_delimiter': '_'}",
}
"""Fields of a model within."""
WORKED_OUT = {
    "prefix": "class S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix=PREFIX)\n"
    "    api_key: str",
    "prefix by a call": "class S(BaseSettings):\n    class Config:\n        env_prefix = prefix()\n"
    "    api_key: str",
    "prefix of the base": "class Base(BaseSettings):\n"
    "    model_config = SettingsConfigDict(env_prefix=prefix())\nclass S(Base):\n    api_key: str",
    "alias": "class S(BaseSettings):\n    api_key: str = Field(alias=NAME)",
    "alias by a call": "class S(BaseSettings):\n    api_key: str = Field(alias=name())",
    "choices": "class S(BaseSettings):\n"
    "    api_key: str = Field(validation_alias=AliasChoices(name(), 'OTHER_KEY'))",
    "fields": "class S(BaseSettings):\n    api_key: str = ''\n"
    "    class Config:\n        fields = names()",
    "shared": "class S(BaseSettings):\n    model_config = SHARED\n    api_key: str",
    "spread": "class S(BaseSettings):\n"
    "    model_config = SettingsConfigDict(**SHARED)\n    api_key: str",
    "spread in a table": "class S(BaseSettings):\n    model_config = {**SHARED}\n    api_key: str",
    "shared Config": "class S(BaseSettings):\n    class Config(Shared):\n        extra = None\n"
    "    api_key: str",
    "generator": "class S(BaseSettings, env_prefix='TABBY_', alias_generator=name):\n"
    "    api_key: str",
}
"""What the names of the variables are made of."""
ELSEWHERE = {
    "validator": "class S(BaseSettings):\n    api_key: str = ''\n"
    "    @field_validator('api_key', mode='before')\n    @classmethod\n    def load(cls, v):\n"
    "        return v or yaml.safe_load(open('/srv/api_tokens.yml'))['api_key']",
    "after": "class S(BaseSettings):\n    api_key: str = ''\n"
    "    def model_post_init(self, context):\n        self.api_key = load()",
    "arguments": "class S(BaseSettings, cli_parse_args=True):\n    api_key: str = ''",
    "arguments in the base": "class Base(BaseSettings):\n"
    "    model_config = SettingsConfigDict(cli_parse_args=True)\nclass S(Base):\n    api_key: str",
    "file in the base": "class Base(BaseSettings):\n    class Config:\n        env_file = '.env'\n"
    "class S(Base):\n    api_key: str = ''",
}
"""Other sources than the environment."""


def found(settings: str, key: str, environment: str = "") -> list[Finding]:
    given = dict([environment.split("=")]) if environment else {}
    source = SOURCE.format(settings=settings, key=key)
    reading = python.read("/opt/router.py", source, TABBY_URLS, environment=given)
    assert [call.sends_key for call in reading.calls] == [True]
    return judge(env_unset, reading, site(environment), config(), endpoint(enforces=True))


@pytest.mark.parametrize("way", KNOWN)
@pytest.mark.parametrize("name", ["TABBY_API_KEY", "tabby_api_key"])
def test_a_variable_that_is_set_is_known(way: str, name: str) -> None:
    key = f"S().{FIELD.get(way, 'api_key')}"
    assert found(KNOWN[way], key, f"{name}={API_KEY}") == []


@pytest.mark.parametrize("way", KNOWN)
def test_a_variable_that_is_not_set_is_missed(way: str) -> None:
    (one,) = found(KNOWN[way], f"S().{FIELD.get(way, 'api_key')}")
    assert ("OTHER_KEY" if way == "choices" else "TABBY_API_KEY") in one.title


@pytest.mark.parametrize("way", WITHIN)
def test_fields_of_a_model_within(way: str) -> None:
    key = f"S().{'y' if way == 'prefix' else 'tabby'}.api_key"
    assert found(NESTED + WITHIN[way], key, f"TABBY_API_KEY={API_KEY}") == []
    (one,) = found(NESTED + WITHIN[way], key)
    assert "does not set TABBY_API_KEY" in one.title


def test_without_a_delimiter_a_model_within_has_no_variables_of_its_own() -> None:
    (one,) = found(NESTED + "tabby: T", "S().tabby.api_key", f"TABBY_API_KEY={API_KEY}")[1:]
    assert "never reads" in one.title


@pytest.mark.parametrize("way", WORKED_OUT)
def test_names_that_are_worked_out_are_no_fault(way: str) -> None:
    with contextlib.suppress(Unknown):
        assert found(WORKED_OUT[way], "S().api_key", f"TABBY_API_KEY={API_KEY}") == []
    with pytest.raises(Unknown, match=r"/opt/router\.py:\d"):
        found(WORKED_OUT[way], "S().api_key")


@pytest.mark.parametrize("way", ELSEWHERE)
def test_values_from_elsewhere_are_not_known(way: str) -> None:
    with pytest.raises(Unknown):
        found(ELSEWHERE[way], "S().api_key")


@pytest.mark.parametrize("key", ["S(_env_prefix='X').api_key", "CliApp.run(S).api_key"])
def test_settings_made_in_another_way_are_not_known(key: str) -> None:
    settings = "class S(BaseSettings):\n    api_key: str = ''\ns = S()"
    source = SOURCE.format(settings=settings, key="s.api_key") + f"\n\nOTHER = {key}\n"
    reading = python.read("/opt/router.py", source, TABBY_URLS, environment={})
    with pytest.raises(Unknown):
        judge(env_unset, reading, site(), config(), endpoint(enforces=True))


def test_a_model_within_itself() -> None:
    settings = "class S(BaseSettings):\n    next: 'S'\n    more: list[S]\n    api_key: str = ''\n"
    settings += "    model_config = {'env_nested_delimiter': '__'}"
    assert "API_KEY" in found(settings, "S().api_key")[0].title
