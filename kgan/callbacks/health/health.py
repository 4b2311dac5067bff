"""The callback that reports the state of a run."""

import dataclasses
import math
import os
import time
from pathlib import Path

from keras import ops

from kgan._utils import checks
from kgan.callbacks.base import GANCallback
from kgan.callbacks.base import batches_done
from kgan.callbacks.base import non_finite
from kgan.callbacks.health.diagnosis import ADVICE
from kgan.callbacks.health.diagnosis import BALANCED
from kgan.callbacks.health.diagnosis import NON_FINITE
from kgan.callbacks.health.diagnosis import STATES
from kgan.callbacks.health.diagnosis import Diagnosis
from kgan.callbacks.health.diagnosis import describe
from kgan.callbacks.health.probe import HealthProbe
from kgan.callbacks.health.probe import loss_range
from kgan.callbacks.monitors import check_monitors
from kgan.callbacks.pictures.curve_points import means_between
from kgan.features.extractor import Extractor

# What a look measures of samples, in the logs of an epoch.
_LOGGED = ("g_gradient", "diversity", "duplicates", "distance")
_PREFIX = "health_"
# A look that is due is taken after a multiple of so many batches of the epoch, or after its last,
# so that it is at the same step for every `steps_per_execution` that divides it.
_ROUND = 10


