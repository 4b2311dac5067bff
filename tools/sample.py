"""The command `kgan sample`."""

import sys

from kgan.cli import main

sys.exit(main(["sample", *sys.argv[1:]]))
