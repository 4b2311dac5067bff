"""The command `kgan export`."""

import sys

from kgan.cli import main

sys.exit(main(["export", *sys.argv[1:]]))
