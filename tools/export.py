"""The command `kgan export`."""

import runpy
import sys

sys.argv[:1] = ["kgan", "export"]
runpy.run_module("kgan", run_name="__main__")
