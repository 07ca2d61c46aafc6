"""Command lines that teach: each is shown by `--help` and the man page, and parses as written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Example(NamedTuple):
    """One command line."""

    shows: str
    arguments: str
    """After the program's name, in the shell's words."""
    root: bool = False
    """It takes root to do that, or to see all of it."""


EXAMPLES: Mapping[str, tuple[Example, ...]] = {
    "": (
        Example("what is wrong, what causes what, and the way out", "check", root=True),
        Example(
            "the plan that repairs the 401 between router and TabbyAPI", "fix --auth --dry-run"
        ),
        Example("see it at work where nothing is installed", "demo"),
    ),
    "check": (
        Example("everything; root sees most", "check", root=True),
        Example("what concerns the GPU and one check more", "check --only gpu,CFG004"),
        Example(
            "one document for a program, and exit code 1 on warnings, too",
            "check --format json --fail-on warning",
        ),
        Example("after a start: look again for two minutes at most", "check --wait 120 --quiet"),
        Example("a file in place of this machine", "check --deployment compose.yaml"),
    ),
    "fix": (
        Example("show what would be done against the 401, and do nothing", "fix --auth --dry-run"),
        Example("do it, after a question", "fix --auth", root=True),
        Example(
            "have the router send the key, without a question",
            "fix --auth --strategy router-tokens --yes",
            root=True,
        ),
        Example(
            "repair one finding, and leave the restart to you", "fix CFG003 --no-restart", root=True
        ),
    ),
    "undo": (
        Example("take back the latest change", "undo", root=True),
        Example(
            "an earlier one, by its id in the history", "undo 20250131T120000Z-1a2b", root=True
        ),
    ),
    "history": (
        Example("what was changed, the latest first", "history", root=True),
        Example("for a program", "history --format json", root=True),
    ),
    "config": (
        Example("each value, and where it comes from", "config"),
        Example(
            "the defaults, too, of a TabbyAPI in a certain place",
            "config --verbose --dir /srv/TabbyAPI",
        ),
    ),
    "probe": (
        Example("which key the running server takes where", "probe", root=True),
        Example("a server on another machine", "probe --url http://gpu1:5000"),
        Example("what comes back through the router", "probe --through-router", root=True),
        Example(
            "with one completion, for a model that nobody serves",
            "probe --through-router --send",
            root=True,
        ),
    ),
    "vram": (
        Example("the configured model against each GPU", "vram"),
        Example("another one below model_dir", "vram Llama-3.1-8B-exl3"),
        Example("before it is downloaded", "vram ./config.json --bpw 4"),
    ),
    "explain": (
        Example("the page of a check", "explain CFG004"),
        Example("by its name", "explain config-unknown-key"),
    ),
    "list": (
        Example("all checks", "list"),
        Example("for a program", "list --format json"),
    ),
    "merge": (
        Example("which root causes are on which hosts", "merge gpu1.json gpu2.json"),
        Example("the documents come on standard input", "merge --format json -"),
    ),
    "install-timer": (
        Example("show the units that would be written", "install-timer --dry-run"),
        Example("look every ten minutes", "install-timer --every 10min", root=True),
    ),
    "remove-timer": (
        Example("stop it, and remove what was written", "remove-timer", root=True),
        Example(
            "one with its records elsewhere", "remove-timer --state-dir /srv/doctor", root=True
        ),
    ),
    "watch": (
        Example("what changed since the last run", "watch --record last.json"),
        Example(
            "with a metric for node_exporter",
            "watch --record last.json --textfile tabbydoctor.prom",
        ),
    ),
    "bundle": (
        Example("record what this machine answers", "bundle", root=True),
        Example("to a file of another name", "bundle --output gpu1.tar.gz", root=True),
    ),
    "mcp": (
        Example("serve one deployment to an assistant", "mcp --dir /srv/TabbyAPI"),
        Example("a server elsewhere", "mcp --url http://gpu1:5000"),
    ),
    "nix": (
        Example("the config.yml that was found, as options", "nix to-options"),
        Example(
            "the options of a host, as the file that the module writes",
            "nix to-config options.json",
        ),
    ),
    "nix to-options": (
        Example("the config.yml that was found", "nix to-options"),
        Example("another one", "nix to-options ./config.yml"),
    ),
    "nix to-config": (
        Example("options in a file, as nix eval --json prints them", "nix to-config options.json"),
        Example("the very file that the module writes", "nix to-config --format json options.json"),
    ),
    "demo": (
        Example("needs no root, no GPU and no TabbyAPI", "demo"),
        Example("without colour", "demo --color never"),
    ),
    "completion": (
        Example(
            "for you, in bash with its bash-completion",
            "completion bash > ~/.local/share/bash-completion/completions/tabbydoctor",
        ),
        Example(
            "in zsh, where $fpath has that directory", "completion zsh > ~/.zfunc/_tabbydoctor"
        ),
        Example("in fish", "completion fish > ~/.config/fish/completions/tabbydoctor.fish"),
    ),
    "man": (
        Example("read the page of a command", "man check | man -l -"),
        Example("install all of them", "man --output /usr/local/share/man/man1", root=True),
    ),
    "schema": (
        Example("to a file", "schema > schema.json"),
        Example("what fix prints", "schema | jq '.\"$defs\" | keys'"),
    ),
}
"""By the words of the command."""
