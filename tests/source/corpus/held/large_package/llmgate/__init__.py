"""A gateway with accounts, quotas and several kinds of backends."""

__version__ = "1.8.2"
