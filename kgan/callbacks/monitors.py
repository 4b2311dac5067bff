"""What callbacks beside an evaluation make of its values: mistakes found before training begins."""

import keras

# Keras' own that write all logs somewhere.
_WRITERS = (keras.callbacks.CSVLogger, keras.callbacks.TensorBoard)


def check_monitors(
    callbacks, own: keras.callbacks.Callback, names, *, every_n_epochs: int | None = None, known=()
) -> None:
    """Raise if a callback waits for the values of an evaluation in vain.

    Args:
        callbacks: all callbacks of a `fit`, in their order.
        own: the evaluation among them.
        names: the names of its values.
        every_n_epochs: int, epochs between its evaluations; None if that is not known.
        known: the names of all values of all evaluations; empty, the default, if there may be more.

    Raises:
        ValueError: if a callback that needs the values stands before the evaluation, leaves the
            better direction open, or has less patience than there are epochs between evaluations;
            or if one monitors what looks like a value of an evaluation and is none.
    """
    evaluation, before = type(own).__name__, True
    beginnings = {name.split("_")[0] for name in known}
    for callback in callbacks:
        before = before and callback is not own
        kind, monitor = type(callback).__name__, getattr(callback, "monitor", None) or ""
        if before and (monitor in names or isinstance(callback, _WRITERS)):
            raise ValueError(
                f"{kind} stands before {evaluation} and would not see its values. Put {evaluation} "
                "first in callbacks=."
            )
        if monitor not in known and monitor.split("_")[0] in beginnings:
            raise ValueError(
                f"{kind} monitors {monitor!r}, which nothing logs. The evaluated values are "
                f"{sorted(known)}."
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
