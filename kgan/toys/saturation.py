"""How the generator's gradient fades, or does not, as the discriminator becomes confident."""

import dataclasses

import keras
import numpy as np
from keras import ops

from kgan import losses
from kgan._utils import checks
from kgan.backend import autodiff
from kgan.backend import replicas
from kgan.gan import GAN
from kgan.toys.training import as_points

_BATCH = 256
_MEASURED = 1024


@dataclasses.dataclass(frozen=True)
class SaturationCurve:
    """What one loss offers the generator while the discriminator learns alone.

    Attributes:
        gradient_norm: float64 array (moments,), Euclidean norm of the gradient of the mean
            generator loss by all the generator's weights.
        fake_score: float64 array (moments,), mean D(G(z)): the probability that fakes are real, or
            the logit of least squares, whose codes are 0 for fakes and 1 for reals.
        error: float64 array (moments,), how far D is from certainty: half of mean |1 - D(x)| plus
            mean |D(G(z))|. It is 1/2 for a D that knows nothing and 0 for one that is sure and
            right, for either kind of D.
        d_loss: float64 array (moments,), the mean discriminator loss; -V(D, G) of equation 1, but
            for least squares.
    """

    gradient_norm: np.ndarray
    fake_score: np.ndarray
    error: np.ndarray
    d_loss: np.ndarray


@dataclasses.dataclass(frozen=True)
class SaturationReport:
    """The curves of three losses over one training of their discriminators.

    Attributes:
        steps: int array (moments,), updates of the discriminators so far, rising from 0.
        curves: dict of `SaturationCurve` for "minimax", "non_saturating" and "least_squares". The
            first two are about one discriminator.
    """

    steps: np.ndarray
    curves: dict[str, SaturationCurve]

    def as_dict(self) -> dict:
        """All of it as lists, for JSON."""
        curves = {
            name: {quantity: values.tolist() for quantity, values in vars(curve).items()}
            for name, curve in self.curves.items()
        }
        return {"steps": self.steps.tolist(), "curves": curves}


