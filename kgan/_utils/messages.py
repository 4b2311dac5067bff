"""What kgan tells while it works, where Keras tells such things."""

import logging

import keras


def tell(message: str) -> None:
    """Print a line, or log it where Keras' own messages are logged.

    `keras.config.disable_interactive_logging()` sends it, as it does Keras' progress bars, to
    Python's `logging`, here under the name "kgan".

    Args:
        message: the line.
    """
    if keras.config.is_interactive_logging_enabled():
        print(message, flush=True)
    else:
        logging.getLogger("kgan").info(message.strip())
