"""Images to train on: each source is decoded once, into one store that feeds batches."""

from kgan.data.arrays import from_arrays
from kgan.data.by_name import load
from kgan.data.epochs import by_epoch
from kgan.data.folder import from_folder
from kgan.data.idx import from_idx
from kgan.data.mnist import digits
from kgan.data.store import Images
from kgan.data.tfds import from_tfds

__all__ = [
    "Images",
    "by_epoch",
    "digits",
    "from_arrays",
    "from_folder",
    "from_idx",
    "from_tfds",
    "load",
]
