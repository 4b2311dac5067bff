"""What kgan tells while it works, where Keras tells such things."""

import logging
import re

import keras

# Control characters but for tab and newline, what turns the direction of a line, and halves of
# characters, which stand for bytes of a file name that are no text.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Text in which a terminal finds no commands, wherever it comes from.

    Args:
        text: any, such as names of files or what a server says.

    Returns:
        The same, with what moves, paints or renames written as Python writes it.

    Example:
        >>> printable("cats\x1b[2J")
        'cats\\x1b[2J'
    """
    return _COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def keras_reason(error: BaseException) -> str:
    """Why Keras cannot load a model, without the configs that it prints before and after."""
    message = str(error).rpartition("Exception encountered: ")[2]
    lines = list(filter(None, message.partition(" Full object config:")[0].splitlines()))
    if not lines:
        return type(error).__name__
    # Of a layer's call the reason is the next line, in bold.
    is_call = lines[0].startswith("Exception encountered when calling")
    return re.sub("\x1b\\[\\d+m", "", " ".join(lines[: 1 + is_call]))


def tell(message: str) -> None:
    """Print a line, or log it where Keras' own messages are logged.

    `keras.config.disable_interactive_logging()` sends it, as it does Keras' progress bars, to
    Python's `logging`, here under the name "kgan".

    Args:
        message: the line.
    """
    if keras.config.is_interactive_logging_enabled():
        print(printable(message), flush=True)
    else:
        logging.getLogger("kgan").info(printable(message.strip()))
