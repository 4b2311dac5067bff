"""The command `kgan evaluate`."""

import sys

from kgan.cli import main

sys.exit(main(["evaluate", *sys.argv[1:]]))
