"""Open a .keras file, and say in one line what is wrong with it."""

import importlib
import importlib.util
import re
import sys
import zipfile
from pathlib import Path

from absl import flags

flags.DEFINE_list(
    "imports",
    [],
    "Modules or .py files to import before a .keras file is opened: they register its own layers "
    "with @keras.saving.register_keras_serializable().",
)
flags.DEFINE_bool(
    "safe_mode",
    True,
    "Whether a .keras file may not bring Python code, in Lambda layers. Off only for your own.",
)


def check_keras_file(path: Path) -> None:
    """Raise ValueError for what can be told to be no whole .keras file without TensorFlow."""
    # Keras calls a file that was cut short "not found".
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is damaged or no .keras file: it is no whole zip archive. Copy it anew."
        )
    if "config.json" not in zipfile.ZipFile(path).namelist():
        raise ValueError(f"{path} is no .keras file: the archive holds no config.json.")


def load_keras_file(path: Path):
    """The keras model in a .keras file, not compiled.

    Args:
        path: a file that `check_keras_file` found whole.

    Raises:
        ValueError: a weight or the config is damaged, a class is not registered, or it holds Python
            code while --safe_mode is on.
        ImportError: a module of --imports cannot be imported.
    """
    import keras

    import kgan  # noqa: F401  Registers the classes that the file names.

    for name in flags.FLAGS.imports:
        _import(name)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=flags.FLAGS.safe_mode)
    except Exception as error:
        raise ValueError(f"{path} cannot be loaded: {_reason(error)}") from error


def _import(name: str) -> None:
    try:
        if not name.endswith(".py"):
            importlib.import_module(name)
            return
        spec = importlib.util.spec_from_file_location(Path(name).stem, name)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    # A module may fail in any way of its own.
    except Exception as error:
        raise ImportError(
            f"--imports={name} cannot be imported: {type(error).__name__}: {error}"
        ) from error


def _reason(error: BaseException) -> str:
    """What is wrong and what to do, without the configs that Keras prints before and after."""
    unknown = re.search(r"Could not locate (?:class|function) '([^']+)'", str(error))
    if unknown:
        return (
            f"it needs {unknown[1]!r}, which is not registered. Decorate its definition with "
            "@keras.saving.register_keras_serializable() and name the module or file that holds "
            "it: --imports=<module or file.py>."
        )
    if "safe_mode" in str(error):
        return (
            "it brings Python code, which loading would run. Write the layer as a class instead of "
            "a lambda; or, if the file is your own, say --nosafe_mode."
        )
    message = str(error).rpartition("Exception encountered: ")[2]
    lines = message.partition(" Full object config:")[0].splitlines()
    return lines[0] if lines else type(error).__name__
