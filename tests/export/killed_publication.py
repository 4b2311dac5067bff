"""Publish into a folder and be killed while the version is written.

python killed_publication.py <base>
"""

import os
import signal
import sys

from kgan.export.publish import publish


def write(folder, number):
    (folder / "version").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)


publish(write, sys.argv[1])
