from .base import Backend
from .registry import register


@register("ollama")
class Ollama(Backend):
    base = "http://127.0.0.1:11434"
