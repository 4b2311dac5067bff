"""Train a GAN from flags, and leave everything of the run in one folder.

    kgan train --flagfile=recipes/digits.flags
    kgan train --flagfile=recipes/digits.flags --run_dir=runs/wider --width=64
    kgan train --dataset=folder:pictures --image_size=64 --images=500000 --run_dir=runs/mine

The recipe for digits takes two to six minutes on two cores; each recipe says what it reaches.
The run folder holds flags.txt (repeat the run with --flagfile=<run>/flags.txt --run_dir=<other>),
gan.keras, samples/, curves.png and log.csv, and until the run is complete backup/: after a kill, a
crash or Ctrl-C the same command resumes the run, and what it leaves is what it would have left
without. Of a complete run the same command only says that it is, and ends with success; with a
larger --images or --epochs it resumes from end/, and leaves what one long run would have left.
Several machines: docs/scaling.md, and `kgan launch` to try it on one.
"""

import contextlib
import shlex
import sys
import time
from pathlib import Path

import keras

from kgan import augment
from kgan import callbacks
from kgan import constraints
from kgan import distribution
from kgan import losses
from kgan import models
from kgan import penalties
from kgan import schedules
from kgan._utils.files import is_full
from kgan.cli import real_images
from kgan.cli.command import Flags
from kgan.cli.command import in_one_line
from kgan.cli.estimate import Estimate
from kgan.cli.generators import find_generator
from kgan.cli.generators import load_keras_file
from kgan.cli.run_folder import RunFolder
from kgan.gan import GAN
from kgan.gan import transfer_weights
from kgan.gan.averaging import check_halflife


