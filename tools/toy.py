"""The command `kgan toy`."""

import runpy
import sys

sys.argv[:1] = ["kgan", "toy"]
runpy.run_module("kgan", run_name="__main__")
