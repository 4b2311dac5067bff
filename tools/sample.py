"""The command `kgan sample`."""

import runpy
import sys

sys.argv[:1] = ["kgan", "sample"]
runpy.run_module("kgan", run_name="__main__")
