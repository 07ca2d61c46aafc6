from .anthropic import AnthropicProvider
from .base import BaseProvider
from .openai_compat import OpenAICompatProvider
from .tabby import TabbyProvider

PROVIDERS: dict[str, type[BaseProvider]] = {
    "anthropic": AnthropicProvider,
    "openai": OpenAICompatProvider,
    "tabby": TabbyProvider,
}


def create_provider(name: str, options: dict) -> BaseProvider:
    kind = options.get("type", name)
    try:
        cls = PROVIDERS[kind]
    except KeyError:
        raise ValueError(f"no provider of type {kind!r}") from None
    return cls(name=name, **{k: v for k, v in options.items() if k != "type"})
