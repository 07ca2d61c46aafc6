"""The doctor for TabbyAPI servers."""

__version__ = "0.1.0"