class Health(GANCallback):
    """Say what the training is doing, and what to do about it.

    Every so many steps the last of them and the samples of 64 fixed latents are looked at. The
    state is one of

        "balanced"
        "discriminator overpowers"  it is never in doubt any more, and the generator's gradient has
                                    vanished or leads nowhere
        "generator overpowers"      the discriminator takes fakes for reals, or cannot tell them
                                    apart though they are far from the data
        "mode collapse"             samples hardly differ, or far less than they did before
        "too little data"           the discriminator knows its images by heart: an augmentation
                                    that follows its overfitting stays on, or it tells images it
                                    trains on from those of `validation_data`
        "diverging"                 losses without bound, or all pixels black or white
        "non-finite"                NaN or infinity

    and changes when `patience` looks in a row agree, except to "non-finite", which is seen at its
    very step. Each change is one printed line with the evidence and what to do; a healthy run
    prints nothing. `kgan.callbacks.health.diagnosis` has the names of all evidence and the rules.

    What the last look has measured of the samples is in the logs of an epoch: `health_diversity`
    (1 is as varied as the data), `health_duplicates`, `health_distance` (0 is like the data),
    `health_g_gradient` and, with a classifier, `health_class_entropy`. So `ModelCheckpoint`,
    `EarlyStopping` and `CSVLogger` can use them, if they stand after this callback. Before
    the first look they are those of the untrained networks. They are coarse, of 64 samples:
    `Evaluation` measures better.

    Args:
        every_n_steps: int, updates of the generator from one look to the next, default 200. From
            100 on, to the next tenth batch of the epoch or its end: so the looks are at the same
            steps with `steps_per_execution` 1, 2, 5 and 10.
        patience: int, looks in a row that must agree, default 3.
        classifier: a `kgan.features.Extractor` with class probabilities, to watch the classes of
            the samples; None, the default, for none.
        stop_on: tuple of states that end the training, default none.
        rollback: path of the checkpoint (`.keras` or `.weights.h5`) to which the GAN returns when
            it is stopped: weights, both optimizers and random state. One that is older than this
            training is left alone. `ModelCheckpoint(path, save_best_only=True)` keeps the best one
            there. None, the default: it stays as it is.

    Attributes:
        state: str, the state; None before the first `patience` looks.
        advice: str, what to do about it; None without a state.
        evidence: dict of floats, what the last look saw.
        history: list of dicts, one per look: `step`, `images_seen`, `state`, `finding` (what this
            look alone says) and its evidence.
        message: str, the line printed last; None if there was none.

    Raises:
        ValueError: for a number below 1, an unknown state, a `rollback` without `stop_on` or of
            another kind of file, or a classifier without probabilities; when training begins, for a
            callback that waits for these logs in vain.

    Example:
        >>> health = kgan.callbacks.Health(
        ...     stop_on=("non-finite", "diverging", "mode collapse"), rollback="best.keras")
        >>> best = keras.callbacks.ModelCheckpoint(
        ...     "best.keras", monitor="health_distance", mode="min", save_best_only=True)
        >>> gan.fit(dataset, epochs=20, callbacks=[health, best])
        >>> state = health.state
    """

    logs_more = True

    def __init__(
        self,
        every_n_steps: int = 200,
        *,
        patience: int = 3,
        classifier: Extractor | None = None,
        stop_on: tuple[str, ...] = (),
        rollback: str | os.PathLike | None = None,
    ):
        super().__init__()
        self.every_n_steps = checks.check_positive_integer("every_n_steps", every_n_steps)
        self.patience = checks.check_positive_integer("patience", patience)
        alarms = [state for state in STATES if state != BALANCED]
        if isinstance(stop_on, str) or not set(stop_on) <= set(alarms):
            raise ValueError(
                f"stop_on is a tuple of states that end the training. Expected some of {alarms}. "
                f"Received: stop_on={stop_on!r}."
            )
        if rollback is not None and not stop_on:
            raise ValueError(
                "rollback says where a stopped training goes back to, and stop_on names no state "
                f"to stop on. Received: rollback={rollback}. Pass for example "
                "stop_on=('non-finite', 'diverging')."
            )
        if rollback is not None and not str(rollback).endswith((".keras", ".weights.h5")):
            raise ValueError(
                "rollback is a checkpoint that ends in .keras or .weights.h5. "
                f"Received: rollback={rollback}."
            )
        if classifier is not None and classifier.num_classes is None:
            raise ValueError(
                "Health watches the classes of samples, and the classifier "
                f"{classifier.name!r} has no class probabilities. Give it one that has, such as "
                "kgan.features.digits(), or leave it out."
            )
        self.classifier = classifier
        self.stop_on = tuple(stop_on)
        self.rollback = None if rollback is None else Path(rollback)
        logged = _LOGGED if classifier is None else (*_LOGGED, "class_entropy")
        self._names = [_PREFIX + name for name in logged]
        self._probe = None
        self._forget()

    @property
    def advice(self) -> str | None:
        """What to do about the state."""
        return ADVICE.get(self.state)

    def on_train_begin(self, logs=None):
        self._forget()
        self._start = time.time()
        check_monitors(self.model.callbacks_of_fit, self, self._names, known=self._names)
        # To compile it takes longer than a hundred looks.
        if self._probe is None or not self._probe.is_of(self.model):
            self._probe = HealthProbe(self.model, self.classifier)
        else:
            self._probe.take_references()
        self._range = loss_range(self.model.loss)

    def on_epoch_begin(self, epoch, logs=None):
        # Not in on_train_begin, where BackupAndRestore may yet have to restore the model.
        if not self._has_begun:
            self._diagnosis.begin(self._probe.look())
            # An epoch that ends before the first look logs these: Keras takes a NaN for the best
            # value, and nothing is ever better.
            self.evidence = self._diagnosis.evidence
            self._has_begun = True
        # The logs are running means since here.
        self._counted = self._newest = 0, {}

    def on_train_batch_end(self, batch, logs=None):
        done = batches_done(self, batch)
        self._newest = done, logs or {}
        is_due = self._steps + done - self._counted[0] >= self.every_n_steps
        if self.every_n_steps >= 10 * _ROUND:
            is_due = is_due and (done % _ROUND == 0 or done == self.params.get("steps"))
        if is_due or (self.state != NON_FINITE and non_finite(logs)):
            self._look()

    def on_epoch_end(self, epoch, logs=None):
        self._count()
        for name in self._names:
            logs[name] = self.evidence.get(name.removeprefix(_PREFIX), math.nan)

    def get_state(self) -> dict | None:
        """What `Backup` keeps: all looks, and the steps since the last. None before the first."""
        if not self._has_begun:
            return None
        return {
            "diagnosis": dataclasses.asdict(self._diagnosis),
            "history": self.history,
            "message": self.message,
            "counts": (self._steps, self._sums, self._counted, self._newest),
            "start": self._start,
        }

    def set_state(self, state: dict) -> None:
        """Go on where `get_state` was asked, without another first look.

        Args:
            state: what `get_state` returned.
        """
        self._diagnosis = Diagnosis(**state["diagnosis"] | {"patience": self.patience})
        self.state, self.evidence = self._diagnosis.state, self._diagnosis.evidence
        self.history, self.message = state["history"], state["message"]
        self._steps, self._sums, self._counted, self._newest = state["counts"]
        # A checkpoint of this training is no older than its beginning.
        self._start = state["start"]
        self._has_begun = True

    def _forget(self) -> None:
        self.state, self.evidence, self.history, self.message = None, {}, [], None
        self._diagnosis = Diagnosis(self.patience)
        self._has_begun = False
        self._steps, self._sums = 0, {}

    def _count(self) -> None:
        """Add the steps of this epoch that are not yet counted to those since the last look."""
        (before, means_before), (step, means) = self._counted, self._newest
        if step > before:
            numbers = {name: value for name, value in means.items() if isinstance(value, float)}
            for name, mean in means_between(before, means_before, step, numbers).items():
                self._sums[name] = self._sums.get(name, 0.0) + (step - before) * mean
            self._steps += step - before
            self._counted = step, numbers

    def _look(self) -> None:
        self._count()
        evidence = {name: total / self._steps for name, total in self._sums.items()}
        self._steps, self._sums = 0, {}
        if not getattr(self.model.augment, "is_adaptive", False):
            # A probability that was chosen says nothing of the data.
            evidence.pop("augment_p", None)
        if self._range is not None and "d_loss" in evidence:
            coin, best = self._range
            evidence["separation"] = (coin - evidence["d_loss"]) / (coin - best)
        state = self._diagnosis.update({**evidence, **self._probe.look()})
        self.evidence = self._diagnosis.evidence
        changed, self.state = state != self.state, state
        self.history.append(
            {
                "step": int(ops.convert_to_numpy(self.model.optimizer.iterations)),
                "images_seen": self.images_seen,
                "state": state,
                "finding": self._diagnosis.finding,
                **self.evidence,
            }
        )
        is_healthy_so_far = state == BALANCED and self.message is None
        if changed and not is_healthy_so_far:
            self._react()

    def _react(self) -> None:
        """Say that the state is another one, and end the training if it is to end with this one."""
        look = self.history[-1]
        self.message = (
            f"Health at step {look['step']:,} ({look['images_seen']:,} images): "
            f"{describe(self.state, self.evidence)}. {self.advice}"
        )
        if self.state in self.stop_on:
            self.model.stop_training = True
            self.message += f" Training stops{self._rolled_back()}."
        self._tell(self.message)

    def _rolled_back(self) -> str:
        if self.rollback is None:
            return ""
        if not self.rollback.exists():
            return f" as it is: there is no checkpoint {self.rollback} yet"
        if self.rollback.stat().st_mtime < self._start:
            return f" as it is: {self.rollback} is older than this training"
        self.model.load_weights(self.rollback)
        return f" and goes back to {self.rollback}, saved after {self.images_seen:,} images"
