"""Train a GAN from flags, and leave everything of the run in one folder.

    python tools/train.py --flagfile=recipes/digits.flags
    python tools/train.py --flagfile=recipes/digits.flags --run_dir=runs/wider --width=64
    python tools/train.py --dataset=folder:pictures --image_size=64 --epochs=50 --run_dir=runs/mine

The recipe for digits takes about three minutes on two cores; each recipe says what it reaches.
The run folder holds flags.txt (repeat the run with --flagfile=<run>/flags.txt --run_dir=<other>),
gan.keras, samples/, curves.png and log.csv, and until the run is complete backup/: after a kill, a
crash or Ctrl-C the same command goes on from there, and what it leaves is what it would have left
without. Of a complete run the same command only says that it is, and ends with success.
Several machines: docs/scaling.md, and tools/launch_local.py to try it on one.
"""

import os
import shlex
import shutil
import sys
import time
from pathlib import Path

from absl import app
from absl import flags
from absl import logging
from run_folder import BACKUPS
from run_folder import MODEL
from run_folder import check_no_arguments
from run_folder import is_begun
from run_folder import is_complete
from run_folder import write_flags

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "dataset",
    "digits",
    "What to learn from: 'digits' (embedded), 'folder:<path>' with pictures, 'idx:<path>' with "
    "MNIST's published files, or the name of a TensorFlow Datasets image set, such as 'mnist'.",
)
flags.DEFINE_string("split", None, "Split of a TensorFlow Datasets or idx set; unset: train.")
flags.DEFINE_integer(
    "image_size", None, "Resize pictures to this many pixels a side; unset: as they are.", 1
)
flags.DEFINE_string("data_dir", None, "Where TensorFlow Datasets keeps prepared data.")
flags.DEFINE_string("manual_dir", None, "Folder with files downloaded by hand, for one data set.")
flags.DEFINE_bool("conditional", True, "Use the labels, if the data set has any.")

flags.DEFINE_enum("model", "dcgan", ["dcgan", "mlp", "small_mlp"], "Family of the two networks.")
flags.DEFINE_integer("width", None, "Channels or units of a layer; unset: the family's own.", 1)
flags.DEFINE_integer("latent_dim", 64, "Width of the latents.", 1)
flags.DEFINE_enum(
    "d_normalization",
    None,
    ["batch", "layer", "spectral", "none"],
    "What normalises the discriminator of a dcgan; unset: the family's own. A --penalty on "
    "gradients needs another one than batch.",
)

flags.DEFINE_string("loss", "non_saturating", "Name of the loss, as kgan.losses.get takes it.")
flags.DEFINE_multi_string(
    "penalty", [], "Penalty on the discriminator, such as r1=0.1; may be repeated."
)
flags.DEFINE_float("weight_clip", None, "Bound of the critic's weights, for the WGAN loss.")
flags.DEFINE_integer("discriminator_steps", 1, "Discriminator updates per generator update, k.", 1)
flags.DEFINE_integer("batch_size", 64, "Real images per discriminator update, m.", 1)
flags.DEFINE_enum("optimizer", "adam", ["adam", "rmsprop", "sgd"], "Optimizer of both players.")
flags.DEFINE_float("beta_1", 0.5, "Adam's beta_1, or the momentum of SGD.")
flags.DEFINE_float("d_learning_rate", 2e-4, "The discriminator's learning rate.")
flags.DEFINE_float("g_learning_rate", 2e-4, "The generator's learning rate.")
flags.DEFINE_float(
    "ema_halflife_images", None, "Half-life of the generator's moving average; unset: no average."
)

flags.DEFINE_integer("seed", 0, "Seed of weights, latents and data order.", 0, 2**32 - 1)
flags.DEFINE_integer("images", None, "Real images to train on, rounded up to whole epochs.", 1)
flags.DEFINE_integer("epochs", None, "Passes over the data; given, it replaces --images.", 1)
flags.DEFINE_string(
    "run_dir", None, "Folder of the run: new, or that of this run, which then goes on."
)

flags.DEFINE_enum(
    "strategy",
    "one_device",
    ["one_device", "mirrored", "multi_worker", "tpu"],
    "Devices: one; all GPUs of this machine; all processes in TF_CONFIG; a TPU (never run on one).",
)
flags.DEFINE_integer("steps_per_execution", 1, "Training steps per call of TensorFlow.", 1)
flags.DEFINE_bool("jit_compile", None, "Compile the training step with XLA; unset: Keras decides.")
flags.DEFINE_enum(
    "mixed_precision", None, ["float16", "bfloat16"], "Compute in 16 bits; unset: in float32."
)
flags.DEFINE_float("backup_minutes", 1.0, "Minutes between backups.")
flags.DEFINE_integer(
    "backup_images",
    None,
    "Images between backups, in place of the minutes; unset, several workers take an epoch's.",
    1,
)

