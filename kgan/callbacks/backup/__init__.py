"""Backups of a run, from which the same command resumes."""

from kgan.callbacks.backup.backup import Backup

__all__ = ["Backup"]