def define(flags: Flags) -> None:
    """Define the flags of this command."""
    real_images.define(flags, "digits")
    define = flags.define
    define("bool", "conditional", True, "Use the labels, if the data set has any.")
    define("bool", "flip", False, "Mirror every picture, left for right, in half of the epochs.")

    families = ["dcgan", "mlp", "small_mlp", "resnet", "residual"]
    define("enum", "model", "dcgan", families, "Family of the two networks.")
    define(
        "integer", "width", None, "Channels or units of a layer; unset: the family's own.", 1, 2**16
    )
    define("integer", "latent_dim", 64, "Width of the latents.", 1, 2**16)
    # A --penalty on gradients needs another one than batch.
    kinds = ["batch", "layer", "spectral", "none"]
    define("enum", "d_normalization", None, kinds, "What normalises the discriminator of a dcgan.")

    # Unset, these and the optimizer's numbers are the family's own.
    define("string", "loss", None, "Name of the loss, as kgan.losses.get takes it.")
    penalty = "Penalty on the discriminator, as r1=0.1; may repeat. Empty: none."
    define("multi_string", "penalty", None, penalty)
    augmented = "What the discriminator sees in place of images, as diffaugment or adaptive."
    define("string", "augment", None, augmented)
    define("float", "weight_clip", None, "Bound of the critic's weights, for the WGAN loss.", 0)
    define(
        "integer", "discriminator_steps", None, "Discriminator updates per generator update, k.", 1
    )
    define("bool", "share_fakes", False, "Train both players on the same fakes; not Algorithm 1.")
    define("integer", "batch_size", 64, "Real images per discriminator update, m.", 1)
    define("enum", "optimizer", "adam", ["adam", "rmsprop", "sgd"], "Optimizer of both players.")
    define("float", "beta_1", None, "Adam's beta_1, or the momentum of SGD.", 0, 0.9999)
    define("float", "d_learning_rate", None, "The discriminator's learning rate.", 0)
    define("float", "g_learning_rate", None, "The generator's learning rate.", 0)
    half_life = "Half-life of the generator's average, a number or a schedule; unset: no average."
    define("string", "ema_halflife_images", None, half_life)
    schedule = (
        "What follows the images seen, as learning_rate=cosine(2e-4,5e-5,until=2e6); may repeat."
    )
    define("multi_string", "schedule", None, schedule)

    words = "Run folder or gan.keras whose weights to begin with, on other data or classes."
    define("string", "init_from", None, words)
    words = "Blocks of the discriminator, from the image on, that keep those of --init_from."
    define("integer", "freeze_d_blocks", None, words, 1)
    define("integer", "seed", 0, "Seed of weights, latents and data order.", 0, 2**32 - 1)
    define("integer", "images", None, "Real images to train on, rounded up to whole epochs.", 1)
    define(
        "integer",
        "epochs",
        None,
        "Passes over the data, rounded up like --images, in its place.",
        1,
    )
    # What is written once an epoch: a log line, a grid, gan.keras.
    words = "Images of an epoch, about: one pass over the data, or several if they are fewer."
    define("integer", "epoch_images", 10_000, words, 1)
    define("string", "run_dir", None, "Folder of the run: new, or that of this run, to resume it.")

    devices = "One device, all GPUs here, all processes in TF_CONFIG, or a TPU (untried)."
    define("enum", "strategy", "one_device", list(distribution.STRATEGIES), devices)
    steps = "Training steps per call of TensorFlow; unset: 5 for a small_mlp, else 1."
    define("integer", "steps_per_execution", None, steps, 1)
    define("bool", "fast_kernels", None, "Kernels faster than Keras'; unset: where they can be.")
    define("bool", "jit_compile", None, "Compile the step with XLA; unset: Keras decides.")
    define("enum", "mixed_precision", None, ["float16", "bfloat16"], "Compute in 16 bits.")
    define("float", "backup_minutes", 1.0, "Minutes between backups.", 0)
    # Unset, several workers take an epoch's.
    define("integer", "backup_images", None, "Images between backups, in place of minutes.", 1)
    flags.require("run_dir")
    flags.check(["backup_minutes"], lambda minutes: minutes > 0, "must be > 0.")
    flags.check(["epochs", "images"], lambda *given: any(given), "give --images or --epochs.")
    flags.check(
        ["share_fakes", "discriminator_steps"],
        lambda share, k: not share or k in (None, 1),
        "--share_fakes is for --discriminator_steps=1.",
    )
    flags.check(
        ["init_from", "freeze_d_blocks"],
        lambda source, frozen: source or not frozen,
        "--freeze_d_blocks keeps what --init_from names.",
    )
    flags.check(
        ["model", "d_normalization"],
        lambda model, normalization: normalization is None or model == "dcgan",
        "only --model=dcgan has a --d_normalization to choose.",
    )


def main(flags: Flags) -> int:
    """Make the devices ready, then the GAN on them, and train it. Returns the exit status."""
    settle(flags)
    run = RunFolder(flags.run_dir)
    if run.is_complete(flags.lines()):
        # Also what starts jobs again is content, and a worker waits for no others.
        longer = "To train longer, give a larger --images or --epochs"
        print(f"This run is complete: {run.model}. {longer}; for another one, another --run_dir.")
        return 0
    run.is_begun(flags.lines())
    # Before TensorFlow runs anything: several workers cannot meet later.
    strategy = distribution.strategy(flags.strategy)
    check_objective(flags)
    images, _ = real_images.load_images(real_images.data_options(flags, None))
    with strategy.scope():
        gan = build_gan(flags, images)
        # A backup has all that a run has made of them.
        if flags.init_from is not None and run.images_seen() is None:
            begin_with(Path(flags.init_from), gan)
    try:
        return train(flags, gan, images, run)
    except Exception as error:
        lost = distribution.lost_worker(error)
        if lost is None:
            raise
        raise ConnectionError(lost) from error


