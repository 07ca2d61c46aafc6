"""Configurations to compare with a real TabbyAPI: every known mistake, and random layerings."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import yaml


@dataclass(frozen=True)
class Case:
    """One start: files of the working directory, environment, arguments."""

    name: str
    files: dict[str, bytes] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


def _own(name: str, text: str) -> Case:
    return Case(name, {"config.yml": text.encode()})


def _chosen(name: str, text: str, below: str = "network: {port: 5001}\n") -> Case:
    files = {"config.yml": below.encode(), "conf/c.yml": text.encode()}
    return Case(name, files, {}, ("--config", "conf/c.yml"))


_TEXTS = {
    "auth-disable": "auth: {disable: true}\n",
    "disable-auth": "network: {disable_auth: true}\n",
    "misspelt": "network: {disable_authh: true}\n",
    "tab": "network:\n\tdisable_auth: true\n",
    "duplicate-key": "network: {port: 1, port: 2}\n",
    "duplicate-section": "network: {port: 1}\nmodel: {}\nnetwork: {port: 2}\n",
    "several-documents": "network: {port: 5002}\n---\nnetwork: {port: 5003}\n",
    "undefined-alias": "network: *nothing\n",
    "empty": "",
    "comment": "# nothing\n",
    "null": "~\n",
    "scalar": "hello\n",
    "list": "- network\n",
    "false": "false\n",
    "scalar-model": "model: 5\nnetwork: {disable_auth: true}\n",
    "empty-text-model": "model: ''\nnetwork: {disable_auth: true}\n",
    "list-logging": "logging: [log_prompt]\nnetwork: {disable_auth: true}\n",
    "list-network": "network: [a]\nmodel: {cache_mode: Q4}\n",
    "null-sections": "network:\nmodel:\nlogging:\ndraft_model:\n",
    "scalar-unknown-section": "draft: 5\n",
    "config-section": "config: {config: other.yml}\n",
    "scalar-config-section": "config: 5\n",
    "ture": "network: {disable_auth: ture}\n",
    "yes": "network: {disable_auth: yes}\n",
    "quoted-true": "network: {disable_auth: 'true'}\n",
    "one": "network: {disable_auth: 1}\n",
    "two": "network: {disable_auth: 2}\n",
    "port-abc": "network: {port: abc}\n",
    "port-text": "network: {port: '5005'}\n",
    "port-octal": "network: {port: 05000}\n",
    "port-float": "network: {port: 5000.0}\n",
    "port-fraction": "network: {port: 5000.5}\n",
    "port-large": "network: {port: 70000}\n",
    "port-null": "network: {port: null}\n",
    "host-number": "network: {host: 0}\n",
    "host-float": "network: {host: 12e3456789}\n",
    "cache-mode-q5": "model: {cache_mode: Q5}\n",
    "cache-mode-pair": "model: {cache_mode: '8, 4'}\n",
    "cache-mode-nine": "model: {cache_mode: '9,4'}\n",
    "api-servers-scalar": "network: {api_servers: OAI}\n",
    "api-servers-empty-text": "network: {api_servers: ''}\n",
    "api-servers-mapping": "network: {api_servers: {OAI: 1}}\n",
    "api-servers-number": "network: {api_servers: 5}\n",
    "api-servers-numbers": "network: {api_servers: [5]}\n",
    "api-servers": "network: {api_servers: [OAI, Kobold]}\n",
    "api-servers-null-item": "network: {api_servers: [OAI, null]}\n",
    "cache-size": "model: {cache_size: 1000}\n",
    "cache-size-zero": "model: {cache_size: 0}\n",
    "max-seq-len": "model: {max_seq_len: -1}\n",
    "max-seq-len-less": "model: {max_seq_len: -2}\n",
    "rope-alpha-auto": "model: {rope_alpha: auto}\n",
    "rope-alpha-text": "model: {rope_alpha: '2.5'}\n",
    "rope-alpha-other": "model: {rope_alpha: often}\n",
    "gpu-split": "model: {gpu_split: [20, '10.5']}\n",
    "gpu-split-auto": "model: {gpu_split: auto}\n",
    "template-vars": "model: {template_vars_default: {enable_thinking: true, x: {y: 1}}}\n",
    "model-dir-null": "model: {model_dir: null}\n",
    "draft-mode": "draft_model: {draft_mode: never}\n",
    "loras": "lora: {loras: [{name: a}, {name: b, scaling: 0.5}]}\n",
    "loras-negative": "lora: {loras: [{name: a, scaling: -1}]}\n",
    "loras-text": "lora: {loras: [a]}\n",
    "embeddings-device": "embeddings: {embeddings_device: gpu}\n",
    "draft-section": "draft: {draft_model_name: x}\n",
    "legacy-draft": "model: {draft: {draft_model_name: x}, model_name: y}\n",
    "legacy-draft-empty": "model: {draft: {}}\n",
    "legacy-draft-scalar": "model: {draft: 5}\n",
    "legacy-draft-replaces": (
        "model: {draft: {draft_rope_scale: 2}}\ndraft_model: {draft_model_name: z}\n"
    ),
    "legacy-lora": "model: {lora: {lora_dir: l}}\n",
    "legacy-logging": "logging: {prompt: true, requests: true}\n",
    "legacy-logging-beats": "logging: {log_prompt: false, prompt: true}\n",
    "legacy-logging-typo": "logging: {promt: true, log_requests: true}\n",
    "legacy-with-null": "logging: {prompt: true}\nmodel: {model_dir: null}\n",
    "legacy-with-null-section": "logging: {prompt: true}\nmodel: null\n",
    "legacy-with-list": "logging: {prompt: true}\nnetwork: [a]\n",
    "legacy-invalid": "logging: {prompt: true}\nnetwork: {port: abc}\n",
    "logging-number-key": "logging: {1: true, prompt: true}\nnetwork: {port: 5009}\n",
    "draft-and-bad-logging": "model: {draft: {draft_model_name: q}}\nlogging: 5\n",
    "merge-keys": "x: &x {port: 5004}\nnetwork: {<<: *x, host: '::1'}\n",
    "anchored": "a: &a true\nnetwork: {disable_auth: *a}\n",
    "date": "model: {model_name: 2024-01-01}\n",
    "number-name": "model: {model_name: 123}\n",
    "hexadecimal": "network: {port: 0x1388}\n",
    "base-sixty": "network: {port: 1:23}\n",
    "yaml-1.1": "%YAML 1.1\n---\nnetwork: {disable_auth: yes}\n",
    "bom": "\ufeffnetwork: {disable_auth: true}\n",
    "crlf": "network:\r\n  disable_auth: true\r\n",
    "number-keys": "1: {2: 3}\nnetwork: {4: 5, port: 5006}\n",
    "tagged": "!thing\nnetwork: !!map {port: 5007}\n",
    "bad-tag": "network: {port: !!int abc}\n",
    "deep": "[" * 3000,
    "use-as-default": "model: {use_as_default: [cache_mode, nothing]}\n",
    "self-made-json": '{"network": {"port": 5008}, "draft": {"draft_rope_scale": 1}}\n',
}

_STARTS = [
    Case("nothing"),
    Case("not-utf8", {"config.yml": b"network: {host: \xe9}\n"}),
    Case("utf-16", {"config.yml": "network: {port: 5010}\n".encode("utf-16")}),
    Case("binary", {"config.yml": bytes(range(256))}),
    Case("config-missing", {"config.yml": b"network: {port: 5011}\n"}, {}, ("--config", "no.yml")),
    Case("config-empty", {"config.yml": b"network: {port: 5011}\n"}, {}, ("--config", "")),
    Case("config-own", {"config.yml": b"network: {port: 5}\n"}, {}, ("--config=./config.yml",)),
    Case("directory", {"config.yml/x": b""}),
    Case("argument", {}, {}, ("--disable-auth", "true", "--port", "6000")),
    Case("argument-equals", {}, {}, ("--port=6001",)),
    Case("argument-bare-flag", {}, {}, ("--disable-auth",)),
    Case("argument-prefix", {}, {}, ("--disable-a", "true")),
    Case("argument-ambiguous", {}, {}, ("--model", "x")),
    Case("argument-unknown", {}, {}, ("--disable-authh", "true")),
    Case("argument-positional", {}, {}, ("serve",)),
    Case("argument-invalid", {}, {}, ("--port", "abc")),
    Case("argument-negative", {}, {}, ("--max-seq-len", "-1")),
    Case("argument-list", {}, {}, ("--api-servers", "OAI", "kobold", "--gpu-split", "1", "2.5")),
    Case("argument-loras", {}, {}, ("--loras", "a", "b")),
    Case("argument-empty", {}, {}, ("--host", "")),
    Case("argument-help", {}, {}, ("--help",)),
    Case("environment-empty-port", {}, {"TABBY_NETWORK_PORT": ""}),
    Case("environment-empty-host", {}, {"TABBY_NETWORK_HOST": ""}),
    Case("environment-list", {}, {"TABBY_MODEL_GPU_SPLIT": "[1]"}),
    Case("environment-servers", {}, {"TABBY_NETWORK_API_SERVERS": "OAI"}),
    Case("environment-servers-empty", {}, {"TABBY_NETWORK_API_SERVERS": ""}),
    Case("environment-lower-case", {}, {"tabby_network_port": "6002"}),
    Case("environment-config", {}, {"TABBY_CONFIG_CONFIG": "x.yml"}),
    Case("environment-key", {}, {"TABBY_API_KEY": "x"}),
    Case(
        "environment-over-broken-section",
        {"config.yml": b"network: 5\n"},
        {"TABBY_NETWORK_PORT": "6003"},
    ),
    Case(
        "stray-under-config",
        {"config.yml": b"network: {disable_auth: true}\n", "c.yml": b"network: {port: 6004}\n"},
        {"TABBY_NETWORK_PORT": "6005", "TABBY_NETWORK_HOST": "0.0.0.0"},
        ("--config", "c.yml", "--disable-auth", "false", "--port", "6006"),
    ),
    Case(
        "deep-merge",
        {
            "config.yml": b"model: {template_vars_force: {a: {b: 1}}}\n",
            "c.yml": b"model: {template_vars_force: {a: {c: 2}}}\n",
        },
        {},
        ("--config", "c.yml"),
    ),
    Case("broken-config-falls-back", {"config.yml": b"network: {port: 7}\n", "c.yml": b"\t"}, {},
         ("--config", "c.yml")),
    Case("environment-under-legacy", {"config.yml": b"logging: {prompt: true}\nnetwork: {port: x}"},
         {"TABBY_NETWORK_PORT": "6007"}),
]  # fmt: skip

_VALUES: dict[str, list[object]] = {
    "network.port": [5000, "5001", "abc", None, 70000, 1.5, True],
    "network.host": ["0.0.0.0", "", None, 5],
    "network.disable_auth": [True, False, "yes", "on", 0, 3, None, []],
    "network.api_servers": [["OAI"], ["kobold", None], "OAI", [], None],
    "network.sse_ping_interval": [0, -1, "7"],
    "network.unknown": [1, None],
    "logging.log_prompt": [True, "off", None],
    "logging.requests": [True],
    "model.cache_mode": ["Q4", "8,8", "Q5", 8, None],
    "model.cache_size": [256, 255, "512", -256],
    "model.max_seq_len": [-1, 4096, None],
    "model.gpu_split": [[1, 2], ["a"], [None, 1], {}],
    "model.rope_alpha": ["auto", 2, "x", None],
    "model.template_vars_default": [{"a": 1}, {"b": {"c": None}}, [], None],
    "model.draft": [{"draft_model_name": "d"}, {}, None, 5],
    "draft_model.draft_mode": ["ngram", "never", None],
    "lora.loras": [[{"name": "a"}], [{"scaling": "2"}], [None], "a"],
    "embeddings.embeddings_device": ["cuda", "CPU"],
    "memory.cuda_malloc_async": [False, "x"],
    "developer.unsafe_launch": [True, "t"],
    "other.key": [1],
}


def _document(draw: random.Random) -> dict[str, object]:
    document: dict[str, object] = {}
    for name in draw.sample(sorted(_VALUES), draw.randint(0, 5)):
        section, key = name.split(".")
        inner = document.setdefault(section, {})
        assert isinstance(inner, dict)
        inner[key] = draw.choice(_VALUES[name])
    if draw.random() < 0.15:
        document[draw.choice(["network", "model", "logging", "memory", "other"])] = draw.choice(
            [None, 5, [], "text", {}]
        )
    return document


def _random_case(number: int) -> Case:
    draw = random.Random(number)
    files = {}
    if draw.random() < 0.7:
        files["config.yml"] = yaml.safe_dump(_document(draw)).encode()
    arguments: list[str] = []
    if draw.random() < 0.5:
        files["c.yml"] = yaml.safe_dump(_document(draw)).encode()
        arguments += ["--config", "c.yml"]
    plain = [name for name in sorted(_VALUES) if name.split(".")[1] not in ("unknown", "draft")]
    known = [name for name in plain if name not in ("logging.requests", "other.key")]
    environment = {}
    for name in draw.sample(known, draw.randint(0, 2)):
        variable = f"TABBY_{name.replace('.', '_')}".upper()
        environment[variable] = str(draw.choice(_VALUES[name]))
    for name in draw.sample(known, draw.randint(0, 2)):
        flag = name.split(".")[1].replace("_", "-")
        arguments += [f"--{flag}", str(draw.choice(_VALUES[name]))]
    return Case(f"random-{number}", files, environment, tuple(arguments))


CASES: list[Case] = [
    *(_own(name, text) for name, text in _TEXTS.items()),
    *(_chosen(f"{name}-under-config", text) for name, text in _TEXTS.items()),
    *_STARTS,
    *(_random_case(number) for number in range(400)),
]
