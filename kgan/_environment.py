"""What the command `kgan` sets in its environment before TensorFlow is imported.

TensorFlow reads it as it is imported. Every module of kgan lies in the package that imports
TensorFlow, that of the command too, so the package imports this file first. It changes nothing in a
program that imports kgan: that environment is the program's.
"""

import os
import platform
import sys
from pathlib import Path

SETTINGS = {"TF_CPP_MIN_LOG_LEVEL": "2"}
if platform.machine() in ("x86_64", "AMD64"):
    # oneDNN, with which wide convolutions take half the time. TensorFlow itself has it on where the
    # processor has instructions for neural networks. On other machines it was not tried.
    SETTINGS["TF_ENABLE_ONEDNN_OPTS"] = "1"


def is_of_command(arguments: list[str], given: list[str]) -> bool:
    """Whether Python was started to run `kgan` or `python -m kgan`. A file of tools/ says it was.

    Args:
        arguments: list of str, `sys.argv`. It begins with "-m" while Python looks for the module.
        given: list of str, `sys.orig_argv`, with the options of Python before the same words.

    Returns:
        bool.
    """
    first = arguments[0] if arguments else ""
    name = given[-len(arguments)].removeprefix("-m") if first == "-m" else Path(first).stem
    return name == "kgan"


if is_of_command(sys.argv, sys.orig_argv):
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
