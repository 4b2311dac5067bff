"""The real images of a command, by its flags or those of a run, and what looks at them."""

from pathlib import Path

import numpy as np

from kgan import data
from kgan import export
from kgan import features
from kgan.cli.command import Flags
from kgan.cli.command import in_one_line
from kgan.cli.command import warn
from kgan.cli.run_folder import RunFolder

# The flags of a data set, which a run has written down.
DATA_FLAGS = ("dataset", "split", "image_size", "crop", "data_dir", "manual_dir")
CACHE = "~/.cache/kgan"
# Data sets for which the package holds a trained extractor.
_SHIPPED = {"digits": "digits", "mnist": "digits", "fashion_mnist": "fashion"}
# As many as show a difference; more would only take longer.
_OF_GATE = 10_000


def define(flags: Flags, dataset: str | None) -> None:
    """Define `DATA_FLAGS`; `dataset` is the default of the first."""
    words = (
        "Real images: 'digits' (embedded), 'folder:<path>' with pictures, 'idx:<path>' with "
        "MNIST's published files, or the name of a TensorFlow Datasets image set, such as 'mnist'."
    )
    flags.define("string", "dataset", dataset, words)
    split = "Split of the data set. Of a folder 'train' leaves a tenth out, which is 'test'."
    flags.define("string", "split", None, split)
    flags.define(
        "integer", "image_size", None, "Pixels a side to resize to; unset: as it is.", 1, 2**13
    )
    words = "Pixels a side of the central part to use, before resizing; unset: all of it."
    flags.define("integer", "crop", None, words, 1, 2**13)
    flags.define("string", "data_dir", None, "Where TensorFlow Datasets keeps prepared data.")
    flags.define("string", "manual_dir", None, "Folder with files downloaded by hand.")


def define_extractor(flags: Flags) -> None:
    """Define the flag that says what looks at the images; unset: what fits the data set."""
    kinds = (
        "'digits', 'fashion', 'imagenet' or 'imagenet:<file of its weights>', 'inception:<path>', "
        "'<path>.keras' or 'classifier', trained here."
    )
    flags.define("string", "extractor", None, f"What looks at the images: {kinds}")


def data_options(flags: Flags, run: RunFolder | None) -> dict:
    """What is known of the data set, by the flags or else by those of the run.

    Args:
        flags: those given, with some of `DATA_FLAGS`.
        run: the run folder of the generator, None if it has none.

    Returns:
        The values of `DATA_FLAGS` by their names.

    Raises:
        ValueError: if neither names a data set.
    """
    options = {name: flags[name].value for name in DATA_FLAGS}
    if run is not None and options["dataset"] is None:
        written = run.flags()
        options = {name: options[name] or written.get(name) for name in DATA_FLAGS}
    if options["dataset"] is None:
        raise ValueError(
            "Against which real images? Give --dataset=digits, --dataset=folder:<path> or the name "
            "of a TensorFlow Datasets set, the one that the generator was trained on."
        )
    for name in ("image_size", "crop"):
        try:
            options[name] = None if options[name] is None else int(options[name])
        except ValueError:
            raise ValueError(
                f"{run.flags_file} is damaged. Expected: a whole number. Received: "
                f"--{name}={options[name]}. Give --{name}=<pixels> and --dataset=<name>."
            ) from None
    return options


def load_images(options: dict, held_out: str | None = None) -> tuple:
    """The data set, and images that the generator was not trained on, None if there are none.

    Args:
        options: of `data_options`.
        held_out: the value of --held_out, None where nothing was said.

    Returns:
        (training images, held-out images or None), both `kgan.data.Images`.
    """
    rest = dict(options)
    name = rest.pop("dataset")
    training = data.load(name, **rest)
    if held_out is None:
        source, split = name.partition(":")[0], rest["split"]
        # The digits in the package are MNIST's test images.
        of_mnist = source == "mnist" and "test" not in (split or "")
        of_folder = source == "folder" and split == "train"
        if not (of_mnist or of_folder):
            return training, None
        held_out = "split:test" if of_folder else "digits"
    if held_out.startswith("split:"):
        return training, data.load(name, **{**rest, "split": held_out.removeprefix("split:")})
    form = {name: rest[name] for name in ("image_size", "crop")}
    return training, data.load(held_out, **form)


