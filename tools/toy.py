"""The command `kgan toy`."""

import sys

from kgan.cli import main

sys.exit(main(["toy", *sys.argv[1:]]))
