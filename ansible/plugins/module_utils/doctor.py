"""The `tabbydoctor` of the managed host: its options, its run, its document."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

TARGETS = (
    "dir", "config", "tokens", "unit", "user_unit", "user", "url", "router", "router_unit",
    "settings", "state_dir",
)  # fmt: skip
SCHEMA_VERSION = 1


def argument_spec(**own: dict) -> dict:
    """A module's own options, the program and the targets."""
    # Said of each, as Ansible takes an option for a secret by its name: `tokens` is a path.
    targets = {name: {"type": "str", "no_log": False} for name in TARGETS}
    return {"program": {"type": "str", "default": "tabbydoctor"}, **targets, **own}


def run(module, command: str, options: list) -> dict:
    """The document of one run. Where there is none, or it tells of an error, the task fails."""
    _hide_password(module)
    program = module.get_bin_path(module.params["program"], opt_dirs=["/usr/local/bin"])
    if program is None:
        module.fail_json(msg=f"{module.params['program']} is not installed on this host")
    argv = [program, command, "--format", "json", *options, *_targets(module.params)]
    code, output, errors = module.run_command(argv)
    document = _document(output)
    if document is None:
        said = (errors or output).strip()
        module.fail_json(msg=f"{program} wrote no document: {said}", rc=code)
    if document.get("schema_version") != SCHEMA_VERSION:
        told = document.get("schema_version")
        module.fail_json(msg=f"{program} writes schema version {told}, not {SCHEMA_VERSION}")
    if "error" in document:
        error = document["error"]
        said = ": ".join(part for part in (error["message"], error.get("hint")) if part)
        module.fail_json(msg=said, rc=code, report=document)
    return document


def _targets(params: dict) -> list:
    given = [(name, params[name]) for name in TARGETS if params[name] is not None]
    return [f"--{name.replace('_', '-')}={value}" for name, value in given]


def _hide_password(module) -> None:
    """A password in the address is shown in no result, whatever comes of the run."""
    try:
        password = urlsplit(module.params["url"] or "").password
    except ValueError:  # no address: the doctor says so
        return
    if password:
        module.no_log_values.add(password)


def _document(output: str) -> dict | None:
    try:
        document = json.loads(output)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
