"""What callbacks beside an evaluation make of its values: mistakes found before training begins."""

import keras

# Keras' own that write all logs somewhere.
_WRITERS = (keras.callbacks.CSVLogger, keras.callbacks.TensorBoard)


def check_monitors(
    callbacks, own: keras.callbacks.Callback, names, every_n_epochs: int | None
) -> None:
    """Raise if a callback waits for the values of an evaluation in vain.

    Args:
        callbacks: all callbacks of a `fit`, in their order.
        own: the evaluation among them.
        names: the names of its values.
        every_n_epochs: int, epochs between its evaluations; None if that is not known.

    Raises:
        ValueError: if a callback that needs the values stands before the evaluation, leaves the
            better direction open, or has less patience than there are epochs between evaluations.
    """
    evaluation, before = type(own).__name__, True
    for callback in callbacks:
        before = before and callback is not own
        kind, monitor = type(callback).__name__, getattr(callback, "monitor", None)
        if before and (monitor in names or isinstance(callback, _WRITERS)):
            raise ValueError(
                f"{kind} stands before {evaluation} and would not see its values. Put {evaluation} "
                "first in callbacks=."
            )
        if monitor not in names:
            continue
        if getattr(callback, "mode", None) == "auto":
            raise ValueError(
                f"{kind} cannot know whether a lower or a higher {monitor} is better. Pass "
                'mode="min" for distances, mode="max" for shares, scores and counts.'
            )
        patience = getattr(callback, "patience", None)
        if None not in (every_n_epochs, patience) and max(patience, 1) < every_n_epochs:
            raise ValueError(
                f"{kind} with patience={patience} would lose it before the next value: "
                f"{evaluation} measures every {every_n_epochs} epochs, and patience counts epochs. "
                f"Pass patience={every_n_epochs} for one value without improvement, "
                f"patience={2 * every_n_epochs} for two."
            )


def check_known(callbacks, names) -> None:
    """Raise if a callback monitors what looks like a value of an evaluation and is none.

    Args:
        callbacks: all callbacks of a `fit`.
        names: the names of all values of all evaluations.

    Raises:
        ValueError: if there is one.
    """
    beginnings = {name.split("_")[0] for name in names}
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None) or ""
        if monitor not in names and monitor.split("_")[0] in beginnings:
            raise ValueError(
                f"{type(callback).__name__} monitors {monitor!r}, which nothing logs. "
                f"The evaluated values are {sorted(names)}."
            )
