"""What kgan says while it works, where Keras says it, so that one switch silences both."""

import keras
from absl import logging


def say(text: str, *, after_bar: bool = False) -> None:
    """Print a line, or log it where `keras.config.disable_interactive_logging()` was called.

    Args:
        text: str, the line.
        after_bar: bool, whether a progress bar may have left its line open.
    """
    if keras.config.is_interactive_logging_enabled():
        print(f"\n{text}" if after_bar else text, flush=True)
    else:
        logging.info(text)