def settle(flags: Flags) -> None:
    """Give the flags that are unset their family's values, so that a run says all that it takes.

    Not the penalties, which the size of the images may decide.
    """
    defaults = family_defaults(flags)
    of_optimizers = ("beta_1", "d_learning_rate", "g_learning_rate", "schedule")
    if flags.optimizer == "adam" and all(flags[name].value is None for name in of_optimizers):
        flags["schedule"].value = [f"{what}={how}" for what, how in defaults.schedules.items()]
    values = {
        "loss": defaults.loss,
        "discriminator_steps": defaults.discriminator_steps,
        "beta_1": defaults.beta_1,
        "d_learning_rate": defaults.learning_rate,
        "g_learning_rate": defaults.learning_rate,
    }
    for name, value in values.items():
        if flags[name].value is None:
            flags[name].value = value


def family_defaults(flags: Flags, image_shape=(32, 32, 1)) -> models.Defaults:
    """How the family that the flags name is trained, on images of this shape."""
    return models.get(flags.model).defaults(image_shape)


def penalties_of(flags: Flags, image_shape) -> list[str]:
    """The penalties that the flags name, or those of the family."""
    if flags.penalty is None:
        return list(family_defaults(flags, image_shape).penalties)
    return [penalty for penalty in flags.penalty if penalty]


def check_objective(flags: Flags) -> None:
    """Raise ValueError for a loss, penalty or augmentation that cannot be, before any data."""
    loss = losses.get(flags.loss)
    schedules_of(flags)
    if flags.ema_halflife_images is not None:
        check_halflife(number_or_text(flags.ema_halflife_images))
    # Where the data decide the size: at 16 pixels every family has all its kinds of layers.
    size = flags.image_size or 16
    discriminator = build_discriminator(flags, (size, size, 1), width=1)
    for name in penalties_of(flags, (size, size, 1)):
        penalties.get(name).check_discriminator(discriminator)
    augment.get_for(flags.augment, (size, size, 1), loss)


def build_discriminator(flags: Flags, image_shape, **options):
    """The discriminator that the flags describe; `options` are what the data decide."""
    if flags.d_normalization is not None:
        options["normalization"] = {"none": None}.get(flags.d_normalization, flags.d_normalization)
    return models.get(flags.model).discriminator(image_shape, **options)


def build_gan(flags: Flags, images) -> GAN:
    """The compiled GAN that the flags describe, once settled, for these images."""
    keras.utils.set_random_seed(flags.seed)
    if flags.mixed_precision is not None:
        keras.config.set_dtype_policy(f"mixed_{flags.mixed_precision}")
    num_classes = images.num_classes if flags.conditional else None
    networks = {"num_classes": num_classes}
    if flags.width is not None:
        networks["width"] = flags.width
    clip = None if flags.weight_clip is None else constraints.WeightClip(flags.weight_clip)
    # In this order: their initial values follow from the seed, and recipes promise what they give.
    generator = models.get(flags.model).generator(images.image_shape, flags.latent_dim, **networks)
    discriminator = build_discriminator(
        flags, images.image_shape, weight_constraint=clip, **networks
    )
    if flags.freeze_d_blocks is not None:
        models.freeze_blocks(discriminator, flags.freeze_d_blocks)
    gan = GAN(
        generator,
        discriminator,
        latent_dim=flags.latent_dim,
        num_classes=num_classes,
        ema_halflife_images=number_or_text(flags.ema_halflife_images),
        seed=flags.seed,
    )
    gan.compile(
        d_optimizer=build_optimizer(flags, flags.d_learning_rate),
        g_optimizer=build_optimizer(flags, flags.g_learning_rate),
        loss=flags.loss,
        discriminator_steps=flags.discriminator_steps,
        penalties=penalties_of(flags, images.image_shape),
        schedules=schedules_of(flags),
        augment=flags.augment,
        share_fakes=flags.share_fakes,
        fast_kernels="auto" if flags.fast_kernels is None else flags.fast_kernels,
        jit_compile="auto" if flags.jit_compile is None else flags.jit_compile,
        # The same bits in less time; of larger networks a call is no part that counts.
        steps_per_execution=flags.steps_per_execution or (5 if flags.model == "small_mlp" else 1),
    )
    return gan


