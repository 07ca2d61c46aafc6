"""One deployment as the checks of the configuration know it."""

from tests.checks.config.conftest import deployment

__all__ = ["deployment"]
