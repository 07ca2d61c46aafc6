"""Which variables may hold TabbyAPI's key, so that it is sent to no other server."""

from __future__ import annotations

from tabbydoctor.remedies import credential
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site.environment import variable_of
from tabbydoctor.source.secret_names import is_secret

VENDORS = (
    "AI21", "ANTHROPIC", "AWS", "AZURE", "BEDROCK", "CEREBRAS", "CLAUDE", "COHERE", "DASHSCOPE",
    "DATABRICKS", "DEEPINFRA", "DEEPSEEK", "FIREWORKS", "GEMINI", "GITHUB", "GOOGLE", "GROQ",
    "HF", "HUGGING", "MISTRAL", "MOONSHOT", "NVIDIA", "OPENAI", "OPENROUTER", "PERPLEXITY",
    "REPLICATE", "TOGETHER", "VERTEX", "VOYAGE", "XAI",
)  # fmt: skip
"""How a word of a variable's name begins that a vendor's library takes a key from by itself."""


def unfit(reading: RouterReading, variable: str) -> str:
    """Why a variable is not to hold TabbyAPI's key; empty where it may."""
    if not credential.valid_name(variable):
        return "no environment file can set one of that name"
    if not is_secret(variable):
        return "its name is not that of a key"
    named = "tabby" in variable.lower()
    if reading.leaks or (_sent_elsewhere(reading, variable) and not named):
        return "it may be sent to other servers, too"
    vendors = any(word.startswith(VENDORS) for word in variable.upper().split("_"))
    return "a vendor's library sends it to its own servers" if vendors and not named else ""


def _sent_elsewhere(reading: RouterReading, variable: str) -> bool:
    return bool(reading.sent_elsewhere) or f"environment {variable}" in reading.keys_elsewhere


def _lines(reading: RouterReading, variable: str) -> list[int]:
    calls = [call.line for call in reading.calls if variable_of(call.key_from) == variable]
    return sorted({*calls, reading.reads_environment.get(variable, 0)} - {0})


def left_alone(reading: RouterReading, variable: str, why: str) -> str:
    """What to change in the router's file by hand, where its variable is not to be set."""
    at = "".join(
        f" in line{'s' * (len(lines) > 1)} {', '.join(map(str, lines))}"
        + (f" of {part.path}" if part.path != reading.path else "")
        for part in reading.modules
        if (lines := _lines(part, variable))
    )
    return (
        f"{reading.path} takes TabbyAPI's key from the variable {variable!r}, which is left as it "
        f"is ({why}): let it take it from {credential.VARIABLE}{at}, and run this again"
    )
