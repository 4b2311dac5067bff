"""The state of a run: what is measured, what it means, and the callback that says so."""

from kgan.callbacks.health.health import Health

__all__ = ["Health"]
