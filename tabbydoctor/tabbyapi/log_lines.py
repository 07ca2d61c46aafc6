"""The lines of TabbyAPI's log that mean something: data, each seen in its source or its log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.log_text import level

Weight = Literal["error", "warning"]

PROBE_MARK = "probe=tabbydoctor"
"""In the query of every request the doctor makes: such access lines are no evidence."""


@dataclass(frozen=True, slots=True)
class KnownLine:
    """One kind of line.

    `weight` is None where it only tells the course of events. `causes` are the checks
    that look at the same fault closer.
    """

    slug: str
    pattern: re.Pattern[str]
    meaning: str
    weight: Weight | None = None
    causes: tuple[str, ...] = ()


def _line(
    slug: str,
    pattern: str,
    meaning: str,
    weight: Weight | None = None,
    causes: tuple[str, ...] = (),
) -> KnownLine:
    return KnownLine(slug, re.compile(pattern), meaning, weight, causes)


_E: Weight = "error"
_W: Weight = "warning"

KNOWN_LINES: tuple[KnownLine, ...] = (
    _line(
        "config-not-loaded",
        r"The YAML config from '(.{1,500})' couldn't load",
        "TabbyAPI could not use its configuration file and went on with defaults",
        _E,
        ("CFG002", "CFG003", "CFG005"),
    ),
    _line(
        "config-not-found",
        r"The '(.{1,500})' file cannot be found",
        "a configuration file is not there",
        None,
        ("CFG001",),
    ),
    _line("config-override", r"Config file override detected in args", "--config is used"),
    _line(
        "config-legacy",
        r"Legacy config.yml file detected",
        "the configuration was in an old layout and is being rewritten",
        None,
        ("CFG011",),
    ),
    _line(
        "migration-failed",
        r"Auto-migration failed",
        "TabbyAPI could not rewrite its old configuration",
        _E,
        ("CFG011", "CFG002"),
    ),
    _line("migrated", r"Auto-migration successful", "an old configuration was rewritten"),
    _line(
        "no-config",
        r"Starting with no config loaded",
        "TabbyAPI runs on defaults alone",
        _W,
        ("CFG001", "CFG002", "CFG011"),
    ),
    _line(
        "config-refused",
        r"validation errors? for TabbyConfigModel",
        "TabbyAPI refused a value of its configuration and exited",
        _E,
        ("CFG005",),
    ),
    _line(
        "tokens-refused",
        r"validation errors? for (AuthKeys|_?\w*Keys)\b",
        "TabbyAPI refused api_tokens.yml and exited",
        _E,
        ("TOK003", "TOK002"),
    ),
    _line(
        "port-moved",
        r"Port (\d+) is currently in use\. Switching to (\d+)",
        "the configured port was taken, so TabbyAPI serves on the next one",
        _W,
        ("API003",),
    ),
    _line(
        "ports-busy",
        r"Ports (\d+) and (\d+) are in use",
        "both ports were taken, so TabbyAPI gave up and exited 0",
        _E,
        ("API003", "API002"),
    ),
    _line(
        "bind-failed",
        r"(?i)\[Errno (?:98|99)\].{0,500}address",
        "the address is not this machine's, or the port is taken",
        _E,
        ("CFG005", "API002"),
    ),
    _line(
        "no-inference",
        r"Inference dependencies for TabbyAPI are not installed",
        "torch or exllamav3 is missing in TabbyAPI's environment",
        _E,
        ("GPU009",),
    ),
    _line(
        "exllama-old",
        r"TabbyAPI requires (\S+) (\S+) or greater",
        "a package in TabbyAPI's environment is too old",
        _E,
        ("GPU009",),
    ),
    _line(
        "gpu-unsupported",
        r"Unable to run ExllamaV3 because an unsupported GPU",
        "a GPU is older than compute capability 8.0, or the build is for ROCm",
        _E,
        ("GPU005",),
    ),
    _line(
        "out-of-memory",
        r"OutOfMemoryError|CUDA out of memory",
        "the GPU's memory did not suffice",
        _E,
        ("GPU008",),
    ),
    _line(
        "wheel-mismatch",
        r"undefined symbol|exllamav2_ext|libcudart\.so\.[\d.]+: cannot open",
        "exllamav3 was built for another torch or CUDA than the one installed",
        _E,
        ("GPU009",),
    ),
    _line(
        "cuda-unusable",
        r"No CUDA runtime is found|no kernel image|no CUDA-capable device is detected",
        "torch sees no GPU it can use: device access, the driver, or too old a torch",
        _E,
        (
            "GPU001",
            "GPU002",
            "GPU003",
            "GPU004",
            "GPU005",
            "GPU006",
            "GPU009",
            "GRP001",
            "GRP002",
            "GRP003",
        ),
    ),
    _line(
        "no-compiler",
        r"Failed to find C compiler",
        "Triton needs a C compiler in the service's PATH",
        _E,
        ("SVC012",),
    ),
    _line(
        "format-gone",
        r"(?i)(?:exl2|gptq|exllamav2|quanti[sz]ation|model|backend)\b.{0,200}no longer supported",
        "the installed version does not load models of this format any more",
        _E,
        ("CFG010",),
    ),
    _line(
        "model-missing",
        r"Failed to load config\.json from",
        "the model's directory does not hold a model",
        _E,
        ("CFG010", "SVC012"),
    ),
    _line(
        "generation-fatal",
        r"FATAL ERROR with generation",
        "a generation failed for good; /health answers 503 until TabbyAPI is restarted",
        _E,
        ("GPU007", "GPU008"),
    ),
    _line(
        "reload-failed",
        r"Failed to reload api_tokens\.yml, keeping the previous keys",
        "api_tokens.yml was changed to something TabbyAPI does not take; the old keys hold",
        _W,
        ("TOK002", "TOK003", "TOK007"),
    ),
    _line("keys-reloaded", r"Reloaded auth keys from", "changed keys were taken over"),
    _line("auth-on", r"Your (?:API|admin) key is:", "authentication is on"),
    _line(
        "auth-off",
        r"Disabling authentication makes your instance vulnerable",
        "authentication is off",
        None,
        ("CFG008", "CFG009"),
    ),
    _line("serving", r"Uvicorn running on (https?://\S+)", "TabbyAPI is ready"),
    _line("stopping", r"Shutdown signal called", "TabbyAPI was told to stop"),
    _line(
        "refused",
        r'"\w+ \S+ HTTP/1\.\d" 401',
        "a client without a valid key was refused",
    ),
)

_ACCESS = re.compile(r'"\w+ \S+ HTTP/1\.\d" \d{3}')
_BY_SLUG = {known.slug: known for known in KNOWN_LINES}


def known(line: LogLine) -> KnownLine | None:
    """What a line is known as. The doctor's own requests are nothing."""
    return next((kind for kind in KNOWN_LINES if _match(kind, line.text)), None)


def matches(log: RunLog | None, slug: str) -> Iterator[re.Match[str]]:
    """Every line of one kind, as the match of its pattern (groups hold its particulars)."""
    for line in log.lines if log else ():
        found = _match(_BY_SLUG[slug], line.text)
        if found:
            yield found


def _match(kind: KnownLine, text: str) -> re.Match[str] | None:
    """Match, unless the line only repeats what a client sent: a request, a logged prompt."""
    if PROBE_MARK in text:
        return None
    if kind.weight and (level(text) in ("TRACE", "DEBUG", "INFO") or _ACCESS.search(text)):
        return None
    return kind.pattern.search(text)


def says(log: RunLog | None, slug: str) -> bool:
    """Whether the log holds a line of that kind."""
    return next(matches(log, slug), None) is not None
