import os
from pathlib import Path

import yaml

from .engines import Engine, EngineSpec

ROOT = Path(__file__).resolve().parent.parent


def _expand(value):
    return os.path.expandvars(value) if isinstance(value, str) else value


def load_specs(file=ROOT / "engines.yml"):
    raw = yaml.safe_load(file.read_text())
    specs = {}
    for name, fields in raw["engines"].items():
        specs[Engine(name)] = EngineSpec(**{k: _expand(v) for k, v in fields.items()})
    models = {model: Engine(engine) for model, engine in raw["models"].items()}
    return specs, models
