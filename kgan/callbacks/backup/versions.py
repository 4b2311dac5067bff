"""The versions that a backup was written with, and how they differ from those of now."""

import importlib.metadata

import keras

from kgan._version import __version__


def versions() -> dict[str, str | None]:
    """The versions of everything that a training's numbers depend on.

    Returns:
        dict of names and versions; None for what is not installed under a known name.
    """
    return {"kgan": __version__, "keras": keras.__version__, "tensorflow": _tensorflow_version()}


def changed_versions(before: dict) -> list[str]:
    """In which versions this process differs from a backup.

    Args:
        before: what `versions` returned then.

    Returns:
        List of phrases such as "keras 3.12.0, and this is 3.13.0".
    """
    return [
        f"{name} {before.get(name)}, and this is {version}"
        for name, version in versions().items()
        if before.get(name) != version
    ]


def _tensorflow_version() -> str | None:
    for distribution in ("tensorflow", "tensorflow-cpu"):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
