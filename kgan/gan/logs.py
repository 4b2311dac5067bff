"""What `fit` and `evaluate` show while they run."""

import keras
from keras import ops


class Logs:
    """Running means, per sample, since an epoch or an evaluation began.

    A loss is never logged with its penalties: they are means of their own.
    """

    def __init__(self):
        self._d_loss = keras.metrics.Mean(name="d_loss")
        self._g_loss = keras.metrics.Mean(name="g_loss")
        self._d_real = keras.metrics.Mean(name="d_real")
        self._d_fake = keras.metrics.Mean(name="d_fake")
        self._d_auc = keras.metrics.Mean(name="d_auc")
        self._penalties = []

    def add_penalties(self, names: list[str]) -> None:
        """Log penalties under these names from now on, in place of earlier ones."""
        self._penalties = [keras.metrics.Mean(name=name) for name in names]

    def update_discriminator(self, loss, real_logits, fake_logits, scores, penalties=()) -> None:
        """Count one update of the discriminator, or one batch of an evaluation.

        Args:
            loss: per-sample losses.
            real_logits: logits of reals.
            fake_logits: logits of as many fakes.
            scores: function of logits, to what `d_real` and `d_fake` show.
            penalties: per-sample penalties, in the order of their names; none in an evaluation.
        """
        self._d_loss.update_state(loss)
        self._d_real.update_state(scores(real_logits))
        self._d_fake.update_state(scores(fake_logits))
        self._d_auc.update_state(ranked(real_logits, fake_logits))
        for mean, penalty in zip(self._penalties, penalties, strict=False):
            mean.update_state(penalty)

    def update_generator(self, loss) -> None:
        """Count one update of the generator, or one batch of an evaluation, by its losses."""
        self._g_loss.update_state(loss)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """All running means."""
        return [*self._of_players, *self._penalties]

    def of_evaluation(self) -> dict:
        """The means of an evaluation, which has no penalties: they belong to an update."""
        return {mean.name: mean.result() for mean in self._of_players}

    @property
    def _of_players(self):
        return [self._d_loss, self._g_loss, self._d_real, self._d_fake, self._d_auc]


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
