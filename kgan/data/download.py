"""Preparing a TFDS dataset from its original files, downloaded or put into a folder by hand."""

import os
import urllib.error
from pathlib import Path

_SHOWN = 12


def prepare(builder, manual_dir: str | os.PathLike | None = None) -> None:
    """Download a dataset's files, or take them from a folder, and convert them for TFDS.

    Args:
        builder: TFDS dataset builder, not prepared yet.
        manual_dir: folder with the original files; by default <data_dir>/downloads/manual/<name>.

    Raises:
        FileNotFoundError: if files are neither there nor can be downloaded.
        ValueError: if a file is not the one that TFDS knows.
    """
    import requests
    import tensorflow_datasets as tfds

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
    except (
        requests.RequestException,
        urllib.error.URLError,
        tfds.core.download.DownloadError,
    ) as error:
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
