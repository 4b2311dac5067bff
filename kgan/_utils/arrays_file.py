"""Arrays and a header of plain values in one file that tells whether it is whole.

Backups, shipped weights and cached features are such files. Each is an uncompressed or compressed
zip archive, which `numpy.load` opens too; the checksums are those of zip.
"""

import contextlib
import errno
import json
import os
import zipfile
from collections.abc import Iterable

import numpy as np

from kgan._utils.files import check_is_file
from kgan._utils.files import replacing

FORMAT = 1
_HEADER = "header.json"
_NAMES = "arrays.json"
# What a seek raises to where damaged bytes point, and what unpacking raises, which asks no disk.
_OF_DAMAGED_BYTES = (errno.EINVAL, None)


class DamagedFileError(ValueError):
    """A file is not what was written: cut short, or with other bytes."""


class ForeignFileError(ValueError):
    """A file is whole, and something else than arrays of this format."""


def write_arrays(
    path: str | os.PathLike,
    header: dict,
    arrays: Iterable[tuple[str, np.ndarray]],
    *,
    compress: bool = False,
) -> None:
    """Write a file that is whole or not there, array by array, without holding all of them.

    Args:
        path: the file, `.npz`.
        header: dict for JSON.
        arrays: pairs of a name and an array.
        compress: bool, for a smaller file that takes longer to write. Default False.

    Raises:
        OSError: if the disk does not take it. What was at `path` is untouched.
    """
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", method) as archive:
        _write_json(archive, _HEADER, {"format": FORMAT, **header})
        names = []
        for name, array in arrays:
            names.append(name)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                _write_array(member, np.asarray(array, order="C"))
        # The archive's own list has no checksum: one changed byte may hide the end of it.
        _write_json(archive, _NAMES, names)


class ArraysFile(contextlib.AbstractContextManager):
    """A file of `write_arrays`, all of whose checksums are right.

    Args:
        path: the file.

    Attributes:
        path: as given.
        header: dict.
        names: list of the arrays' names, in the order in which they were written.

    Raises:
        DamagedFileError: if it is not whole.
        ForeignFileError: if it is something else, or of another format.
        FileNotFoundError: if it is not there.
        OSError: if the disk does not give it. That says nothing about the file.

    Example:
        >>> with ArraysFile(path) as file:
        ...     weights = file.array("weights")
    """

    def __init__(self, path: str | os.PathLike):
        self.path = path
        try:
            check_is_file(path)
        except OSError as error:
            raise ForeignFileError(str(error)) from error
        with contextlib.ExitStack() as opened:
            file = opened.enter_context(open(path, "rb"))
            self._archive = self._read_archive(file)
            self.header, self.names = self._read_contents()
            # Nothing has failed: `close` closes it.
            self._opened = opened.pop_all()

    def __exit__(self, *exception):
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._opened.close()

    def array(self, name: str) -> np.ndarray:
        """One array.

        Args:
            name: as it was written.

        Returns:
            A NumPy array. A dtype that NumPy does not know, bfloat16, comes as bytes of its size.
        """
        with self._archive.open(f"{name}.npy") as member:
            return np.lib.format.read_array(member, allow_pickle=False)

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by their names, in the order in which they were written."""
        return {name: self.array(name) for name in self.names}

    def _read_archive(self, file) -> zipfile.ZipFile:
        try:
            archive = zipfile.ZipFile(file)
            damaged = archive.testzip()
        # What random bytes make zipfile raise is not written down anywhere.
        except Exception as error:
            if isinstance(error, OSError) and error.errno not in _OF_DAMAGED_BYTES:
                raise
            # What zipfile says ends with a full stop or without one.
            raise DamagedFileError(f"{self.path} is damaged: {str(error).rstrip('.')}.") from error
        if damaged is not None:
            raise DamagedFileError(f"{self.path} is damaged: wrong checksum of {damaged}.")
        return archive

    def _read_contents(self) -> tuple[dict, list[str]]:
        try:
            header = json.loads(self._archive.read(_HEADER))
        # A KeyError if it is not there, a ValueError for no JSON, or no text at all.
        except (KeyError, ValueError) as error:
            raise ForeignFileError(f"{self.path} was not written by kgan.") from error
        found = header.get("format") if isinstance(header, dict) else None
        if found != FORMAT:
            raise ForeignFileError(
                f"{self.path} has the format {found!r}, and this kgan reads {FORMAT}."
            )
        held = set(self._archive.namelist())
        names = json.loads(self._archive.read(_NAMES)) if _NAMES in held else []
        if _NAMES not in held or not {f"{name}.npy" for name in names} <= held:
            raise DamagedFileError(f"{self.path} is damaged: arrays are missing.")
        return header, names


def _write_json(archive: zipfile.ZipFile, name: str, content) -> None:
    # Not `writestr`, which adds the time: equal content makes equal files.
    with archive.open(name, "w") as member:
        member.write(json.dumps(content, sort_keys=True).encode())


def _write_array(file, array: np.ndarray) -> None:
    """As `numpy.lib.format.write_array`, which would copy the array."""
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    file.write(array.reshape(-1).view(np.uint8))
