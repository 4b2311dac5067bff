"""The command `kgan launch`."""

import sys

from kgan.cli import main

sys.exit(main(["launch", *sys.argv[1:]]))
