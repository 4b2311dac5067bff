"""How the rows of one batch are dealt out to the k discriminator steps."""

from collections.abc import Iterator

from keras import ops


def deal(tensors: tuple, k: int) -> Iterator[tuple]:
    """Yield k tuples of minibatches: row j of each tensor goes to step j modulo k.

    Every step sees rows of its own, and the same ones whatever the number of replicas, since a
    strategy cuts batches into contiguous parts. A short last batch that k does not divide is filled
    up with its own first rows.

    Args:
        tensors: tensors with the same number of rows, or None in places.
        k: int, the number of steps.

    Yields:
        Tuples like `tensors`, with a k-th of the rows, rounded up.
    """
    rows = ops.shape(next(tensor for tensor in tensors if tensor is not None))[0]
    divisible = isinstance(rows, int) and rows % k == 0
    for step in range(k):
        if divisible:
            # The same rows as below, by a slice, which costs less than looking them up.
            yield tuple(None if tensor is None else tensor[step::k] for tensor in tensors)
        else:
            own = (ops.arange((rows + k - 1) // k) * k + step) % rows
            yield tuple(
                None if tensor is None else ops.take(tensor, own, axis=0) for tensor in tensors
            )
