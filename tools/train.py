"""The command `kgan train`."""

import runpy
import sys

sys.argv[:1] = ["kgan", "train"]
runpy.run_module("kgan", run_name="__main__")
