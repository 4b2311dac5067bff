"""What can be measured on a GAN in training: how varied its samples are, how it is pushed."""

import numpy as np
from keras import ops

from kgan import sampling
from kgan.backend import autodiff
from kgan.gan.minibatches import Minibatch
from kgan.gan.optimizers import trainable_variables

# As many samples as there are references at most; of no more than so many classes.
_SAMPLES = 64
_CLASSES = 16
# Larger pictures are compared by every n-th pixel of a side, which tells them apart as well.
_SIDE = 64
# A sample is a duplicate if it is this much closer to another one than reals are to their nearest.
_DUPLICATE = 0.1
# Fewer pairs of one class say too little about how varied a class is.
_FEWEST_PAIRS = 10
# And of so few images the rank says too little.
_FEWEST_RANKED = 32
# A pixel beyond this is black or white.
_BLACK_OR_WHITE = 0.99


class HealthProbe:
    """Measures a GAN on the same samples at every look, and leaves its training as it is.

    The samples are those of the generator that trains, not of its average, in inference mode. They
    are compared with the GAN's `reference_images`: without these there is no diversity, no
    duplicates and no distance. Of a GAN with classes several samples of each of the references'
    most frequent classes are taken, and diversity is within a class, since a class that has
    collapsed onto one picture still differs from the others.

    Args:
        gan: compiled `kgan.GAN`, after `fit` has looked at its data.
        classifier: a `kgan.features.Extractor` with probabilities, or None.
    """

    def __init__(self, gan, classifier=None):
        self._gan = gan
        self._loss = gan.loss
        self._classifier = classifier
        self._sample = autodiff.compiled(self._samples_of)
        self._push = autodiff.compiled(self._gradient_norm)
        self._ask = autodiff.compiled(self._logits)
        self.take_references()

    def is_of(self, gan) -> bool:
        """Whether this is a probe of `gan` as it is compiled now."""
        return gan is self._gan and gan.loss is self._loss

    def take_references(self) -> None:
        """Compare with the GAN's references as they are now, which every `fit` takes anew."""
        gan = self._gan
        self._reals = None if gan.reference_images is None else _thinned(gan.reference_images)
        self._classes = _probe_classes(gan)
        labels = gan.reference_labels if gan.condition_shape is not None else self._classes
        latents = gan.sample_latents(_SAMPLES if labels is None else len(labels), seed=0)
        self._inputs = [latents] if labels is None else [latents, labels]
        if self._reals is not None:
            distances = _distances(self._reals, self._reals)
            self._spread = _mean(distances, _pairs(len(self._reals)))
            self._nearest = np.median(_nearest(distances))
            self._class_spread = self._spread
            if gan.num_classes is not None and gan.reference_labels is not None:
                same = _pairs(len(self._reals), gan.reference_labels)
                if same.sum() >= 2 * _FEWEST_PAIRS:
                    self._class_spread = _mean(distances, same)

    def look(self) -> dict[str, float]:
        """Measure.

        Returns:
            Dict of floats, a choice of the names that
                `kgan.callbacks.health.diagnosis.Diagnosis` knows:
            g_gradient, memorised, diversity, duplicates, distance, saturated, class_entropy.
        """
        if self._gan.condition_shape is not None and self._gan.reference_labels is None:
            return {}
        evidence = self._gradient() | self._memorised()
        samples = self._samples()
        if not np.isfinite(samples).all():
            return {**evidence, "diversity": float("nan")}
        if samples.ndim == 4:
            evidence["saturated"] = float(np.mean(np.abs(samples) > _BLACK_OR_WHITE))
        if self._classifier is not None:
            seen = self._classifier(np.clip(samples, -1, 1))
            evidence["class_entropy"] = _class_entropy(seen.probabilities)
        return {**evidence, **self._compare(_thinned(samples))}

    def _samples(self) -> np.ndarray:
        # No more at a time than a step of training has made, for which the memory has sufficed.
        references = self._gan.reference_images
        step = _SAMPLES if references is None else len(references)
        chunks = [
            self._sample(*(rows[start : start + step] for rows in self._inputs))
            for start in range(0, len(self._inputs[0]), step)
        ]
        return np.concatenate([ops.convert_to_numpy(chunk) for chunk in chunks]).astype("float32")

    def _samples_of(self, latents, labels=None):
        with self._gan.unchanged_random_state():
            return self._gan.generator(sampling.network_inputs(latents, labels), training=False)

    def _gradient(self) -> dict[str, float]:
        """The norm of the generator's gradient on as many samples as a minibatch has, about."""
        gan = self._gan
        real, labels = gan.reference_images, gan.reference_labels
        if real is None and gan.loss.compares_with_reals:
            return {}
        if real is not None:
            rows = max(1, len(real) // gan.discriminator_steps)
        else:
            labels = self._classes
            rows = _SAMPLES if labels is None else len(labels)
        if gan.num_classes is not None and labels is not None:
            labels = labels.astype("int32")
        parts = [None if part is None else part[:rows] for part in (real, labels)]
        norm = self._push(gan.sample_latents(rows, seed=0), *parts)
        return {"g_gradient": float(ops.convert_to_numpy(norm))}

    def _gradient_norm(self, latents, real, labels):
        gan = self._gan

        def objective():
            fake = self._samples_of(latents, labels)
            minibatch = Minibatch(real, fake, latents, labels, training=False)
            with gan.unchanged_random_state():
                reals_too = gan.loss.compares_with_reals
                minibatch = minibatch.judged(gan.discriminate, reals_too=reals_too)
                terms = gan.generator_objective(minibatch)
            return sum(ops.mean(term) for term in terms.values()), None

        variables = trainable_variables(gan.generator_networks())
        _, gradients = autodiff.value_and_gradients(objective, variables)
        # A weight that nothing depends on has no gradient.
        squares = [
            ops.sum(ops.square(ops.cast(ops.convert_to_tensor(gradient), "float32")))
            for gradient in gradients
            if gradient is not None
        ]
        return ops.sqrt(sum(squares))

    def _memorised(self) -> dict[str, float]:
        """How often a training image is ranked over a held-out one: by half, if it was not learned.

        Both in inference mode, so that batch norm judges them alike.
        """
        gan = self._gan
        reals = gan.reference_images, gan.held_out_images
        if any(images is None or len(images) < _FEWEST_RANKED for images in reals):
            return {}
        labels = gan.reference_labels, gan.held_out_labels
        seen, unseen = (
            ops.convert_to_numpy(self._ask(*part)) for part in zip(reals, labels, strict=True)
        )
        return {"memorised": float(np.mean(0.5 + 0.5 * np.sign(seen[:, None] - unseen)))}

    def _logits(self, images, labels):
        with self._gan.unchanged_random_state():
            logits = self._gan.discriminate(images, labels, training=False)
        return ops.sum(ops.reshape(logits, (ops.shape(images)[0], -1)), axis=1)

    def _compare(self, samples: np.ndarray) -> dict[str, float]:
        """How the samples differ from each other, compared with reals and from reals."""
        # Pictures that are all the same have no scale to compare with.
        if self._reals is None or not self._spread:
            return {}
        distances = _distances(samples, samples)
        spread = _mean(distances, _pairs(len(samples)))
        diversity = spread / self._spread
        if self._classes is not None:
            within = _mean(distances, _pairs(len(samples), self._classes))
            diversity = within / self._class_spread
        between = _distances(samples, self._reals).mean()
        return {
            "diversity": diversity,
            "duplicates": float(np.mean(_nearest(distances) < _DUPLICATE * self._nearest)),
            # (2 E|x - y| - E|x - x'| - E|y - y'|) / (2 E|x - y|), x and y from the two samples
            "distance": float(1 - (spread + self._spread) / (2 * between)),
        }


def loss_range(loss) -> tuple[float, float] | None:
    """The discriminator's loss for one that cannot tell, and for one that is never in doubt.

    Args:
        loss: `kgan.losses.Loss`.

    Returns:
        (loss at p = q, loss where p and q have nothing in common), both with the best logits;
        None where theory knows no best logits, or where the loss has no bound.
    """
    if loss.optimal_logits(1.0) is None:
        return None

    def best_loss(ratio: float) -> float:
        logits = [loss.optimal_logits(density_ratio) for density_ratio in (ratio, 1 / ratio)]
        real, fake = (ops.convert_to_tensor([logit], "float32") for logit in logits)
        return float(ops.mean(loss.discriminator_loss(real, fake)))

    coin, far, farther = map(best_loss, (1.0, 1e6, 1e9))
    bounded = np.isfinite(farther) and abs(farther - far) < 0.01 * abs(coin - farther)
    return (coin, farther) if bounded else None


def _probe_classes(gan) -> np.ndarray | None:
    """As many labels of each class: of the most frequent ones where the data are known."""
    if gan.num_classes is None:
        return None
    classes = np.arange(gan.num_classes)
    if gan.reference_labels is not None:
        classes, counts = np.unique(gan.reference_labels, return_counts=True)
        classes = classes[np.argsort(-counts, kind="stable")]
    classes = classes[:_CLASSES]
    return np.repeat(classes, _SAMPLES // len(classes)).astype("int32")


def _thinned(samples: np.ndarray) -> np.ndarray:
    """Every n-th pixel of pictures larger than 64 pixels, as rows of float64."""
    if samples.ndim == 4:
        step = -(-max(samples.shape[1:3]) // _SIDE)
        samples = samples[:, ::step, ::step]
    return samples.reshape(len(samples), -1).astype("float64")


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Euclidean distances (rows of first, rows of second)."""
    squares = np.sum(first**2, axis=1)[:, None] + np.sum(second**2, axis=1)
    # Not by NumPy, whose threads would wait for those of the training, far longer than they work.
    products = ops.matmul(first, ops.transpose(second))
    # |x - y|^2 = |x|^2 + |y|^2 - 2 x y; rounding may make it negative.
    return np.sqrt(np.maximum(squares - 2 * ops.convert_to_numpy(products), 0))


def _pairs(rows: int, labels=None) -> np.ndarray:
    """Which pairs are of two different rows, and of one label where there are labels."""
    different = ~np.eye(rows, dtype=bool)
    return different if labels is None else different & (labels[:, None] == labels)


def _mean(distances: np.ndarray, pairs: np.ndarray) -> float:
    return float(distances[pairs].mean()) if pairs.any() else 0.0


def _nearest(distances: np.ndarray) -> np.ndarray:
    """The distance of each row to its nearest other one."""
    return np.where(np.eye(len(distances), dtype=bool), np.inf, distances).min(axis=1)


def _class_entropy(probabilities: np.ndarray) -> float:
    """Entropy of the classes over that of equally frequent ones, as many as can be seen."""
    shares = np.mean(probabilities, axis=0, dtype="float64")
    entropy = -np.sum(shares * np.log(np.maximum(shares, 1e-12)))
    return float(entropy / np.log(max(2, min(probabilities.shape))))