flags.mark_flag_as_required("run_dir")
flags.register_multi_flags_validator(
    ["epochs", "images"], lambda given: any(given.values()), "give --images or --epochs."
)
flags.register_multi_flags_validator(
    ["model", "d_normalization"],
    lambda given: given["d_normalization"] is None or given["model"] == "dcgan",
    "only --model=dcgan has a --d_normalization to choose.",
)
flags.register_validator("beta_1", lambda value: 0 <= value < 1, "must lie in [0, 1).")
for _name in (
    "backup_minutes",
    "weight_clip",
    "d_learning_rate",
    "g_learning_rate",
    "ema_halflife_images",
):
    flags.register_validator(
        _name, lambda value: value is None or 0 < value < float("inf"), "must be positive."
    )


def main(arguments: list[str]) -> int:
    run = Path(FLAGS.run_dir)
    # absl's `app.run` makes TensorFlow and TFDS report their progress; errors come as exceptions.
    logging.set_verbosity(logging.WARNING)
    try:
        check_no_arguments(arguments[1:])
        if is_complete(run):
            # Also what starts jobs again is content, and a worker waits for no others.
            print(f"This run is complete: {run / MODEL}. For another one choose another --run_dir.")
            return 0
        is_begun(run)
        return train_under_strategy(run)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted before the training began.", file=sys.stderr)
        return 130


def train_under_strategy(run: Path) -> int:
    """Make the devices ready, then the GAN on them, and train it. Returns the exit code."""
    from kgan.backend import strategies

    # Before TensorFlow runs anything: several workers cannot meet later.
    strategy = strategies.strategy(FLAGS.strategy)
    check_objective()
    images = load_images()
    with strategy.scope():
        gan = build_gan(images)
    batches, epochs = load_batches(images, gan)
    try:
        return train(gan, images, batches, epochs, run)
    except Exception as error:
        told = strategies.lost_worker(error)
        if told is None:
            raise
        print(f"error: {told}", file=sys.stderr)
        return 1


def check_objective() -> None:
    """Raise ValueError for a loss or penalty that cannot be, before data are loaded."""
    # Keras and TensorFlow take seconds to import: a wrong flag is told before that.
    from kgan import losses
    from kgan import penalties

    losses.get(FLAGS.loss)
    # Where the data decide the size: at 16 pixels every family has all its kinds of layers.
    size = FLAGS.image_size or 16
    discriminator = build_discriminator((size, size, 1), width=1)
    for name in FLAGS.penalty:
        penalty = penalties.get(name)
        try:
            penalty.check_discriminator(discriminator)
        except ValueError as error:
            raise ValueError(
                f"{error} By flags: --d_normalization=layer, spectral or none."
            ) from None


def load_images():
    """The data set that the flags name, in memory."""
    from kgan import data

    return data.load(
        FLAGS.dataset,
        image_size=FLAGS.image_size,
        split=FLAGS.split,
        data_dir=FLAGS.data_dir,
        manual_dir=FLAGS.manual_dir,
    )


def build_discriminator(image_shape, **options):
    """The discriminator that the flags describe; `options` are what the data decide."""
    from kgan import models

    if FLAGS.d_normalization is not None:
        chosen = FLAGS.d_normalization
        options["normalization"] = None if chosen == "none" else chosen
    return models.get(FLAGS.model).discriminator(image_shape, **options)


def build_gan(images):
    """The compiled GAN that the flags describe, for these images."""
    import keras

    import kgan

    keras.utils.set_random_seed(FLAGS.seed)
    if FLAGS.mixed_precision is not None:
        keras.config.set_dtype_policy(f"mixed_{FLAGS.mixed_precision}")
    family = kgan.models.get(FLAGS.model)
    num_classes = images.num_classes if FLAGS.conditional else None
    networks = {"num_classes": num_classes}
    if FLAGS.width is not None:
        networks["width"] = FLAGS.width
    clip = None if FLAGS.weight_clip is None else kgan.constraints.WeightClip(FLAGS.weight_clip)
    gan = kgan.GAN(
        family.generator(images.image_shape, FLAGS.latent_dim, **networks),
        build_discriminator(images.image_shape, weight_constraint=clip, **networks),
        latent_dim=FLAGS.latent_dim,
        num_classes=num_classes,
        ema_halflife_images=FLAGS.ema_halflife_images,
        seed=FLAGS.seed,
    )
    gan.compile(
        d_optimizer=_optimizer(FLAGS.d_learning_rate),
        g_optimizer=_optimizer(FLAGS.g_learning_rate),
        loss=FLAGS.loss,
        discriminator_steps=FLAGS.discriminator_steps,
        penalties=FLAGS.penalty,
        jit_compile="auto" if FLAGS.jit_compile is None else FLAGS.jit_compile,
        steps_per_execution=FLAGS.steps_per_execution,
    )
    return gan


