"""Backups of a run, from which it resumes as if nothing had happened."""

import dataclasses
import math
import os
import time

import keras
import numpy as np
from keras import ops

from kgan._utils import checks
from kgan._utils.messages import tell
from kgan.backend import replicas
from kgan.callbacks.backup import states
from kgan.callbacks.backup.fingerprint import differences
from kgan.callbacks.backup.fingerprint import fingerprint
from kgan.callbacks.backup.fingerprint import versions
from kgan.callbacks.backup.folder import BackupFolder
from kgan.callbacks.base import GANCallback
from kgan.callbacks.every_n_images import EveryNImages
from kgan.gan.resuming import Plan
from kgan.gan.resuming import Position


class Backup(GANCallback):
    """Keep the whole state of a run on the disk, and resume from it.

    Run the same script again, after a crash, a kill or a full disk: `fit` resumes at the step of
    the newest backup, and what it leaves, weights, optimizers, logs, samples, is the same bit by
    bit as if there had been no interruption. A run that is complete is not repeated; with more
    `epochs` it continues.

    A backup is one file `backup-000000012800.npz`, after 12,800 real images: all weights and
    statistics, both optimizers, the average, random states, the running means of the logs, the
    position in the data, and what the other callbacks know. An older one is removed only when the
    new one is on the disk. A damaged file is skipped for the one before it. A state that is not
    finite is never kept.

    What the callbacks of kgan and Keras know is kept. A callback of your own that has something to
    keep offers `get_state()`, which returns numbers, strings, None and arrays, in lists, tuples and
    dicts, and `set_state(state)`. For callbacks the epoch that was interrupted begins again: only
    `on_epoch_begin` is called twice for it.

    Resuming is bit by bit, within an epoch too, where the order of the data depends on the epoch
    alone: `kgan.data` and `kgan.data.by_epoch`, also after `map` and the like without randomness of
    their own, and arrays with `shuffle=False`. With other data the run resumes at the beginning of
    an epoch, in whatever order they then have, and a line says so.

    From the file of a `CSVLogger`, which needs `append=True`, the lines of epochs that are run
    again are removed; pictures and checkpoints are written again. On several replicas the logged
    means of the epoch that was interrupted may differ in their last digit.

    The folder belongs to one run, and while it lasts to one process. To resume with other networks,
    losses, optimizers, data or options of `compile` is an error. Of data, the number of batches is
    compared, and of `kgan.data` and arrays, shuffled or not, a digest of about 1,000 rows; another
    function of `by_epoch` or `map` is not seen. Of several workers the first one writes, and all
    must see the folder.

    On a GPU, bit by bit holds only with `tf.config.experimental.enable_op_determinism()`. Random
    numbers that no seed generator of the model gives, and a `tf.Variable` of a subclass, are not
    kept.

    Args:
        folder: where the backups are. It is made if it is missing.
        every_n_minutes: float > 0, minutes between backups, default 1. The first one is written
            when a new run begins, the last one when the last epoch has ended.
        every_n_images: int, in place of the minutes: a backup at the first step after each multiple
            of so many real images. Several workers need it, whose clocks differ.
        keep: int, how many backups to keep, default 2.

    Raises:
        ValueError: for arguments out of range; when training begins, for backups that are all
            damaged, of something else or of another run, for a folder in which another process is
            training, and for callbacks that would be in the way.
        NotADirectoryError: if `folder` is a file.
        OSError: if the first backup cannot be written. Of a later one that cannot, a line tells.

    Example:
        >>> backup = kgan.callbacks.Backup("runs/digits/backup")
        >>> gan.fit(kgan.data.digits().batches(64, labels=False), epochs=20, callbacks=[backup])
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        every_n_minutes: float = 1.0,
        *,
        every_n_images: int | None = None,
        keep: int = 2,
    ):
        super().__init__()
        self.every_n_minutes = checks.check_number("every_n_minutes", every_n_minutes, above=0)
        if every_n_images is not None:
            every_n_images = checks.check_positive_integer("every_n_images", every_n_images)
        keep = checks.check_positive_integer("keep", keep)
        self.every_n_images = every_n_images
        self.keep = keep
        self._folder = BackupFolder(folder, keep)
        self._pace = EveryNImages(every_n_images)

    def restore_training(self, gan: keras.Model, plan: Plan) -> Position:
        """Give a GAN the state of the newest backup. `fit` calls this before everything else.

        Args:
            gan: the compiled `kgan.GAN`.
            plan: `kgan.gan.resuming.Plan`, what `fit` is about to do.

        Returns:
            `Position` to go on from: that of the plan if there is no backup.

        Raises:
            ValueError: as the class says.
        """
        self.set_model(gan)
        self._plan, self._position = plan, plan.start
        self._others = [callback for callback in gan.callbacks_of_fit if callback is not self]
        self._worker, workers = replicas.worker(gan)
        states.check_callbacks(self._others)
        if workers > 1 and self.every_n_images is None:
            raise ValueError(
                "Workers must write and read at the same steps, and their clocks differ. Received: "
                f"Backup without every_n_images, and {workers} workers. Pass every_n_images."
            )
        self._fingerprint = fingerprint(gan, plan.description())
        if self._worker == 0:
            self._folder.hold()
        self._snapshot = self._folder.newest()
        if self._snapshot is not None:
            self._restore()
        epoch, batch = self._position.epoch, self._position.batch
        if not replicas.same_everywhere(gan, [epoch, batch, self.images_seen]):
            raise ValueError(
                f"The workers found different backups in {self._folder.path}. This one would "
                f"resume at epoch {epoch + 1}, batch {batch + 1}. Put the folder on a disk that "
                "all workers share."
            )
        if not plan.resumes_within and self._worker == 0:
            tell(
                "Backup: the order of these data does not follow from the epoch's number, or their "
                "length is unknown, so that the run resumes at the beginning of an epoch. For bit "
                "by bit see kgan.data.by_epoch, or pass arrays with shuffle=False."
            )
        return self._position

    def end_training(self) -> None:
        """Let others train in the folder. `fit` calls this after everything else."""
        self._folder.release()
        self._snapshot = None

    def on_train_begin(self, logs=None):
        if self.model.history not in self._others:
            self._others.append(self.model.history)
        if self._snapshot is None:
            # Of the beginning too: without one nothing tells what a killed run had written.
            self._write(self._position, logs)
        else:
            self._give_back_states()
            # What cannot be kept is refused now, not at the next backup.
            states.collect(self._others)
        self._wait_for_next()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if self._snapshot is not None:
            if self._position.batch > 0:
                # The other callbacks and Keras, which resets the means, have just begun an epoch
                # that had begun long ago.
                self._assign_variables()
                self._give_back_states()
            self._snapshot.close()
            self._snapshot = None

    def on_train_batch_end(self, batch, logs=None):
        self._is_due = self._is_due or self._has_passed()
        # At its last batch an epoch is not over: its logs, and the callbacks they go to, follow.
        within = self._plan.resumes_within and batch + 1 < self._plan.batches
        if self._is_due and within and not self.model.stop_training:
            self._write(self._position.at(self._epoch, batch + 1), logs)

    def on_epoch_end(self, epoch, logs=None):
        is_last = epoch + 1 == self._plan.epochs or self.model.stop_training
        if self._is_due or is_last:
            self._write(self._position.at(epoch + 1), logs)

    def _has_passed(self) -> bool:
        if self.every_n_images is not None:
            return self._pace.is_due(lambda: self.images_seen)
        return time.monotonic() >= self._next_time

    def _wait_for_next(self) -> None:
        self._is_due = False
        self._next_time = time.monotonic() + 60 * self.every_n_minutes
        self._pace.count_from(self.images_seen)

    def _restore(self) -> None:
        """Read the newest backup into the model."""
        header = self._snapshot.header
        changed = "; ".join(differences(header["versions"], versions()))
        found = differences(header["fingerprint"], self._fingerprint)
        if found:
            more = f", and {len(found) - 3} more" if len(found) > 3 else ""
            why = f" {changed}: that may be the reason." if changed else ""
            raise ValueError(
                f"The backups in {self._folder.path} are of another run: {'; '.join(found[:3])}"
                f"{more}. Resume with what it was, or choose another folder for a new run.{why}"
            )
        self._assign_variables()
        position, epochs = Position(**header["position"]), self._plan.epochs
        if header["is_stopped"] and epochs <= header["epochs"]:
            position = position.at(max(position.epoch, epochs))
        self._position = position
        if self._worker > 0:
            return
        seen = f"after {self.images_seen:,} images, from {self._snapshot.path}."
        if position.epoch < epochs:
            where = f"epoch {position.epoch + 1}, batch {position.batch + 1}"
            tell(f"Backup: the run resumes at {where}, {seen}")
        elif header["is_stopped"]:
            more = f"Pass more than epochs={header['epochs']} to continue."
            tell(f"Backup: a callback has stopped this run, {seen} {more}")
        else:
            tell(f"Backup: this run is complete, {seen}")
        if changed:
            tell(f"Backup: {changed}: numbers may differ from those of an uninterrupted run.")

    def _variables(self) -> list[keras.Variable]:
        """All state but that of the logs."""
        gan = self.model
        beside = gan.state_beside_weights().values()
        variables = [*gan.variables, *gan.optimizer.variables, *beside]
        return list({id(variable): variable for variable in variables}.values())

    def _means(self) -> list[keras.Variable]:
        return [variable for metric in self.model.metrics for variable in metric.variables]

    def _assign_variables(self) -> None:
        for kind, variables in (("variable", self._variables()), ("mean", self._means())):
            for index, variable in enumerate(variables):
                array = self._snapshot.array(f"{kind}_{index:05d}")
                if array.dtype.kind == "V":
                    array = array.view(ops.convert_to_numpy(variable).dtype)
                variable.assign(array)

    def _give_back_states(self) -> None:
        arrays = [
            self._snapshot.array(name)
            for name in self._snapshot.names
            if name.startswith("callback_")
        ]
        epoch = self._position.epoch if self._position.epoch < self._plan.epochs else None
        states.give_back(self._others, self._snapshot.header["callbacks"], arrays, epoch)

    def _write(self, position: Position, logs: dict) -> None:
        own = {metric.name for metric in self.model.metrics}
        bad = [name for name in own.intersection(logs or {}) if not math.isfinite(logs[name])]
        # Every worker reads these, since their values are sums over all workers.
        means = [ops.convert_to_numpy(variable) for variable in self._means()]
        images = self.images_seen
        self._wait_for_next()
        if self._worker > 0:
            return
        known, callback_arrays = states.collect(self._others)
        header = {
            "versions": versions(),
            "position": dataclasses.asdict(position),
            "epochs": self._plan.epochs,
            "is_stopped": bool(self.model.stop_training),
            "callbacks": known,
            "fingerprint": self._fingerprint,
        }
        try:
            if bad:
                raise FloatingPointError(f"{bad[0]} is not finite")
            self._folder.write(images, header, self._arrays(means, callback_arrays))
        except (OSError, FloatingPointError) as error:
            is_first = not self._folder.backups()
            if is_first and isinstance(error, OSError):
                why = os.strerror(error.errno) if error.errno else error
                raise OSError(
                    error.errno,
                    f"no backup can be written to {self._folder.path}: {why}. "
                    "Nothing was trained. Make room there, or choose another folder",
                ) from error
            kept = "" if is_first else " The backups before are still there."
            why = str(error).rstrip(".")
            self._tell(f"Backup: none was written after {images:,} images: {why}.{kept}")

    def _arrays(self, means: list, callback_arrays: list):
        """Pairs of a name and an array, of which only one at a time is in memory."""
        for index, variable in enumerate(self._variables()):
            array = ops.convert_to_numpy(variable)
            # A loss scale is doubled until it is too large, which does no harm.
            may_be_infinite = variable.name == "dynamic_scale"
            is_float = keras.backend.is_float_dtype(variable.dtype)
            # A sum is NaN or infinite if one of its terms is, and needs no memory.
            if is_float and not may_be_infinite and not np.isfinite(np.sum(array, dtype="float32")):
                raise FloatingPointError(f"{variable.path} is not finite")
            yield f"variable_{index:05d}", array
        for kind, arrays in (("mean", means), ("callback", callback_arrays)):
            for index, array in enumerate(arrays):
                yield f"{kind}_{index:05d}", array
