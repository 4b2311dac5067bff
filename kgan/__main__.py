"""`python -m kgan` is the command `kgan`."""

import sys

from kgan.cli import main

sys.exit(main())
