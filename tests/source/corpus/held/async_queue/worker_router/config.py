"""lanes.json, completed by the environment: ${NAME} is replaced."""
import json
import os
from pathlib import Path
from string import Template

DEFAULTS = {"concurrency": 1, "probe_every": 1.0}


def read(path):
    text = Template(Path(path).read_text()).safe_substitute(os.environ)
    return {**DEFAULTS, **json.loads(text)}
