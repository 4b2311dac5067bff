"""What `fit` and `evaluate` show while they run."""

import keras


class Logs:
    """Running means, per sample, since an epoch or an evaluation began.

    A loss is never logged with its penalties: they are means of their own.
    """

    def __init__(self):
        self._d_loss = keras.metrics.Mean(name="d_loss")
        self._g_loss = keras.metrics.Mean(name="g_loss")
        self._d_real = keras.metrics.Mean(name="d_real")
        self._d_fake = keras.metrics.Mean(name="d_fake")
        self._penalties = []

    def add_penalties(self, names: list[str]) -> None:
        """Log penalties under these names from now on, in place of earlier ones."""
        self._penalties = [keras.metrics.Mean(name=name) for name in names]

    def update_discriminator(self, loss, d_real, d_fake, penalties=()) -> None:
        """Count one update of the discriminator, or one batch of an evaluation.

        Args:
            loss: per-sample losses.
            d_real: scores of reals.
            d_fake: scores of fakes.
            penalties: per-sample penalties, in the order of their names; none in an evaluation.
        """
        self._d_loss.update_state(loss)
        self._d_real.update_state(d_real)
        self._d_fake.update_state(d_fake)
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
        return [self._d_loss, self._g_loss, self._d_real, self._d_fake]
