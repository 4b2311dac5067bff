"""What a generator makes, examined and laid out as a page for people."""

from kgan.report.examine import Subject
from kgan.report.examine import examine
from kgan.report.page import Findings
from kgan.report.page import report_page
from kgan.report.reals import Reals
from kgan.report.reals import divide

__all__ = [
    "Findings",
    "Reals",
    "Subject",
    "divide",
    "examine",
    "report_page",
]
