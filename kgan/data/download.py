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
    _check_manual_files(builder, manual_dir)
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
        raise FileNotFoundError(_cannot_be_downloaded(builder, manual_dir, error)) from error


def missing_files(builder, manual_dir: Path) -> dict[str, str]:
    """What would have to be downloaded.

    Args:
        builder: TFDS dataset builder.
        manual_dir: folder in which original files may lie.

    Returns:
        Dict from the address of each file that is not there to its name.
    """
    known = builder.url_infos or {}
    names = {url: info.filename or url.rsplit("/", 1)[-1] for url, info in known.items()}
    return {url: name for url, name in names.items() if not (manual_dir / name).exists()}


def _cannot_be_downloaded(builder, manual_dir: Path, error: Exception) -> str:
    missing = missing_files(builder, manual_dir)
    lines = [f"  {name}  {address}" for address, name in missing.items()]
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"  and {len(lines) - _SHOWN} more"]
    return (
        f"The dataset {builder.name!r} is not prepared in {builder.data_dir}, and its files cannot "
        f"be downloaded: {error}. Missing in {manual_dir}:\n" + "\n".join(lines) + "\n"
        "Put these files there, or name the folder that holds them with manual_dir. Or copy the "
        f"prepared folder {builder.data_dir} from another machine, or name the data_dir where it "
        "is prepared. Or connect to the network. The dataset 'digits' needs no download."
    )


def _check_manual_files(builder, manual_dir: Path) -> None:
    instructions = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    if instructions and not (manual_dir.is_dir() and any(manual_dir.iterdir())):
        raise FileNotFoundError(
            f"The dataset {builder.name!r} is not prepared in {builder.data_dir}, and its files "
            f"must be downloaded by hand. Put them into {manual_dir}, or name the folder that "
            f"holds them with manual_dir. TFDS says: {' '.join(instructions.split())}"
        )
