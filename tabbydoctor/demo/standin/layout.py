"""Lays out a working directory like a TabbyAPI checkout, for the stand-in to run in."""

import sys
from pathlib import Path

from .release import RELEASES, Release

MAIN = """\
#!{python}
import sys
from tabbydoctor.demo.standin.startup import main
sys.exit(main(sys.argv[1:], "{release}"))
"""
AUTH = {
    True: '''\
"""Placeholder of the stand-in: keys are one or a list, and the file is watched."""
from typing import List, Union

from pydantic import BaseModel

AUTH_FILE = "api_tokens.yml"


class AuthKeys(BaseModel):
    api_key: Union[str, List[str]]
    admin_key: str


async def _watch_auth_file():
    """The stand-in watches the file in its own way."""
''',
    False: '''\
"""Placeholder of the stand-in: one key, read once."""
from pydantic import BaseModel


class AuthKeys(BaseModel):
    api_key: str
    admin_key: str
''',
}
MODEL_LOADER = {
    "exllamav2": '"""Placeholder of the stand-in: the exllamav2 backend is here."""\n',
    "exllamav3": '''\
"""Placeholder of the stand-in: the exllamav3 it asks for, and the cache that none has set."""
from common.optional_dependencies import check_package_version


def cache_size(max_seq_len):
    check_package_version("exllamav3", "1.4.1")
    cache_size_default = max_seq_len
    return cache_size_default
''',
}


def install(directory: Path, python: str = sys.executable, release: Release = "current") -> None:
    """Make `directory` a working directory of the stand-in, as far as readers of files can tell.

    main.py runs under `python`, which must be able to import this package. Nothing that is
    already there is removed; config.yml and api_tokens.yml are left to the caller.
    Raises OSError when the directory cannot be written.
    """
    behaviour = RELEASES[release]
    model = Path(__file__).with_name(f"{behaviour.model_module}.py").read_text(encoding="utf8")
    files = {
        "main.py": MAIN.format(python=python, release=release),
        "common/config_models.py": model,
        "common/auth.py": AUTH[behaviour.key_list],
        f"backends/{behaviour.backend}/model.py": MODEL_LOADER[behaviour.backend],
        "pyproject.toml": '[project]\nname = "tabbyAPI"\nversion = "0.0.1"\n',
        "models/place_your_models_here.txt": "",
    }
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
    (directory / "main.py").chmod(0o755)
