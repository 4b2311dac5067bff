"""The command `kgan launch`."""

import runpy
import sys

sys.argv[:1] = ["kgan", "launch"]
runpy.run_module("kgan", run_name="__main__")
