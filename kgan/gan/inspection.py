"""A look at the data before the first step."""

import keras
import numpy as np

from kgan import backend
from kgan import sampling
from kgan._utils import checks
from kgan._utils import validation
from kgan.data.epochs import digest
from kgan.data.epochs import uncounted
from kgan.gan.replication import check_groups

# As many as show whether samples are as varied as data, and no more than anyone's memory holds.
_REFERENCES = 64


class WithInspection:
    """Mixin for `kgan.GAN`: `fit` and `evaluate` check their data before anything is done to it.

    Stand this class before `keras.Model` in the list of bases.

    Attributes:
        reference_images: float32 array (n, ...), the first n <= 64 images of the data of the last
            `fit`, for callbacks that compare samples with data. Not saved. None before a `fit`,
            and where the data could not be looked into.
        reference_labels: int array (n,), their labels; None without.
        callbacks_of_fit: tuple of the callbacks given to the last `fit`, in their order, for those
            that depend on each other: Keras tells none of the others.
    """

    reference_images = None
    reference_labels = None
    callbacks_of_fit = ()

    def fit(self, x=None, y=None, batch_size=None, epochs=1, **kwargs):
        """Train: `keras.Model.fit`, after a look at the first batch.

        The look is a pass of its own over a `tf.data.Dataset`: one that shuffles anew every time
        begins with the order of its second pass. Data that count their epochs, those of
        `kgan.data`, do not count it.

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
        backend.check_scope_of_call(self.images_seen, "fit")
        replicas = backend.num_replicas_of(self)
        if replicas > 1:
            are_full = backend.are_all_full(x, batch_size) and not kwargs.get("validation_split")
            validation.check_all_full(are_full, replicas)
        batch, x, shuffled = self._inspected(x, y, batch_size, self.discriminator_steps, replicas)
        if replicas > 1:
            self._check_shares(batch, x, replicas)
        if backend.worker(self)[1] > 1:
            self._check_same_data(batch, shuffled or not kwargs.get("shuffle", True))
        self._keep_references(batch)
        callbacks = kwargs.get("callbacks") or ()
        # A keras.callbacks.CallbackList holds them in an attribute.
        callbacks = getattr(callbacks, "callbacks", callbacks)
        self.callbacks_of_fit = tuple(keras.tree.flatten(callbacks))
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
        backend.check_scope_of_call(self.images_seen, "evaluate")
        # `fit` evaluates an iterator that it keeps: a look would take a batch from a generator.
        if not kwargs.get("_use_cached_eval_dataset"):
            _, x, _ = self._inspected(x, y, batch_size)
        with self.unchanged_random_state(), uncounted(x):
            sampling.restart(self.evaluation_seeds)
            return super().evaluate(x, y, batch_size=batch_size, **kwargs)

    def _inspected(
        self,
        x,
        y,
        batch_size: int | None,
        discriminator_steps: int = 1,
        num_replicas: int = 1,
    ) -> tuple:
        """Check the first batch of the data, and all labels that stand beside an array.

        Args:
            x: whatever `fit` takes.
            y: whatever `fit` takes beside arrays.
            batch_size: rows per batch of arrays; Keras' 32 if None.
            discriminator_steps: the number of minibatches a batch is to be split into.
            num_replicas: the number of replicas that share each of them.

        Returns:
            (batch, x, shuffled): the first batch or None, the data to use in place of `x`, and
            whether they come in an order of their own, as `backend.first_batch` says.

        Raises:
            ValueError: if there are no data, or they are not what this GAN can learn from.
        """
        with uncounted(x):
            batch, x, shuffled = backend.first_batch(x, y, batch_size)
        if batch is not None:
            validation.check_batch(
                batch, self.image_shape, self.num_classes, discriminator_steps, num_replicas
            )
        if y is not None and self.num_classes is not None:
            checks.check_labels(np.asarray(y), len(x), self.num_classes)
        return batch, x, shuffled

    def _check_shares(self, batch, x, replicas: int) -> None:
        """Raise unless each replica has a share of every minibatch that one device would make."""
        if batch is None:
            rows = backend.distributed_rows(x, replicas)
            if rows is None:
                return
            validation.check_rows(rows, self.discriminator_steps, replicas)
        else:
            rows = len(validation.images_and_labels(batch, self.num_classes)[0])
        check_groups(self.discriminator, rows // (self.discriminator_steps * replicas))

    def _check_same_data(self, batch, is_ordered: bool) -> None:
        """Raise unless all workers, each of which takes its part of every batch, see the same ones.

        Args:
            batch: the first batch, or None if it could not be looked at.
            is_ordered: whether the order of the data is their own.

        Raises:
            ValueError: if they do not, or each might have another order.
        """
        if not is_ordered:
            raise ValueError(
                "Each worker takes its rows of every batch, and Keras would shuffle arrays in "
                "another order on each. Pass kgan.data.from_arrays(...).batches(...), whose order "
                "follows from its seed, or shuffle=False."
            )
        arrays = keras.tree.flatten(batch)
        # Half of it: the sign takes a bit.
        numbers = [int(digest(array), 16) >> 1 for array in arrays if array is not None]
        if not backend.same_everywhere(self, numbers):
            raise ValueError(
                "The workers' data are not the same: their first batches differ. Each worker takes "
                "its rows of every batch, so that rows would come twice and others never. Give all "
                "of them the same files in the same order, and a shuffle a seed: "
                "dataset.shuffle(n, seed=0), or keras.utils.set_random_seed(0)."
            )

    def _keep_references(self, batch) -> None:
        self.reference_images = self.reference_labels = None
        if batch is not None:
            images, labels = validation.images_and_labels(batch, self.num_classes)
            # Copies: a view would keep the whole batch.
            self.reference_images = np.array(images[:_REFERENCES], "float32")
            if labels is not None:
                self.reference_labels = np.array(labels[:_REFERENCES])
