"""Images from TensorFlow Datasets."""

import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import numpy as np

from kgan.data import memory
from kgan.data.resize import Resize
from kgan.data.store import Images

# Missing files that a message lists.
_SHOWN = 12

# tensorflow_datasets is imported where it is used: whoever brings other images should not wait
# for it.


def from_tfds(
    name: str,
    *,
    split: str = "train",
    image_size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    channels: int | None = None,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    memory_limit: int = memory.MEMORY_LIMIT,
) -> Images:
    """Read an image dataset of TensorFlow Datasets, downloading and preparing it at the first use.

    Without a connection a dataset can be prepared from its original files: put them, under the
    names that the error message lists, into `manual_dir`. Their checksums are verified. A prepared
    folder, `<data_dir>/<name>`, may also be copied from another machine.

    Args:
        name: str, "name", "name/config" or "name:version", such as "mnist".
        split: str, such as "train", "test", "train+test", "train[:1000]" or "train[:10%]".
        image_size: int or (height, width), the size to resize to, in pixels. None keeps the size,
            which then must be the same for all images.
        crop: int or (height, width), the central part to use before resizing.
        channels: 1 (grey) or 3 (colour) to convert to; None keeps the channels.
        data_dir: folder of prepared datasets; by default the environment variable TFDS_DATA_DIR, or
            ~/tensorflow_datasets.
        manual_dir: folder with the dataset's original files; by default
            <data_dir>/downloads/manual/<name>. Datasets whose files have equal names (mnist,
            fashion_mnist and kmnist have) need a folder each.
        memory_limit: bytes; if the decoded images need more, they are kept in a temporary file
            instead of in memory, in the folder that the environment variable TMPDIR names.

    Returns:
        The images, with labels and class names if the dataset has one class per image.

    Raises:
        FileNotFoundError: if the dataset is not prepared and its files can be neither found nor
            downloaded.
        ValueError: if there is no such dataset or split, if it has no images, or images of several
            sizes without `image_size`, or if the files in `manual_dir` are others.

    Example:
        >>> kgan.data.from_tfds("cifar10").batches(64)
    """
    resize = Resize(image_size=image_size, crop=crop, channels=channels)
    builder = _builder(name, data_dir)
    if not builder.is_prepared():
        prepare(builder, manual_dir)
    count = _count(builder, split)
    image_key, label_key = _keys(builder)
    labels = np.empty(count, np.int32)
    images = _images(builder, split, image_key, label_key, labels, resize)
    images = memory.collect(images, range(count), memory_limit)
    if label_key is None or labels.max() < 0:
        # TFDS gives the label -1 to every image of a split whose labels were not published.
        return Images(images, name=name)
    classes = builder.info.features[label_key]
    return Images(
        images, labels, num_classes=classes.num_classes, class_names=classes.names, name=name
    )


def _builder(name: str, data_dir):
    import tensorflow_datasets as tfds

    community, _, rest = name.partition(":")
    if rest and not rest[0].isdigit():
        raise ValueError(
            f"kgan reads TFDS's own datasets and prepared folders. Received: {name!r}, from the "
            f"community {community!r}. Prepare it with TFDS, and name its folder with data_dir."
        )
    try:
        return tfds.builder(name, data_dir=None if data_dir is None else os.fspath(data_dir))
    except tfds.core.registered.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        base = name.split("/")[0].split(":")[0]
        close = difflib.get_close_matches(base, known) or ["mnist", "fashion_mnist", "cifar10"]
        raise ValueError(
            f"There is no TFDS dataset {base!r}. The closest of its {len(known)} names: "
            f"{', '.join(close)}. All of them: tensorflow_datasets.list_builders(). The embedded "
            "digits are 'digits', a folder of images is 'folder:PATH'."
        ) from error
    except (ValueError, AssertionError) as error:
        raise ValueError(
            f"TFDS does not know {name!r}: {error} "
            "Expected: 'name', 'name/config' or 'name:version', such as 'mnist'."
        ) from error


