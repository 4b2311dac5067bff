"""Images by one word, for command lines."""

import inspect
from typing import Any

from kgan.data.folder import from_folder
from kgan.data.idx import from_idx
from kgan.data.mnist import digits
from kgan.data.store import Images
from kgan.data.tfds import from_tfds

# What stands before the path to a folder.
_READERS = {"folder": from_folder, "idx": from_idx}


def load(name: str, **options: Any) -> Images:
    """Take images from the source that a name stands for.

    Args:
        name: "digits" for the embedded digits, "folder:PATH" for a folder of images, "idx:PATH"
            for a folder with MNIST's published files or others in that form, or the name of a TFDS
            dataset, such as "mnist" or "cifar10".
        **options: the options of `digits`, `from_folder`, `from_idx` or `from_tfds`. Those that are
            None count as not given.

    Returns:
        The images as `Images`.

    Raises:
        ValueError: if a path is given without "folder:" or "idx:", or an option does not apply to
            this source; and what the sources raise.

    Example:
        >>> kgan.data.load("folder:photos", image_size=64)
    """
    if not isinstance(name, str) or name in ("", "folder:", "idx:"):
        raise ValueError(
            "A dataset is named 'digits', 'folder:PATH', 'idx:PATH' or by its name in TFDS, such "
            f"as 'mnist'. Received: {name!r}."
        )
    if name.startswith(("/", "./", "../", "~")):
        raise ValueError(
            f"A folder of images is named 'folder:PATH'. Received: {name!r}. Say 'folder:{name}'."
        )
    options = {option: value for option, value in options.items() if value is not None}
    reader, colon, path = name.partition(":")
    source, arguments = from_tfds, [name]
    if name == "digits":
        source, arguments = digits, []
    elif colon and reader in _READERS:
        source, arguments = _READERS[reader], [path]
    parameters = inspect.signature(source).parameters.values()
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(
            f"{', '.join(unknown)} does not apply to the dataset {name!r}. "
            f"Its options are {', '.join(known)}."
        )
    return source(*arguments, **options)
