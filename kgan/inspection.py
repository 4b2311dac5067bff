"""A look at the data before the first step."""

import numpy as np

from kgan import backend
from kgan import sampling
from kgan import validation


class WithInspection:
    """Mixin for `kgan.GAN`: `fit` and `evaluate` check their data before anything is done to it.

    Stand this class before `keras.Model` in the list of bases.
    """

    def fit(self, x=None, y=None, batch_size=None, epochs=1, **kwargs):
        """Train: `keras.Model.fit`, after a look at the first batch.

        The look is a pass of its own over a `tf.data.Dataset`: one that shuffles anew every time
        begins with the order of its second pass.

        Args:
            x: a `tf.data.Dataset` of images or (images, labels), or an array of images. A batch
                holds `discriminator_steps` minibatches: `.batch(k * m)`. Row j of it goes to
                discriminator step j modulo k.
            y: array of labels, beside an array of images.
            batch_size: int, rows per batch of an array.
            epochs: int, passes over the data.
            **kwargs: as in `keras.Model.fit`, which also says what is returned.

        Raises:
            ValueError: if there is no first batch, or it has a wrong shape, dtype, range or
                structure, holds NaN or cannot be split.
        """
        self._assert_compile_called("fit")
        x, shuffled = self._inspected(x, y, batch_size, self.discriminator_steps)
        if shuffled:
            # Keras' default, True, is for arrays; of other data it only warns that it cannot.
            kwargs.setdefault("shuffle", False)
        return super().fit(x, y, batch_size=batch_size, epochs=epochs, **kwargs)

    def evaluate(self, x=None, y=None, batch_size=None, **kwargs):
        """Losses and scores on held-out images: `keras.Model.evaluate`.

        Two calls on the same data give the same numbers, and training goes on as if there had
        been none. A discriminator with batch norm scores in inference mode, with moving statistics
        over reals and fakes, and so differs from the logs of training.

        Args:
            x: as in `fit`; batches need not be divisible by `discriminator_steps`.
            y: as in `fit`.
            batch_size: as in `fit`.
            **kwargs: as in `keras.Model.evaluate`.

        Returns:
            List of the logs' values, or a dict with `return_dict=True`.

        Raises:
            ValueError: as `fit`.
        """
        self._assert_compile_called("evaluate")
        # `fit` evaluates an iterator that it keeps: a look would take a batch from a generator.
        if not kwargs.get("_use_cached_eval_dataset"):
            x, _ = self._inspected(x, y, batch_size)
        with self.unchanged_random_state():
            sampling.restart(self.evaluation_seeds)
            return super().evaluate(x, y, batch_size=batch_size, **kwargs)

    def _inspected(self, x, y, batch_size: int | None, discriminator_steps: int = 1) -> tuple:
        """Check the first batch of the data, and all labels that stand beside an array.

        Args:
            x: whatever `fit` takes.
            y: whatever `fit` takes beside arrays.
            batch_size: rows per batch of arrays; Keras' 32 if None.
            discriminator_steps: the number of minibatches a batch is to be split into.

        Returns:
            (x, shuffled): the data to use in place of `x`, and whether they come in an order of
            their own, as `backend.first_batch` says.

        Raises:
            ValueError: if there are no data, or they are not what this GAN can learn from.
        """
        batch, x, shuffled = backend.first_batch(x, y, batch_size)
        if batch is not None:
            validation.check_batch(batch, self.image_shape, self.num_classes, discriminator_steps)
        if y is not None and self.num_classes is not None:
            validation.check_labels(np.asarray(y), len(x), self.num_classes)
        return x, shuffled
