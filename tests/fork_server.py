"""Run Python files in forks of a process that has imported kgan: they begin where others wait.

Each line of standard input is a JSON object of the arguments of `become`. Answered are two lines,
the number of the process and, when it has ended, its exit code.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import sys
from pathlib import Path

# Of a file that hangs, in seconds.
LONGEST = 300


def main():
    """Serve until standard input ends."""
    # It has made no tensor after that, so each fork starts TensorFlow as a fresh process would.
    importlib.import_module("kgan")
    # A fork that collected garbage would copy all the memory that it shares, which takes seconds.
    gc.freeze()
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            become(**json.loads(line))
            return
        print(process, flush=True)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(path: str, arguments: list[str], folder: str, stdout: str, stderr: str):
    """Be what `python path arguments` would be, started in a folder.

    Args:
        path: the Python file.
        arguments: what follows it on the command line.
        folder: where it runs.
        stdout: a new file for what it prints.
        stderr: a new file for its errors.
    """
    signal.alarm(LONGEST)
    # A shell that starts tests in the background makes them ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for descriptor, file in enumerate((os.devnull, stdout, stderr)):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), descriptor)
    os.chdir(folder)
    sys.argv = [path, *arguments]
    sys.path[0] = str(Path(path).parent)
    runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    main()
