"""One word says what to do, flags say how: `kgan train --flagfile=recipes/digits.flags`."""

import importlib
import math
import os
import re
import shlex
import sys
import textwrap
import warnings
from collections.abc import Callable
from collections.abc import Sequence

from absl import flags as absl_flags

from kgan._utils.messages import printable

COMMANDS = {
    "train": "Train a GAN, and leave everything of the run in one folder.",
    "evaluate": "Measure what a generator makes: numbers, and a page to look at.",
    "export": "Write a generator for servers and devices: SavedModel, TFLite, ONNX.",
    "sample": "Make pictures, from a run, an export or a running server.",
    "toy": "Train on data whose density is known, and see what comes of it.",
    "launch": "Run a command as several workers on this machine.",
}


# What absl says of a value that it cannot read, in Python's words, and what it means.
_OF_ABSL = {
    r"invalid literal for int\(\).*": "must be a whole number.",
    r"could not convert string to float.*": "must be a number.",
    r"\('Non-boolean argument.*": "must be true or false.",
    r"flag --(\w+)=None: Flag .*": r"--\1 is missing. Give --\1=<value>.",
    "^ERROR:: ": "",
}


class Flags(absl_flags.FlagValues):
    """The flags of one command, which no other command sees.

    Example:
        >>> flags = Flags()
        >>> flags.define("integer", "width", None, "Units of a layer.", 1)
        >>> flags(["train", "--width=8"])
        ['train']
        >>> flags.width
        8
    """

    def define(self, kind: str, *arguments) -> None:
        """Define a flag by absl's DEFINE_<kind> and what that takes. A float must be finite."""
        getattr(absl_flags, f"DEFINE_{kind}")(*arguments, flag_values=self)
        if kind == "float":
            # A NaN lies in all bounds.
            self.check(
                arguments[:1],
                lambda value: value is None or math.isfinite(value),
                "must be a finite number.",
            )

    def require(self, *names: str) -> None:
        """Refuse a command line without these flags."""
        absl_flags.mark_flags_as_required(names, self)

    def check(self, names: Sequence[str], is_right: Callable[..., bool], message: str) -> None:
        """Refuse values of these flags for which `is_right` of them, in their order, is not so."""
        absl_flags.register_multi_flags_validator(
            names, lambda values: is_right(*values.values()), message, self
        )

    def lines(self) -> list[str]:
        """Every flag that has a value, a line each: a flagfile that says all of it."""
        return [line for line in self.flags_into_string().splitlines() if line]

    def command(self, word: str) -> str:
        """The command that gives what was given here."""
        given = [self[name].serialize() for name in sorted(self) if self[name].present]
        return shlex.join(["kgan", word, *"\n".join(given).splitlines()])

    def text(self) -> str:
        """Every flag and what it means."""
        return "\n".join(
            f"  --{flag.name}={flag.default_as_str or ''}\n{textwrap.indent(flag.help, ' ' * 6)}"
            for flag in (self[name] for name in sorted(self))
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands of `kgan`.

    Args:
        arguments: list of str, a command and its flags; None for those that Python was started
            with.

    Returns:
        The exit status: 0, 1 after an error, which was printed in one line, or 130 after Ctrl-C.

    Example:
        >>> kgan.cli.main(["sample", "--model=exported/digits", "--output=grid.png"])
    """
    given = sys.argv[1:] if arguments is None else arguments
    word, *rest = given or ["--help"]
    # A warning of the library is one line for whoever reads it, without the line of Python.
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: warn(str(message))
        return answer(word, rest)


def answer(word: str, rest: Sequence[str]) -> int:
    """Run what a word stands for, and print what went wrong in one line."""
    try:
        if word in ("help", "--help", "-h"):
            for command, does in COMMANDS.items():
                print(f"  kgan {command:10}{does}")
            print("\n`kgan train --help` says what the flags of train are, and so on.")
            return 0
        if word not in COMMANDS:
            raise ValueError(
                f"There is no such command. Expected: kgan, and one of {', '.join(COMMANDS)}. "
                f"Received: {word}."
            )
        return run(word, rest)
    except (absl_flags.Error, ImportError, OSError, ValueError) as error:
        print(f"error: {printable(in_one_line(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Nothing was written.", file=sys.stderr)
        return 130
    except Exception as error:
        # TensorFlow's, which only `backend` knows, or Python's.
        if type(error).__name__ not in ("ResourceExhaustedError", "MemoryError"):
            raise
        words = "The memory does not suffice. Choose a smaller width, batch_size or image_size."
        print(f"error: {words}", file=sys.stderr)
        return 1


def run(word: str, arguments: Sequence[str]) -> int:
    """Run one command with its flags."""
    # Python spells with surrogates what is no UTF-8, and nobody else can write these.
    if any(re.search("[\ud800-\udfff]", argument) for argument in arguments):
        raise ValueError(
            "A name on the command line is not in UTF-8, and could not be written down. Received: "
            f"{' '.join(arguments)}. Rename the file or folder."
        )
    command = importlib.import_module(f"kgan.cli.{word}")
    flags = Flags()
    command.define(flags)
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if {"--help", "-h"} & {*own}:
        print(f"{command.__doc__}\n{flags.text()}")
        return 0
    try:
        _, *rest = flags([word, *arguments])
    except UnicodeDecodeError as error:
        given = [argument for argument in arguments if "flagfile" in argument]
        raise ValueError(
            "A flag file is no text. Expected: a flag a line, as in runs/digits/flags.txt. "
            f"Received: {' '.join(given)}."
        ) from error
    if word == "launch":
        return command.main(flags, rest)
    for flag in (flags[name] for name in flags):
        # A shell leaves it behind "--output=" as it is.
        if isinstance(flag.value, str) and flag.value.startswith("~"):
            flag.value = os.path.expanduser(flag.value)
    if rest:
        raise ValueError(
            f"Everything is said by flags. Received: {' '.join(rest)}. "
            "Booleans are --flag or --noflag, other values follow a '='."
        )
    return command.main(flags)


def warn(doubt: str) -> None:
    """Print a warning."""
    print(f"warning: {printable(doubt)}", file=sys.stderr, flush=True)


def in_one_line(error: Exception) -> str:
    """What an error says, without what follows its first line."""
    # An OSError of kgan is explained in its text, and its number is for programs.
    is_own = isinstance(error, OSError) and error.filename is None
    text = str((is_own and error.strerror) or error)
    if isinstance(error, absl_flags.Error):
        for pattern, words in _OF_ABSL.items():
            text = re.sub(pattern, words, text)
    lines = text.splitlines() or [type(error).__name__]
    return " ".join(lines) if lines[0].endswith(":") else lines[0]
