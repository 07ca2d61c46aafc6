"""What an installed TabbyAPI knows, read from its files; and the shipped table beside it."""

from __future__ import annotations

from pathlib import Path

from tabbydoctor.demo import standin
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.installed import installation, read_keys
from tabbydoctor.tabbyapi.keys import GONE, TABLE, is_secret


def test_keys_are_read_from_the_installation(tmp_path: Path) -> None:
    standin.install(tmp_path)
    (tmp_path / "backends/exllamav3").mkdir(parents=True, exist_ok=True)
    found = installation(LocalHost(), Instance(str(tmp_path)))
    assert found.exact
    assert found.keys == TABLE
    assert (found.loads_exl2, found.loads_exl3) == (False, True)
    assert found.problem == ""


def test_without_an_installation_the_table_answers(tmp_path: Path) -> None:
    found = installation(LocalHost(), Instance(str(tmp_path)))
    assert not found.exact
    assert found.sections["network"] >= {"host", "port", "disable_auth"}
    assert (found.loads_exl2, found.key_lists) == (None, None)
    assert "config_models.py" in found.problem


def test_a_file_that_is_something_else(tmp_path: Path) -> None:
    for text in ("class Config:\n    port: int\n", "not python (", "\0"):
        (tmp_path / "common").mkdir(exist_ok=True)
        (tmp_path / "common/config_models.py").write_text(text)
        assert not installation(LocalHost(), Instance(str(tmp_path))).exact


def test_types_and_limits_of_another_version() -> None:
    keys = read_keys(
        "class A(Base):\n"
        "    model_config = {}\n"
        "    _private: int = 1\n"
        "    seq: Optional[int] = Field(None, description='', ge=0)\n"
        "    names: List[str] = Field(default_factory=list)\n"
        "    mode: Optional[SIZES] = Field('FP16')\n"
        "    odd: Callable[[], int] = Field(None)\n"
        "SIZES = Literal['FP16', 'Q4']\n"
        "class TabbyConfigModel(BaseModel):\n"
        "    config: Optional[Other] = None\n"
        "    model: Optional[A] = Field(default_factory=A.model_construct)\n"
    )
    assert list(keys) == [("model", name) for name in ("seq", "names", "mode", "odd")]
    assert keys["model", "seq"].limits == {"ge": 0}
    assert (keys["model", "names"].default, keys["model", "names"].nullable) == ([], False)
    assert keys["model", "mode"].choices == ("FP16", "Q4")
    assert keys["model", "odd"].kind == "any"


def test_no_key_is_both_there_and_gone() -> None:
    assert not {(key.section, key.name) for key in GONE} & TABLE.keys()


def test_secrets_by_name() -> None:
    assert is_secret("developer", "seqlog_api_key")
    assert is_secret("auth", "admin_key")
    assert not is_secret("model", "reasoning_start_token")
    assert not is_secret("network", "port")
