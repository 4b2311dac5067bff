"""Do the samples help? Classifiers trained on them, on real images and on both, tested on reals."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kgan import sampling
from kgan._utils.images import to_uint8
from kgan._utils.messages import tell
from kgan.data.store import Images
from kgan.evaluation.reals import Reals
from kgan.evaluation.shares import NORMAL_95
from kgan.evaluation.shares import wilson_interval
from kgan.features.classifier import SMALLEST_SIDE
from kgan.features.classifier import classifier_model
from kgan.features.classifier import fit_classifier
from kgan.features.classifier import predicted_classes

# Two trainings on the same images differ by as much as the differences to be found.
_TRAININGS = 3
_STEPS = 1000
# Images of each kind, so that all of them fit into memory at once.
_MOST = 10_000


class Usefulness(NamedTuple):
    """What classifiers know of held-out real images, by what they were trained on.

    Each is a bool array (trainings, held-out images): whether the classifier was right. Trainings
    of one row start from the same weights and take as many steps.

    Attributes:
        real: of those trained on real images alone.
        samples: of those trained on samples alone; their accuracy is the classification accuracy
            score of the generator.
        both: of those trained on both together.
        num_images: int, training images of each kind.
        steps: int, of a training, of 128 images each.
        held_out: str, where the held-out images come from.
    """

    real: np.ndarray
    samples: np.ndarray
    both: np.ndarray
    num_images: int
    steps: int
    held_out: str

    def accuracy(self, kind: str) -> float:
        """Share of the held-out images that are recognised, on average over the trainings.

        Args:
            kind: "real", "samples" or "both".
        """
        return float(getattr(self, kind).mean())

    def interval(self, kind: str) -> tuple[float, float]:
        """The 95 % interval of that accuracy, by Wilson's formula for these held-out images."""
        return wilson_interval(self.accuracy(kind), self.real.shape[1])

    @property
    def gain(self) -> float:
        """By how much samples beside the real images raise the accuracy."""
        return self.accuracy("both") - self.accuracy("real")

    @property
    def gain_interval(self) -> tuple[float, float]:
        """The 95 % interval of the gain: m -+ 1.96 s / sqrt n, over n held-out images.

        m and s are mean and standard deviation of an image's own gain, averaged over the trainings:
        what is hard for one classifier is hard for the other, and so falls out.
        """
        gains = self.both.mean(axis=0) - self.real.mean(axis=0)
        width = NORMAL_95 * float(gains.std()) / np.sqrt(len(gains))
        return self.gain - width, self.gain + width

    @property
    def verdict(self) -> str:
        """What the samples do beside real images: "help", "hurt", or "open" where it is not shown.

        It is shown if 0 lies outside the interval of the gain and all trainings agree.
        """
        low, high = self.gain_interval
        of_trainings = self.both.mean(axis=1) - self.real.mean(axis=1)
        if low > 0 and (of_trainings > 0).all():
            return "help"
        if high < 0 and (of_trainings < 0).all():
            return "hurt"
        return "open"

    def as_dict(self) -> dict:
        """The numbers, for JSON."""
        kinds = ("real", "samples", "both")
        trainings, held_out = self.real.shape
        return {
            "accuracy_of_trained_on": {kind: self.accuracy(kind) for kind in kinds},
            "intervals_95": {kind: list(self.interval(kind)) for kind in kinds},
            "gain": self.gain,
            "gain_interval_95": list(self.gain_interval),
            "samples": self.verdict,
            "trainings": trainings,
            "steps": self.steps,
            "training_images_of_each_kind": self.num_images,
            "held_out_images": held_out,
            "held_out": self.held_out,
        }


def what_is_missing(reals: Reals, num_classes: int | None) -> str:
    """What it takes to measure usefulness and is not there, in words; empty if all is there.

    Args:
        reals: the `Reals` of the evaluation.
        num_classes: int, the generator's; None without classes.
    """
    if num_classes is None:
        return "a generator with classes, for each sample needs a label"
    for images, kind in ((reals.training, "training"), (reals.held_out, "held-out")):
        if images is None:
            return "real images that were held out from the training"
        if images.num_classes != num_classes:
            return f"{kind} images with labels of the generator's {num_classes} classes"
    if num_classes < 2:
        return "two classes to tell apart"
    if min(reals.training.image_shape[:2]) < SMALLEST_SIDE:
        return f"images of {SMALLEST_SIDE} pixels a side, for its classifier"
    return ""


def check_usefulness(reals: Reals, num_classes: int | None) -> None:
    """Raise ValueError unless usefulness can be measured.

    Args:
        reals: the `Reals` of the evaluation.
        num_classes: int, the generator's; None without classes.
    """
    if missing := what_is_missing(reals, num_classes):
        raise ValueError(
            f"Whether samples help to train a classifier cannot be measured. It takes {missing}. "
            "Leave it out, or give what is missing: kgan.evaluation.divide(training, held_out) "
            "takes real images that were held out."
        )


def measure_usefulness(
    generator: Callable, reals: Reals, *, latent_dim: int, num_classes: int, seed: int, verbose=0
) -> Usefulness:
    """Train classifiers on real images, on as many samples of the same classes, and on both.

    All are the small classifier of `kgan.features`, trained 1,000 steps of 128 images, 3 times on
    each kind, and tested on the same held-out real images. Of more than 10,000 training or held-out
    images so many are chosen at random, the same every time.

    Args:
        generator: callable of ([latents, labels], training=False), such as a keras model; returns
            images in [-1, 1].
        reals: a `Reals` with held-out images, all with labels.
        latent_dim: int, width of the latents.
        num_classes: int, of the generator and of the images.
        seed: int in [0, 2^32), of the samples, the initial weights and the order of the images.
        verbose: 1 to say what is trained on; 0, the default, to say nothing.

    Returns:
        A `Usefulness`.

    Raises:
        ValueError: if something is missing.

    Reference:
        Ravuri and Vinyals 2019, arXiv 1905.10887, who train a large network once, on samples and on
        both; Esteban, Hyland and Raetsch 2017, arXiv 1706.02633, "train on synthetic, test on
        real".
    """
    check_usefulness(reals, num_classes)
    real, labels = _some(reals.training)
    held_out, answers = _some(reals.held_out)
    source = {"latent_dim": latent_dim, "num_classes": num_classes, "seed": seed}
    samples = to_uint8(sampling.generate(generator, len(real), labels=labels, **source))
    sets = {
        "real": (real, labels),
        "samples": (samples, labels),
        "both": (np.concatenate([real, samples]), np.concatenate([labels, labels])),
    }
    right = {kind: [] for kind in sets}
    for number in range(_TRAININGS):
        for kind, images in sets.items():
            if verbose:
                tell(f"Training classifier {number + 1} of {_TRAININGS} on {kind}.")
            model = classifier_model(real.shape[1:], num_classes, seed=seed + number)
            fit_classifier(model, *images, seed=seed + number, steps=_STEPS)
            right[kind].append(predicted_classes(model, held_out) == answers)
    right = {kind: np.stack(rows) for kind, rows in right.items()}
    return Usefulness(**right, num_images=len(real), steps=_STEPS, held_out=reals.held_out.name)


def _some(images: Images) -> tuple[np.ndarray, np.ndarray]:
    rows = np.sort(np.random.default_rng(0).permutation(len(images))[:_MOST])
    return images.images[rows], images.labels[rows]
