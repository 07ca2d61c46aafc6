from pathlib import Path

import yaml

TOKENS = Path(__file__).resolve().parents[1] / "tabby" / "api_tokens.yml"


def tabby_key() -> str:
    with TOKENS.open() as fh:
        tokens = yaml.safe_load(fh) or {}
    key = tokens.get("api_key")
    if isinstance(key, list):
        key = key[0]
    if not key:
        raise RuntimeError(f"{TOKENS} holds no api_key")
    return key