def prepare(builder, manual_dir: str | os.PathLike | None = None) -> None:
    """Download a dataset's files, or take them from a folder, and convert them for TFDS.

    Args:
        builder: TFDS dataset builder, not prepared yet.
        manual_dir: folder with the original files; by default <data_dir>/downloads/manual/<name>.

    Raises:
        FileNotFoundError: if files are neither there nor can be downloaded.
        ValueError: if a file is not the one that TFDS knows.
    """
    import tensorflow_datasets as tfds
    from requests import RequestException

    downloads = Path(builder.data_dir_root) / "downloads"
    manual_dir = Path(manual_dir or downloads / "manual" / builder.name).expanduser()
    instructions = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    if instructions and not (manual_dir.is_dir() and any(manual_dir.iterdir())):
        raise FileNotFoundError(
            f"The dataset {builder.name!r} is not prepared in {builder.data_dir}, and its files "
            f"must be downloaded by hand. Put them into {manual_dir}, or name the folder that "
            f"holds them with manual_dir. TFDS says: {' '.join(instructions.split())}"
        )
    config = tfds.download.DownloadConfig(
        manual_dir=manual_dir,
        # TFDS names what it extracts by the file's name alone, and takes what is there: with one
        # folder for all, fashion_mnist would silently be made from MNIST's pixels.
        extract_dir=downloads / "extracted" / builder.name,
    )
    try:
        builder.download_and_prepare(download_config=config)
    except tfds.core.download.download_manager.NonMatchingChecksumError as error:
        raise ValueError(
            f"A file is not the original one of {builder.name!r}. {error}\n"
            f"Name the folder that holds the original files with manual_dir; it was {manual_dir}. "
            "Datasets whose files have equal names (mnist, fashion_mnist, kmnist) need one each."
        ) from error
    except (RequestException, URLError, tfds.core.download.DownloadError) as error:
        raise FileNotFoundError(
            f"The dataset {builder.name!r} is not prepared in {builder.data_dir}, and its files "
            f"cannot be downloaded: {error}. Missing in {manual_dir}:\n"
            f"{_missing_files(builder, manual_dir)}\n"
            "Put these files there, or name the folder that holds them with manual_dir. Or copy "
            f"the prepared folder {builder.data_dir} from another machine, or name the data_dir "
            "where it is prepared. Or connect to the network. The dataset 'digits' needs no "
            "download."
        ) from error


def _missing_files(builder, manual_dir: Path) -> str:
    """A line for each file that would have to be downloaded, with its address."""
    lines = []
    for address, info in (builder.url_infos or {}).items():
        name = info.filename or address.rsplit("/", 1)[-1]
        if not (manual_dir / name).exists():
            lines.append(f"  {name}  {address}")
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"  and {len(lines) - _SHOWN} more"]
    return "\n".join(lines)


def _count(builder, split: str) -> int:
    try:
        count = builder.info.splits[split].num_examples
    except (KeyError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{builder.name!r} has no split {split!r}. Its splits are "
            f"{', '.join(builder.info.splits)}; sums such as 'train+test' and parts such as "
            "'train[:1000]' or 'train[:10%]' are possible."
        ) from error
    if not count:
        raise ValueError(f"The split {split!r} of {builder.name!r} is empty. Choose a larger part.")
    return count


def _keys(builder) -> tuple[str, str | None]:
    """Names of the image and of the label among the features; those of as_supervised first."""
    import tensorflow_datasets as tfds

    # A dataset of bare tensors has no named features.
    features = dict(getattr(builder.info.features, "items", dict)())
    supervised = builder.info.supervised_keys or ()

    def keys_of(kind, usual: str) -> list[str]:
        found = [key for key in features if isinstance(features[key], kind)]
        preferred = [key for key in (*supervised, usual) if key in found]
        return preferred[:1] or found

    images = keys_of(tfds.features.Image, "image")
    if len(images) != 1 or features[images[0]].np_dtype != np.uint8:
        received = [f"{key} ({type(feature).__name__})" for key, feature in features.items()]
        raise ValueError(
            f"{builder.name!r} is no dataset of images. Expected: a feature 'image', or one only "
            f"feature of 8-bit images. Received the features: {', '.join(received)}."
        )
    labels = keys_of(tfds.features.ClassLabel, "label")
    return images[0], labels[0] if len(labels) == 1 else None


def _images(
    builder, split: str, image_key: str, label_key: str | None, labels: np.ndarray, resize: Resize
) -> Iterator[np.ndarray]:
    """The images of a split, resized; their labels are written into `labels`."""
    import tensorflow_datasets as tfds

    # The store holds the images; a cache would hold them a second time.
    dataset = builder.as_dataset(split=split, read_config=tfds.ReadConfig(try_autocache=False))
    pairs = dataset.map(lambda example: (example[image_key], example.get(label_key, -1)))
    for index, (image, label) in enumerate(pairs.as_numpy_iterator()):
        labels[index] = label
        try:
            pixels = resize.pixels(image)
        except ValueError as error:
            raise ValueError(f"Image {index}: {error}") from error
        yield pixels
