"""What `fit` and `evaluate` show while they run."""

import keras
from keras import ops

_PLAYERS = ("d_loss", "g_loss", "d_real", "d_fake", "d_auc")


class Logs:
    """Running means, per sample, since an epoch or an evaluation began.

    A loss is never logged with its penalties: they are means of their own.
    """

    def __init__(self):
        self._players = [keras.metrics.Mean(name=name) for name in _PLAYERS]
        self._penalties = []

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """All running means."""
        return [*self._players, *self._penalties]

    def add_penalties(self, names: list[str]) -> None:
        """Log penalties under these names from now on, in place of earlier ones."""
        self._penalties = [keras.metrics.Mean(name=name) for name in names]


def update(metrics: list, terms: dict) -> None:
    """Count what was minimised, each term in the metric of its name.

    Args:
        metrics: the GAN's, those of a subclass too.
        terms: tensors by names.

    Raises:
        ValueError: for a term without a metric.
    """
    by_name = {metric.name: metric for metric in metrics}
    for name, values in terms.items():
        if name not in by_name:
            raise ValueError(
                f"An objective returned the term {name!r}, which has no metric to be logged in. "
                f"Expected some of: {', '.join(by_name)}. Make one in the constructor, "
                f"self.{name}_mean = keras.metrics.Mean(name={name!r})."
            )
        by_name[name].update_state(values)


def scores(minibatch, loss) -> dict:
    """What the discriminator said to a minibatch.

    Args:
        minibatch: `kgan.gan.Minibatch` with the logits of reals and fakes.
        loss: `kgan.losses.Loss`, whose `scores` of the logits are shown.

    Returns:
        Dict of tensors by the names of their logs.
    """
    real_logits, fake_logits = minibatch.real_logits, minibatch.fake_logits
    return {
        "d_real": loss.scores(real_logits),
        "d_fake": loss.scores(fake_logits),
        "d_auc": ranked(real_logits, fake_logits),
    }


def ranked(real_logits, fake_logits):
    """Which reals the discriminator ranks over the fakes beside them: 1, 0, or 1/2 for a tie.

    The mean estimates P(D(x) > D(G(z))), the area under the ROC curve: 1/2 for a discriminator that
    cannot tell, 1 for one that is never wrong. High logits mean real under every loss, so it
    compares trainings whose losses and scores have different scales.

    Args:
        real_logits: float tensor of any shape.
        fake_logits: float tensor of the same shape.

    Returns:
        Float tensor, the logits' shape.
    """
    return 0.5 + 0.5 * ops.sign(real_logits - fake_logits)
