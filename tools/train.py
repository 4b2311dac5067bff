"""The command `kgan train`."""

import sys

from kgan.cli import main

sys.exit(main(["train", *sys.argv[1:]]))
