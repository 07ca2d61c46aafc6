"""A healthy TabbyAPI in a scratch directory, and what a check says of it.

Its files are real and its facts come from the real gatherers, so a check may name any of them.
There is no process, no unit and no router unless a test gives one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tabbydoctor.api import Check, Finding
from tabbydoctor.demo import standin
from tabbydoctor.examination import facts_of
from tabbydoctor.facts import Facts
from tabbydoctor.remedies.draft import Draft
from tabbydoctor.targets import Targets
from tests.model_files import safetensors
from tests.scratch_host import Answer, ScratchHost

GOOD: Mapping[str, str | bytes] = {
    "config.json": '{"architectures": ["LlamaForCausalLM"], '
    '"quantization_config": {"quant_method": "exl3"}}',
    "model.safetensors": safetensors({"model.layers.0.mlp.up_proj.trellis": 8}),
    "tokenizer.json": "{}",
    "chat_template.jinja": "{{ messages }}",
}
"""The files of a model that loads."""
API_KEY = "0123456789abcdef0123456789abcdef"
ADMIN_KEY = "fedcba9876543210fedcba9876543210"


@dataclass
class ScratchTabby:
    """TabbyAPI's directory, what its machine's commands answer, and facts given instead."""

    directory: Path
    commands: dict[str, Answer] = field(default_factory=dict)
    """What a command line starts with -> its answer; any other command is missing."""
    given: dict[type, object] = field(default_factory=dict)
    """Kind -> the fact in place of the one that is gathered."""

    def write(self, name: str, text: str | bytes) -> Path:
        """A file below the directory."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def findings(self, check: Check) -> list[Finding]:
        """What the check says, fit to be shown. Raises Absent and Unknown as it does."""
        found: list[Finding] = self._with_facts(lambda facts: self._judged(check, facts))
        for finding in found:
            assert API_KEY not in repr(finding)
            assert ADMIN_KEY not in repr(finding)
            assert "\n" not in finding.title
            assert not finding.title.endswith(".")
            assert finding.evidence, "a finding shows what was seen"
            assert finding.remedies, "a finding names the way out"
        return found

    def draft(self, check: Check) -> Draft:
        """What the check's cure plans; nothing is changed. Raises CannotFix."""
        assert check.cure is not None
        draft, planner = Draft(), check.cure.planner
        self.given[Draft] = draft
        self._with_facts(lambda facts: facts.call(planner))
        return draft

    async def _judged(self, check: Check, facts: Facts) -> list[Finding]:
        return list(check.judge(**await facts.arguments(check.judge)))

    def _with_facts(self, use: Callable[[Facts], Any]) -> Any:
        async def once() -> Any:
            host = ScratchHost(commands=self.commands, environment={})
            facts = facts_of(host, Targets(dir=str(self.directory)))
            for kind, fact in self.given.items():
                facts.provide(kind, fact)
            try:
                return await use(facts)
            finally:
                await facts.close()
                await host.close()

        return asyncio.run(once())


def healthy(directory: Path) -> ScratchTabby:
    """One that no check should complain about: the stand-in's files, its keys, one model."""
    standin.install(directory)
    tabby = ScratchTabby(directory)
    tabby.write("backends/exllamav3/model.py", "")
    for name, content in GOOD.items():
        tabby.write(f"models/good/{name}", content)
    tabby.write("config.yml", "network:\n  port: 5000\nmodel:\n  model_name: good\n")
    tokens = tabby.write("api_tokens.yml", f"api_key: {API_KEY}\nadmin_key: {ADMIN_KEY}\n")
    tokens.chmod(0o600)
    return tabby
