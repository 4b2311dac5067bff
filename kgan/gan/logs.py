"""What `fit` and `evaluate` show while they run, and who waits for it."""

import string

import keras
from keras import ops

from kgan.gan import minibatches

# Keras' callbacks that log something themselves.
_LOG_THE_RATE = keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau
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
        """Log penalties, and what else an update has, under these names, no earlier ones."""
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


def as_means(gan, step):
    """A step of a subclass, whose logs of the names that kgan has are running means like kgan's.

    Where the step has not counted such a log in the GAN's own mean of that name, its value is
    counted here, by the rows of the batch. So callbacks that reckon with means are right, and a
    call of several steps, which logs means alone, does not log one in which nothing was counted.

    Args:
        gan: `kgan.GAN`.
        step: function of a batch, a `train_step` or `test_step`.

    Returns:
        Function of a batch that returns the logs.
    """

    def run(batch):
        # Of two of one name the last is logged.
        means = {metric.name: metric for metric in gan.metrics}
        own = {mean.name: mean for mean in gan.logs.metrics if means.get(mean.name) is mean}
        before = {name: mean.count + 0 for name, mean in own.items()}
        logs = step(batch)
        if not isinstance(logs, dict):
            raise ValueError(
                "A train_step or test_step must return a dict of logs, such as "
                f"self.get_metrics_result(). Received, of {type(gan).__name__}: {logs!r}."
            )
        for name, mean in own.items():
            if name in logs:
                value = ops.mean(ops.cast(logs[name], mean.dtype))
                # Exactly nothing is added where the step has counted.
                rows = ops.cast(minibatches.rows(batch), mean.dtype)
                rows = ops.where(mean.count == before[name], rows, 0)
                mean.total.assign(mean.total + ops.where(rows > 0, value * rows, 0))
                mean.count.assign(mean.count + rows)
        return {name: own[name].result() if name in own else logs[name] for name in logs}

    return run


def check_waiting(gan, callbacks, *, validates: bool) -> None:
    """Raise if one of Keras' callbacks waits for a log that never comes, and would do nothing.

    Callbacks of others may log whatever they like, and so may a `train_step` of a subclass, with
    which nothing is known. Of kgan's own, those that log something have the attribute `logs_more`.

    Args:
        gan: `kgan.GAN`.
        callbacks: the callbacks of a `fit`.
        validates: bool, whether there are validation data.

    Raises:
        ValueError: with what is logged. Also for a direction that Keras cannot know, of which it
            speaks after the first epoch.
    """
    names = {metric.name for metric in gan.metrics}
    # What belongs to an update, no evaluation has.
    measured = names.difference({"augment_p"}, (penalty.name for penalty in gan.penalties))
    if validates:
        names |= {f"val_{name}" for name in measured}
    if any(isinstance(callback, _LOG_THE_RATE) for callback in callbacks):
        names.add("learning_rate")
    foreign = [each for each in callbacks if not _is_of(each, "keras.", "kgan.")]
    if foreign or any(isinstance(each, keras.callbacks.LambdaCallback) for each in callbacks):
        return
    never = {"loss", "val_loss", *(set() if validates else {f"val_{name}" for name in measured})}
    more = any(getattr(callback, "logs_more", False) for callback in callbacks)
    for callback in callbacks:
        kind = type(callback).__name__
        for name in _waited_for(callback):
            if name in names:
                if getattr(callback, "mode", None) == "auto" and name == callback.monitor:
                    raise ValueError(
                        f"{kind} cannot know whether a lower or a higher {name} is better. Pass "
                        'mode="min" or mode="max".'
                    )
            elif name in never or not more:
                remedy = 'Choose one of them, with mode="min" or mode="max"'
                if isinstance(callback, keras.callbacks.TerminateOnNaN):
                    remedy = "Use kgan.callbacks.StopOnNonFinite, which looks at all of them"
                elif name.removeprefix("val_") in measured:
                    remedy = "Pass validation_data, or choose one of them"
                raise ValueError(
                    f"{kind} waits for {name!r}, which this training does not log, and would do "
                    f"nothing. Expected: one of {', '.join(sorted(names))}. Received: {name!r}. "
                    f"{remedy}."
                )


def _is_of(callback, *packages: str) -> bool:
    return type(callback).__module__.startswith(packages)


def _waited_for(callback) -> list[str]:
    """The logs without which one of Keras' callbacks does nothing."""
    if not _is_of(callback, "keras."):
        return []
    if isinstance(callback, keras.callbacks.TerminateOnNaN):
        return ["loss"]
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        fields = {field for _, field, *_ in string.Formatter().parse(str(callback.filepath))}
        own = [callback.monitor] if callback.save_best_only else []
        return [*own, *sorted(fields.difference({"epoch", "batch", None}))]
    return [callback.monitor] if hasattr(callback, "monitor") else []


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
