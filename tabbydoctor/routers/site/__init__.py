"""The router on this machine: which it is, what it runs with, and what it answers."""
