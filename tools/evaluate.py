"""The command `kgan evaluate`."""

import runpy
import sys

sys.argv[:1] = ["kgan", "evaluate"]
runpy.run_module("kgan", run_name="__main__")
