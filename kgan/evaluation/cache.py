"""Features on the disk: those of the same images through the same extractor, made once."""

import hashlib
import os
import warnings
from pathlib import Path

import numpy as np

from kgan._utils.arrays_file import ArraysFile
from kgan._utils.arrays_file import write_arrays
from kgan.features.extractor import Extractor
from kgan.features.extractor import Features

# A part of every key, to be changed whenever what an extractor is given of the same pixels does.
_PREPROCESSING = "kgan features 1: float32, pixels / 127.5 - 1"


class FeatureCache:
    """Files of features in one folder, each named by what it holds the features of.

    A file holds its key and checksums. One that is damaged, cut short or renamed is never used.
    Several processes may use one folder at the same time: a file is there whole or not at all.

    Args:
        folder: where the files are. It is made if it is missing.

    Raises:
        NotADirectoryError: if `folder` is a file.

    Example:
        >>> cache = FeatureCache("~/.cache/kgan")
        >>> key = key_of(pixels, extractor)
        >>> features = cache.load(key)
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder).expanduser()
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(
                f"cache_dir must be a folder for files of features. Received: {folder}, a file."
            )
        # At once, so that a folder that cannot be made is no surprise after the work.
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """Where the features of a key lie, or would."""
        return self.folder / f"{key}.features"

    def load(self, key: str) -> Features | None:
        """The features of a key, None if they are not there.

        A file that is not what was written warns, and counts as not there.

        Args:
            key: str, of `key_of`.

        Returns:
            A `Features`, or None.
        """
        try:
            with ArraysFile(self.path(key)) as file:
                if file.header.get("key") == key:
                    arrays = file.arrays()
                    return Features(arrays["features"], arrays.get("probabilities"))
        except FileNotFoundError:
            return None
        except ValueError:
            # Damaged, or foreign: the warning is that for the features of something else.
            pass
        warnings.warn(
            f"The features in {self.path(key)} are damaged, or those of something else. They are "
            "not used but made again.",
            # Whoever made the Evaluator.
            stacklevel=4,
        )
        return None

    def save(self, key: str, features: Features) -> None:
        """Keep the features of a key.

        Args:
            key: str, of `key_of`.
            features: a `Features`.
        """
        arrays = [(name, array) for name, array in features._asdict().items() if array is not None]
        write_arrays(self.path(key), {"key": key}, arrays)


def key_of(pixels: np.ndarray, extractor: Extractor) -> str:
    """What features depend on, as one SHA-256 in hexadecimal.

    Args:
        pixels: uint8 array (images, height, width, channels).
        extractor: what is to look at them.

    Returns:
        A string of 64 digits: equal for equal pixels, an equal extractor and an equal treatment of
        the pixels before it.
    """
    digest = hashlib.sha256(f"{_PREPROCESSING} {extractor.fingerprint} {pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels))
    return digest.hexdigest()
