"""What looks at the images of an evaluation: the extractor of a flag, or the one that fits."""

from pathlib import Path

# Data sets for which the package holds a trained extractor; what comes after is a version.
_SHIPPED = {"digits": "digits", "mnist": "digits", "fashion_mnist": "fashion"}


def check_extractor(name: str | None) -> None:
    """Raise unless the value of --extractor is a known word or a file that is there."""
    if name in (None, "digits", "fashion", "classifier"):
        return
    path = Path(name.removeprefix("inception:"))
    if path.suffix != ".keras" and path == Path(name):
        raise ValueError(
            "--extractor must be 'digits', 'fashion', 'inception:<path>', '<path>.keras' or "
            f"'classifier'. Received: --extractor={name}."
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}. Received: --extractor={name}.")


def shipped_extractor(dataset: str, image_shape) -> str | None:
    """The name of the package's own extractor for a data set, None if there is none.

    Args:
        dataset: a value of --dataset.
        image_shape: (height, width, channels).
    """
    # After the colon of a TFDS name comes its version, after that of "idx:" a folder.
    word = Path(dataset).name if dataset.startswith("idx:") else dataset.partition(":")[0]
    return _SHIPPED.get(word.removeprefix("idx:")) if tuple(image_shape) == (28, 28, 1) else None


def choose_extractor(name: str | None, training, dataset: str, *, cache_dir: Path):
    """The extractor of --extractor, or the one for the data set.

    Args:
        name: the value of --extractor, None where nothing was said.
        training: the `kgan.data.Images` that the generator was trained on.
        dataset: the value of --dataset that they come from.
        cache_dir: where a classifier that is trained for them is kept.

    Returns:
        A `kgan.features.Extractor`.

    Raises:
        ValueError: if there is none for it.
    """
    from kgan import features
    from kgan.features.by_name import get

    if name is None:
        name = shipped_extractor(dataset, training.image_shape) or "classifier"
        if name == "classifier" and training.labels is None:
            raise ValueError(
                f"{training.name!r} has no labels, so no classifier can be trained to look at its "
                "images. Name one: --extractor=inception:<path> for colour, digits or fashion for "
                "28x28 grey images, or a .keras file."
            )
    if name == "classifier":
        return features.train_classifier(
            training.images,
            training.labels,
            num_classes=training.num_classes,
            cache_dir=cache_dir,
        )
    return get(name, image_shape=tuple(training.image_shape))