def check_shape(image_shape: tuple, images) -> None:
    """Raise ValueError unless a generator makes images of the shape of real ones."""
    if tuple(image_shape) != tuple(images.image_shape):
        raise ValueError(
            f"The generator makes images {tuple(image_shape)}, and those of {images.name!r} are "
            f"{tuple(images.image_shape)}. Name the data set that it was trained on, and its size: "
            "--dataset, --image_size."
        )


def shipped_extractor(dataset: str, image_shape) -> str | None:
    """The name of the package's own extractor for a data set, None if there is none."""
    if tuple(image_shape) != (28, 28, 1):
        return None
    # After the colon of a TFDS name comes its version, after that of "idx:" a folder.
    word, _, folder = dataset.partition(":")
    return _SHIPPED.get(Path(folder).name if word == "idx" else word)


def choose_extractor(name: str | None, training, dataset: str, cache_dir: str):
    """The extractor of --extractor, or the one for the data set.

    Args:
        name: the value of --extractor, None where nothing was said.
        training: the `kgan.data.Images` that the generator was trained on.
        dataset: the value of --dataset that they come from.
        cache_dir: folder in which a classifier that is trained for them is kept.

    Returns:
        A `kgan.features.Extractor`.

    Raises:
        ValueError: if there is none for it.
    """
    asked = name is not None
    name = name or shipped_extractor(dataset, training.image_shape) or "classifier"
    if name != "classifier":
        return features.by_name.get(name, image_shape=tuple(training.image_shape))
    try:
        if training.labels is None:
            raise ValueError(
                f"{training.name!r} has no labels, so no classifier can be trained to look at its "
                "images."
            )
        return features.train_classifier(
            training.images,
            training.labels,
            num_classes=training.num_classes,
            cache_dir=Path(cache_dir).expanduser(),
        )
    except ValueError as error:
        if not asked:
            raise
        others = other_extractors(training.image_shape)
        raise ValueError(f"{in_one_line(error)} {others}") from error


def other_extractors(image_shape) -> str:
    """What to give as --extractor for images of a shape that nothing at hand can look at."""
    kinds = ["<path>.keras, a saved Keras model that makes features (batch, dim) of such images"]
    if image_shape[2] == 3:
        network = "classify_image_graph_def.pb of TensorFlow's inception-2015-12-05.tgz"
        kinds.insert(0, f"inception:<path>, the FID paper's network in {network}")
        kinds.insert(0, "imagenet, a network for photographs that Keras fetches (9 MB)")
    if tuple(image_shape) == (28, 28, 1):
        kinds.insert(0, "digits or fashion")
    return f"For these give --extractor={', or '.join(kinds)}."


def frechet_gate(flags: Flags, run: RunFolder | None, image_shape) -> export.FrechetGate | None:
    """The gate for the TFLite files of a generator.

    Args:
        flags: with --dataset and --extractor.
        run: the generator's run folder, None if it has none.
        image_shape: (height, width, channels) of the generator's images.

    Returns:
        A `kgan.export.FrechetGate`, or None, which is said, where nothing was asked for and
        the data are unknown or the package has no extractor for them.

    Raises:
        ValueError: if what was asked for does not fit the generator.
    """
    try:
        options = data_options(flags, run)
        name = flags.extractor or shipped_extractor(options["dataset"], image_shape)
        if name is None:
            raise ValueError(
                f"The package has no extractor for --dataset={options['dataset']}. Give one: "
                "--extractor=..., as for kgan evaluate."
            )
        real, _ = load_images(options)
        check_shape(image_shape, real)
        extractor = choose_extractor(name, real, options["dataset"], CACHE)
    except (OSError, ValueError) as error:
        if flags.dataset is not None or flags.extractor is not None:
            raise
        warn(f"The Frechet distance of the smaller files is not measured: {in_one_line(error)}")
        return None

    def extract(images):
        return extractor(images).features

    # Folders come class by class.
    chosen = np.random.default_rng(0).permutation(len(real.images))[:_OF_GATE]
    pixels = real.images[np.sort(chosen)]
    return export.FrechetGate(extract, extract(pixels / np.float32(127.5) - 1))
