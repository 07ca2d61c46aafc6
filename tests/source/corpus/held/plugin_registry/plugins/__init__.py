from .registry import BACKENDS, register
from . import ollama, tabby

__all__ = ["BACKENDS", "register"]