def schedules_of(flags: Flags) -> dict:
    """The schedules of the optimizers by the names of what follows them."""
    parts = [text.partition("=") for text in flags.schedule or [] if text]
    given = {name: schedules.get(schedule) for name, _, schedule in parts}
    if len(given) < len(parts):
        raise ValueError(
            "Two schedules for one value. Expected: each name once, as in "
            "--schedule=learning_rate=linear(2e-4,0,until=1e6). Received: "
            f"--schedule={' --schedule='.join(flags.schedule)}."
        )
    return given


def number_or_text(text: str | None) -> float | str | None:
    """The number that a flag holds, or the text that describes a schedule."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def begin_with(path: Path, gan: GAN) -> None:
    """Give a new GAN the weights of a trained one, and say which were not taken."""
    path = find_generator(path)
    source = load_keras_file(path)
    if not isinstance(source, GAN):
        raise ValueError(
            f"{path} holds no GAN. Expected: the gan.keras of a run, which has both networks. "
            f"Received: a {type(source).__name__}."
        )
    left = transfer_weights(source, gan)
    if distribution.worker(gan)[0] == 0:
        new = f"; these are new: {', '.join(left)}" if left else ""
        print(f"It begins with the weights of {path}{new}.", flush=True)


def build_optimizer(flags: Flags, learning_rate: float):
    """The optimizer of one player."""
    if flags.optimizer == "adam":
        return family_defaults(flags).optimizer(learning_rate, flags.beta_1)
    if flags.optimizer == "sgd":
        return keras.optimizers.SGD(learning_rate, momentum=flags.beta_1)
    return keras.optimizers.RMSprop(learning_rate)


def train(flags: Flags, gan: GAN, images, run: RunFolder) -> int:
    """Fit `gan`, and keep everything in `run`. Returns the exit status."""
    batches = images.batches(
        flags.batch_size,
        discriminator_steps=flags.discriminator_steps,
        seed=flags.seed,
        labels=gan.num_classes is not None,
        flip=flags.flip,
    )
    rows = flags.batch_size * flags.discriminator_steps
    passes = max(1, round(flags.epoch_images / (len(batches) * rows)))
    if passes > 1:
        batches = batches.repeat(passes)
    per_epoch = len(batches) * rows
    epochs = -(-flags.epochs // passes) if flags.epochs else -(-flags.images // per_epoch)
    if (run.images_seen() or 0) > epochs * per_epoch:
        raise ValueError(
            f"The run in {run.path} has seen {run.images_seen():,} images, and is to see "
            f"{epochs * per_epoch:,}. Nothing was changed. Give a larger --images or --epochs."
        )
    worker, workers = distribution.worker(gan)
    # The other workers would write the same files, and print the same lines.
    is_writer = worker == 0
    non_finite = callbacks.StopOnNonFinite()
    grids = callbacks.SampleGrid(run.samples, reals=images)
    every = flags.backup_images or (per_epoch if workers > 1 else None)
    backup = callbacks.Backup(run.backups, flags.backup_minutes, every_n_images=every)
    model = ModelFile(gan, run, non_finite)
    files = [
        Estimate(epochs * per_epoch),
        callbacks.Health(),
        grids,
        callbacks.Curves(run.curves),
        keras.callbacks.CSVLogger(run.log, append=True),
        keras.callbacks.LambdaCallback(on_epoch_end=model.try_to_save),
    ]
    start = time.monotonic()
    try:
        if is_writer:
            if run.is_begun(flags.lines()):
                run.go_on(flags.lines())
            else:
                # Flags and this folder are what an incomplete run is known by.
                run.backups.mkdir(parents=True, exist_ok=True)
                run.begin(flags.lines())
            joined = f", {passes} passes each" if passes > 1 else ""
            print(
                f"{images.name}: {len(images):,} images {images.image_shape}, "
                f"{gan.num_classes or 'no'} classes. Generator {gan.generator.count_params():,}, "
                f"discriminator {gan.discriminator.count_params():,} weights. "
                f"{epochs} epochs of {per_epoch:,} images{joined}.",
                flush=True,
            )
        gan.fit(
            batches,
            epochs=epochs,
            # A bar for eyes, a line per epoch for a log file.
            verbose=(1 if sys.stdout.isatty() else 2) if is_writer else 0,
            callbacks=[non_finite, *(files if is_writer else []), backup],
        )
        if is_writer and non_finite.step is None:
            # If the disk was full, or the run killed after the last backup.
            model.save()
            run.complete()
    except KeyboardInterrupt:
        if is_writer:
            save_interrupted(model, grids)
            with contextlib.suppress(KeyboardInterrupt):
                print_left(gan, run, time.monotonic() - start)
        return 130
    except OSError as error:
        if not is_full(error) or not any(run.backups.glob("backup-*.npz")):
            raise
        raise OSError(
            error.errno,
            f"The disk is full: {in_one_line(error).rstrip('.')}. The backups in {run.backups} are "
            "kept: make room, and the same command resumes the run from the last one.",
        ) from error
    if non_finite.step is not None:
        kept = "holds the last finite epoch" if run.model.exists() else "was not written"
        raise ValueError(
            f"{', '.join(non_finite.keys)} became NaN or infinite by step {non_finite.step}. "
            f"{run.model} {kept}. Lower the learning rates, or choose another loss."
        )
    if is_writer:
        print_left(gan, run, time.monotonic() - start)
    return 0


class ModelFile:
    """The file of the model of a run: after a NaN that of the epoch before is worth having.

    Args:
        gan: what is trained.
        run: its folder.
        non_finite: the callback that looks for NaN.
    """

    def __init__(self, gan: GAN, run: RunFolder, non_finite: callbacks.StopOnNonFinite):
        self.path = run.model
        self._gan, self._non_finite, self._saved = gan, non_finite, None

    @property
    def is_saved(self) -> bool:
        """Whether the GAN as it is is in the file."""
        return self._saved == int(self._gan.images_seen.numpy())

    def save(self) -> None:
        """Save the GAN as it is."""
        if self._non_finite.step is None and not self.is_saved:
            self._gan.save(self.path)
            self._saved = int(self._gan.images_seen.numpy())

    def try_to_save(self, epoch: int, logs: dict) -> None:
        """After an epoch: a full disk may have room after the next one."""
        try:
            self.save()
        except OSError as error:
            print(f"\nwarning: {in_one_line(error)} The training goes on.", file=sys.stderr)


def save_interrupted(model: ModelFile, grids: callbacks.SampleGrid) -> None:
    """Save what an interrupt leaves out, the last grid and the film too, and say what was."""
    again = ""
    try:
        model.save()
        grids.on_train_end()
    except KeyboardInterrupt:
        again = " Interrupted again."
    except OSError as error:
        again = f" {in_one_line(error)}"
    held = f"The GAN as it was is saved in {model.path}."
    if not model.is_saved:
        kept = "is of an earlier epoch" if model.path.exists() else "was not written"
        held = f"The GAN as it was is not saved: {model.path} {kept}."
    print(
        f"\nInterrupted.{again} {held} The same command resumes the run from the last backup.",
        flush=True,
    )


def print_left(gan: GAN, run: RunFolder, seconds: float) -> None:
    """Say what the run has left where, and what to do with it."""
    print(f"Trained on {int(gan.images_seen.numpy()):,} images in {seconds:.0f} s.")
    grids = run.samples / "latest.png", run.samples / "reals.png"
    for path in (run.model, *grids, run.curves, run.log, run.flags_file):
        if path.exists():
            print(f"  {path}")
    folder = shlex.quote(str(run.path))
    print(f"Measure it with\n  kgan evaluate --run_dir={folder}")
    print(f"Export it with\n  kgan export --run_dir={folder}")
