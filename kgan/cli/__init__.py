"""The command `kgan`, and the folder that a run of it leaves."""

from kgan.cli.command import main
from kgan.cli.run_folder import RunFolder

__all__ = ["RunFolder", "main"]
