import functools
import re
from pathlib import Path

TOKEN_FILE = Path(__file__).with_name("api_tokens.yml")


@functools.lru_cache(maxsize=1)
def api_key():
    match = re.search(r"^api_key:\s*(\S+)\s*$", TOKEN_FILE.read_text(), re.MULTILINE)
    if match is None:
        raise LookupError("api_tokens.yml has no api_key")
    return match.group(1).strip("'\"")
