"""Preparing a TFDS dataset: an answer at once where TFDS would retry for minutes."""

import http.client
import os
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

# Seconds until a host that does not answer counts as out of reach, its name's look-up included.
TIMEOUT = 4.0

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
    import tensorflow_datasets as tfds

    downloads = Path(builder.data_dir_root) / "downloads"
    manual_dir = Path(manual_dir or downloads / "manual" / builder.name).expanduser()
    _check_manual_files(builder, manual_dir)
    _check_downloads(builder, manual_dir)
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


def unreachable_reason(url: str, timeout: float = TIMEOUT) -> str | None:
    """Ask the host of an address for anything at all.

    Args:
        url: http, https or ftp address. Proxies in the environment are used.
        timeout: seconds.

    Returns:
        None if the host answers, if only with an error; otherwise why not.
    """
    outcome = []
    # Looking up a name may take longer than any timeout of the connection: hence the thread.
    probe = threading.Thread(target=lambda: outcome.append(_probe(url, timeout)), daemon=True)
    probe.start()
    probe.join(timeout)
    return outcome[0] if outcome else f"no answer within {timeout:g} s"


def _probe(url: str, timeout: float) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=timeout):
            return None
    except urllib.error.HTTPError:
        return None
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(getattr(error, "reason", error))


def _check_downloads(builder, manual_dir: Path) -> None:
    missing = missing_files(builder, manual_dir)
    if not missing:
        return
    url = next(iter(missing))
    reason = unreachable_reason(url)
    if reason is None:
        return
    lines = [f"  {name}  {address}" for address, name in missing.items()]
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"  and {len(lines) - _SHOWN} more"]
    raise FileNotFoundError(
        f"The dataset {builder.name!r} is not prepared in {builder.data_dir}, and its files cannot "
        f"be downloaded: {urllib.parse.urlsplit(url).hostname} cannot be reached ({reason}). "
        f"Missing in {manual_dir}:\n" + "\n".join(lines) + "\n"
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