def measure_saturation(
    gan: GAN,
    points,
    *,
    steps: int = 5000,
    moments: int = 60,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> SaturationReport:
    """Train discriminators alone, against a generator that is not updated, and watch its gradient.

    Two copies of the GAN's discriminator learn from the same minibatches of 256 points and 256
    fresh fakes, by Adam with the betas 0.9 and 0.999: one with the loss of the 2014 paper, one
    with that of least squares (codes 0, 1, 1). At moments spaced evenly in the logarithm of the
    steps, the norm of the generator's gradient is measured under the minimax, the non-saturating
    and the least squares loss, on 1,024 points and latents that are the same every time. The GAN is
    left as it is.

    A gradient by the generator's weights is that by the logit times the slope of the discriminator.
    The slope, too, changes as the discriminator learns, but minimax and non-saturating see the same
    one: their ratio is the loss's own doing.

    Data that hardly overlap with the fakes let the discriminator become certain; otherwise it ends
    near its optimum, and so do the gradients.

    Args:
        gan: `kgan.GAN` without labels, compiled or not; its generator is to be an untrained one.
        points: float array (n, ...), n > 0, the data, finite; minibatches are drawn with
            replacement.
        steps: int, updates of each discriminator, default 5000.
        moments: int, how many to measure besides the beginning, default 60; fewer where two of them
            would be the same step.
        learning_rate: float > 0, default 1e-3.
        seed: int, of minibatches and latents.

    Returns:
        `SaturationReport`.

    Raises:
        ValueError: for a GAN with labels, other points, or steps or moments that are no positive
            integers.

    Example:
        >>> gan = kgan.toys.build_gan(kgan.toys.PRESETS["gaussian"], sample_dim=1, seed=0)
        >>> points = kgan.toys.Gaussian(mean=6.0).sample(1000, seed=0)
        >>> report = kgan.toys.measure_saturation(gan, points, steps=10, moments=2)
        >>> report.curves["minimax"].gradient_norm.shape
        (3,)

    Reference:
        Arjovsky and Bottou 2017, arXiv 1701.04862, whose figures 2 and 3 show the same of images;
        Goodfellow et al. 2014, arXiv 1406.2661, section 3.
    """
    steps = checks.check_positive_integer("steps", steps)
    moments = checks.check_positive_integer("moments", moments)
    learning_rate = float(checks.check_number("learning_rate", learning_rate, above=0))
    if gan.num_classes is not None:
        raise ValueError(
            "Saturation is measured without labels. Expected: a GAN with num_classes=None. "
            f"Received: num_classes={gan.num_classes}."
        )
    points = as_points(points)
    seeds = keras.random.SeedGenerator(seed)
    cross_entropy = _Student(gan.discriminator, losses.Minimax(), learning_rate)
    squares = _Student(gan.discriminator, losses.LeastSquares(), learning_rate)
    measured = points[:_MEASURED]
    latents = gan.sample_latents(len(measured), seeds)
    judges = {
        "minimax": (cross_entropy.network, losses.Minimax()),
        "non_saturating": (cross_entropy.network, losses.NonSaturating()),
        "least_squares": (squares.network, losses.LeastSquares()),
    }

    def train():
        chosen = keras.random.randint((_BATCH,), 0, len(points), seed=seeds)
        real = ops.take(points, chosen, axis=0)
        fake = gan.generator(gan.sample_latents(_BATCH, seeds), training=False)
        for student in (cross_entropy, squares):
            student.learn(real, fake)

    def measure():
        return [_reading(gan.generator, *judge, measured, latents) for judge in judges.values()]

    train, measure = autodiff.repeated(train), autodiff.compiled(measure)
    at = np.unique([0, *np.geomspace(steps, 1, moments).round().astype(int)])
    taken = []
    for more in np.diff(at, prepend=0):
        train(int(more))
        taken.append([ops.convert_to_numpy(reading) for reading in measure()])
    curves = np.transpose(taken, (1, 2, 0))
    return SaturationReport(
        steps=at,
        curves={name: SaturationCurve(*curve) for name, curve in zip(judges, curves, strict=True)},
    )


class _Student:
    """A copy of a discriminator that learns one loss."""

    def __init__(self, discriminator, loss, learning_rate: float):
        self.network = keras.models.clone_model(discriminator)
        self.network.set_weights(discriminator.get_weights())
        self._loss = loss
        self._optimizer = keras.optimizers.Adam(learning_rate)
        self._optimizer.build(self.network.trainable_variables)

    def learn(self, real, fake) -> None:
        """One update on a minibatch."""

        def objective():
            logits = self.network(real, training=True), self.network(fake, training=True)
            return ops.mean(self._loss.discriminator_loss(*logits)), None

        variables = self.network.trainable_variables
        _, gradients = autodiff.value_and_gradients(objective, variables)
        replicas.apply_gradients(self._optimizer, gradients, variables)


def _reading(generator, discriminator, loss, real, latents):
    """One moment of a `SaturationCurve`: a float64 tensor of its fields, in order."""

    def objective():
        real_logits = discriminator(real, training=False)
        fake_logits = discriminator(generator(latents, training=False), training=False)
        real_scores, fake_scores = loss.scores(real_logits), loss.scores(fake_logits)
        error = (ops.mean(ops.abs(1.0 - real_scores)) + ops.mean(ops.abs(fake_scores))) / 2.0
        d_loss = ops.mean(loss.discriminator_loss(real_logits, fake_logits))
        g_loss = ops.mean(loss.generator_loss(None, fake_logits))
        return g_loss, (ops.mean(fake_scores), error, d_loss)

    others, gradients = autodiff.value_and_gradients(objective, generator.trainable_variables)
    # In float32 the square of a gradient of 1e-23 would be 0.
    squares = [ops.sum(ops.square(ops.cast(gradient, "float64"))) for gradient in gradients]
    values = ops.sqrt(sum(squares)), *(ops.cast(other, "float64") for other in others)
    return ops.stack(values)
