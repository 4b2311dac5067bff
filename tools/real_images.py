"""Which real images a generator is measured against: by the flags, or by those of its run."""

from pathlib import Path

# The data set's flags, which a run has written down.
DATA_FLAGS = ("dataset", "split", "image_size", "data_dir", "manual_dir")


def data_options(given: dict, run: Path | None, held_out: str | None) -> dict:
    """What is known of the data set, by the flags or else by the run's.

    Args:
        given: the values of `DATA_FLAGS` by their names, None where nothing was said.
        run: the run folder of the generator, None if it has none.
        held_out: the value of --held_out, None where nothing was said.

    Returns:
        The values of `DATA_FLAGS` by their names.

    Raises:
        ValueError: if neither names a data set.
        FileNotFoundError: if a folder of pictures is not there.
    """
    options = dict(given)
    if run is not None and options["dataset"] is None:
        written = flags_of_run(run / "flags.txt")
        options = {name: options[name] or written.get(name) for name in DATA_FLAGS}
    if options["dataset"] is None:
        raise ValueError(
            "Against which real images? Give --dataset=digits, --dataset=folder:<path> or the name "
            "of a TensorFlow Datasets set, the one that the generator was trained on."
        )
    for name in (options["dataset"], held_out or ""):
        folder = name.removeprefix("folder:")
        if folder != name and not Path(folder).is_dir():
            raise FileNotFoundError(f"There is no folder {folder}. Received: {name}.")
    if options["image_size"] is not None:
        options["image_size"] = int(options["image_size"])
    return options


def flags_of_run(path: Path) -> dict[str, str]:
    """The flags that a run has written down, by their names; nothing where it has not."""
    if not path.is_file():
        return {}
    pairs = (line.removeprefix("--").partition("=") for line in path.read_text().splitlines())
    return {name: value for name, _, value in pairs}


def load_images(options: dict, held_out: str | None) -> tuple:
    """The data set, and images that the generator was not trained on, None if there are none.

    Args:
        options: of `data_options`.
        held_out: the value of --held_out, None where nothing was said.

    Returns:
        (training images, held-out images or None), both `kgan.data.Images`.
    """
    from kgan import data

    name, rest = options["dataset"], {key: options[key] for key in DATA_FLAGS[1:]}
    training = data.load(name, **rest)
    if held_out is None:
        # The digits in the package are MNIST's test images.
        trained_on_test = "test" in (rest["split"] or "")
        if name.partition(":")[0] != "mnist" or trained_on_test:
            return training, None
        held_out = "digits"
    if held_out.startswith("split:"):
        return training, data.load(name, **{**rest, "split": held_out.removeprefix("split:")})
    return training, data.load(held_out, image_size=rest["image_size"])