def load_batches(images, gan):
    """The data set in batches, and the number of epochs that the flags ask for."""
    batches = images.batches(
        FLAGS.batch_size,
        discriminator_steps=FLAGS.discriminator_steps,
        seed=FLAGS.seed,
        labels=gan.num_classes is not None,
    )
    return batches, FLAGS.epochs or -(-FLAGS.images // images_per_epoch(batches))


def images_per_epoch(batches) -> int:
    """How many real images one pass over the batches trains on."""
    return len(batches) * FLAGS.batch_size * FLAGS.discriminator_steps


def describe(images, gan, batches, epochs: int) -> None:
    """Print what is about to be trained on what."""
    print(
        f"{images.name}: {len(images):,} images {images.image_shape}, "
        f"{gan.num_classes or 'no'} classes. Generator {gan.generator.count_params():,}, "
        f"discriminator {gan.discriminator.count_params():,} weights. "
        f"{epochs} epochs of {images_per_epoch(batches):,} images.",
        flush=True,
    )


def train(gan, images, batches, epochs: int, run: Path) -> int:
    """Fit `gan`, and keep everything in `run`. Returns the exit code."""
    from kgan import backend
    from kgan import callbacks

    worker, workers = backend.worker(gan)
    non_finite = callbacks.StopOnNonFinite()
    backup = callbacks.Backup(
        run / BACKUPS,
        FLAGS.backup_minutes,
        every_n_images=FLAGS.backup_images or (images_per_epoch(batches) if workers > 1 else None),
    )
    # The other workers would write the same files, and print the same lines.
    is_writer = worker == 0
    if is_writer:
        if not is_begun(run):
            # Flags and this folder are what an incomplete run is known by.
            (run / BACKUPS).mkdir(parents=True, exist_ok=True)
            write_flags(run)
        describe(images, gan, batches, epochs)
    start = time.monotonic()
    try:
        gan.fit(
            batches,
            epochs=epochs,
            # A bar for eyes, a line per epoch for a log file.
            verbose=(1 if sys.stdout.isatty() else 2) if is_writer else 0,
            callbacks=[
                non_finite,
                *(files_of_training(gan, run, non_finite) if is_writer else []),
                backup,
            ],
        )
    except KeyboardInterrupt:
        if is_writer:
            print(interrupted(gan, run, time.monotonic() - start))
        return 130
    if not is_writer:
        return 0 if non_finite.step is None else 1
    if non_finite.step is not None:
        kept = "holds the last finite epoch" if (run / MODEL).exists() else "was not written"
        print(
            f"error: {', '.join(non_finite.keys)} became NaN or infinite at step "
            f"{non_finite.step}. {run / MODEL} {kept}. Lower the learning rates, or choose "
            "another loss.",
            file=sys.stderr,
        )
        return 1
    # A folder without backups is that of a complete run: it goes at once, not file by file.
    (run / BACKUPS).rename(run / f".{BACKUPS}-done")
    shutil.rmtree(run / f".{BACKUPS}-done", ignore_errors=True)
    print(whereabouts(gan, run, time.monotonic() - start))
    return 0


def files_of_training(gan, run: Path, non_finite) -> list:
    """The callbacks that write into the run folder, and the one that says what goes wrong."""
    import keras

    from kgan import callbacks

    def save(epoch, logs):
        # After a NaN the file of the epoch before is the one worth having.
        if non_finite.step is None:
            gan.save(run / MODEL)

    return [
        # Says in one line when the training goes wrong, and what to do about it.
        callbacks.Health(),
        callbacks.SampleGrid(run / "samples"),
        callbacks.Curves(run / "curves.png"),
        keras.callbacks.CSVLogger(run / "log.csv", append=True),
        keras.callbacks.LambdaCallback(on_epoch_end=save),
    ]


def interrupted(gan, run: Path, seconds: float) -> str:
    """Keep what an interrupted training has learned, and say where it is and how to go on."""
    from kgan import callbacks

    gan.save(run / MODEL)
    # What an interrupt leaves out: the last grid and the film.
    for callback in gan.callbacks_of_fit:
        if isinstance(callback, callbacks.SampleGrid):
            callback.on_train_end()
    return (
        f"\nInterrupted. The GAN as it was is saved in {run / MODEL}. The same command "
        f"goes on from the last backup.\n{whereabouts(gan, run, seconds)}"
    )


def _optimizer(learning_rate: float):
    import keras

    if FLAGS.optimizer == "adam":
        return keras.optimizers.Adam(learning_rate, beta_1=FLAGS.beta_1)
    if FLAGS.optimizer == "sgd":
        return keras.optimizers.SGD(learning_rate, momentum=FLAGS.beta_1)
    return keras.optimizers.RMSprop(learning_rate)


def whereabouts(gan, run: Path, seconds: float) -> str:
    """What the run has left where, and the commands that go on from here."""
    left = {
        "model": run / MODEL,
        "samples": run / "samples" / "latest.png",
        "curves": run / "curves.png",
        "log": run / "log.csv",
        "flags": run / "flags.txt",
    }
    return "\n".join(
        [
            f"Trained on {int(gan.images_seen.numpy()):,} images in {seconds:.0f} s.",
            *(f"  {name:8} {path}" for name, path in left.items() if path.exists()),
            f"Measure it with\n  python tools/evaluate.py --run_dir={shlex.quote(str(run))}",
            f"Export it with\n  python tools/export.py --run_dir={shlex.quote(str(run))}",
        ]
    )


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    app.run(main)
