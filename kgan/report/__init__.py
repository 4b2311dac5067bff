"""What was found out about a generator, laid out for people: one page, or text."""

from kgan.report.page import write
from kgan.report.terminal import as_text

__all__ = ["as_text", "write"]
