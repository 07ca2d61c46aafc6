"""A description holds a key in plain text.

## What it checks
In the file of `--deployment`: the values of variables whose names say that they are secrets, and
whether `api_tokens.yml` is copied into an image.

## Why it matters
The file goes into a repository; a variable is shown by `docker inspect` and in `/proc`, a layer of
an image to everybody who pulls it.

## How it is told
By the names; placeholders (`none`, `unused`, `changeme`) and what comes from a variable
(`${KEY}`) are none. The value is never shown.

## What to do
Take it from the environment of whoever starts it, an `env_file` outside of the repository, or a
secret. Rotate a key that was committed: api_tokens.yml is made anew by TabbyAPI where it is gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.described.parts import DescribedService, Description

_NAMES = re.compile(
    r"(?i)(?:^|_)(?:api_?keys?|admin_?key|auth_?token|access_?token|api_?token|token|secret"
    r"(?:_?key)?|master_?key|password|passwd|hf_token)$"
)
_PLACEHOLDER = re.compile(
    r"(?i)(?:none|null|empty|unused|dummy|changeme|change[-_ ]me|test|todo|xxx+|your[-_ ].*|<.*>"
    r"|not[-_ ]needed|sk-no-key-required|no[-_ ]key.*|example.*|placeholder.*|0|false|true|)"
)
_LEAST = 8
"""Characters: a shorter value guards nothing, and is most often a placeholder."""
_TOKENS = "api_tokens.yml"


@check("CTR011", "described-key", category="container", severity=Severity.WARNING)
def described_key(description: Description) -> Iterator[Finding]:
    for service in description.services:
        yield from _variables(service, description)
        if description.kind == "Dockerfile":
            yield from _copied(service, description)


def _variables(service: DescribedService, description: Description) -> Iterator[Finding]:
    for name, said in service.environment.items():
        from_elsewhere = "\0" in said.value or "$" in said.value or said.value.startswith("/")
        plain = len(said.value) >= _LEAST and not _PLACEHOLDER.fullmatch(said.value)
        if _NAMES.search(name) and plain and not from_elsewhere:
            where = description.where(said.line)
            yield Finding(
                f"{where} holds {name} in plain text",
                "Whoever reads the file, or may ask the engine, has the key.",
                (Evidence(where, f"{name} from outside the file", f"{name}=***"),),
                (
                    Remedy(f"Write {name}: ${{{name}}}, and set it where it is started"),
                    Remedy("Rotate the key, if the file was ever committed or shared"),
                ),
            )


def _copied(service: DescribedService, description: Description) -> Iterator[Finding]:
    for one in service.binds:
        if one.source.rstrip("/").rsplit("/", 1)[-1] == _TOKENS:
            where = description.where(one.line)
            yield Finding(
                f"{where} copies {_TOKENS} into the image",
                "Everybody who pulls the image has the keys.",
                (Evidence(where, "a mount at run time", f"COPY {one.source}"),),
                (Remedy(f"Mount {_TOKENS} at run time, and name it in .dockerignore"),),
            )
