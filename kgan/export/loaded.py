"""What was exported, opened again: a generator to call, whatever its file format."""

import os
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

from kgan._utils.checks import is_integer
from kgan.export.graph_checks import WITHIN
from kgan.export.graph_checks import doubtful_operation
from kgan.export.publish import versions
from kgan.export.signatures import LATENTS_TO_IMAGES


class ExportedGenerator:
    """A generator from an exported file, called as a keras generator is.

    Args:
        path: the version's folder, or the .tflite or .onnx file.
        function: of named arrays, latents and, where it takes them, label; returns the images.
        inputs: dict of the shape of each input by its name.
        outputs: the names of what `function` computes.
        refusal: the exception that `function` raises for a label out of range.

    Attributes:
        latent_dim: int, width of the latents.
        conditional: bool, whether it takes labels.

    Example:
        >>> generator = load_exported("exported/digits")
        >>> sampling.generate(generator, 16, latent_dim=generator.latent_dim, num_classes=10)
    """

    def __init__(
        self,
        path: Path,
        function: Callable,
        inputs: dict,
        outputs: Iterable[str],
        refusal: type[Exception],
    ):
        if {*inputs} not in ({"latents"}, {"latents", "label"}) or "images" not in outputs:
            raise ValueError(
                "it is no generator of images from latents, or from latents and label. Its inputs: "
                f"{', '.join(inputs) or 'none'}. Its outputs: {', '.join(outputs) or 'none'}"
            )
        shape = tuple(inputs["latents"])
        # An ONNX file gives names to sizes that it leaves open.
        if len(shape) != 2 or not is_integer(shape[1]) or shape[1] < 1:
            raise ValueError(f"its latents have no fixed width. Their shape: {shape}")
        self.path = path
        self.latent_dim = int(shape[1])
        self.conditional = "label" in inputs
        self._function = function
        self._refusal = refusal

    def __call__(self, inputs, training: bool = False) -> np.ndarray:
        """Images of latents.

        Args:
            inputs: latents, float (n, latent_dim), or [latents, labels] with labels int (n,).
            training: False. An export has no other mode.

        Returns:
            float32 array, (n, height, width, channels), in [-1, 1].

        Raises:
            ValueError: if a label is out of range, or there are labels where there should be none.
        """
        latents, labels = inputs if isinstance(inputs, (list, tuple)) else (inputs, None)
        if (labels is not None) != self.conditional:
            expected = "[latents, labels]" if self.conditional else "latents alone"
            received = "latents alone" if labels is None else "[latents, labels]"
            raise ValueError(f"{self.path} takes {expected}. Received: {received}.")
        try:
            return self.images_of(latents, labels)
        except self._refusal as error:
            if labels is None:
                raise
            raise ValueError(
                f"{self.path} refuses labels from {np.min(labels)} to {np.max(labels)}. It knows "
                "fewer classes."
            ) from error

    def images_of(self, latents, labels=None) -> np.ndarray:
        """Images of latents, and the engine's own errors.

        Args:
            latents: float array, (n, latent_dim).
            labels: int array, (n,), where the generator takes labels.

        Returns:
            float32 array, (n, height, width, channels).
        """
        named = {"latents": np.asarray(latents, "float32")}
        if labels is not None:
            named["label"] = np.asarray(labels, "int32")
        return np.asarray(self._function(**named))

    def knows(self, label: int) -> bool:
        """Whether the generator has a class of this number."""
        try:
            self([np.zeros((1, self.latent_dim), "float32"), [label]])
        except ValueError:
            return False
        return True


def load_exported(
    path: str | os.PathLike, *, threads: int | None = None, safe_mode: bool = True
) -> ExportedGenerator:
    """Open what `export_generator` wrote, for comparing and measuring it in Python.

    Args:
        path: a .tflite or .onnx file, a version's folder, or the folder of the versions, of which
            the newest is taken.
        threads: int, how many cores run a .tflite or .onnx file; None, the default, for all.
        safe_mode: bool, whether to refuse a SavedModel that would do more than compute images, such
            as read or write files: it is a program, which runs with your rights.

    Returns:
        An `ExportedGenerator`.

    Raises:
        FileNotFoundError: nothing exported is there.
        ImportError: it is an .onnx file, and onnxruntime is not installed.
        ValueError: it is damaged, has not the signature `serving_default` of latents to images, or
            does more than that in safe mode.

    Example:
        >>> load_exported("exported/digits/digits.tflite")
    """
    path = find_exported(path)
    try:
        found = doubtful_operation(path, WITHIN) if safe_mode and path.is_dir() else None
        if found is None:
            return _OPENERS.get(path.suffix, _open_saved_model)(path, threads or os.cpu_count())
    except ImportError:
        raise
    # Each loader has errors of its own for a damaged file.
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{path} cannot be opened: {reason.rstrip('.')}. It is damaged, or kgan has not "
            "exported it. Export it anew."
        ) from error
    raise ValueError(
        f"{path} {found}. Expected: a generator, which only computes images. If you made "
        "the file, or trust whoever did, open it with safe_mode=False."
    )


def find_exported(path: str | os.PathLike) -> Path:
    """The file or the version's folder that a path stands for.

    Args:
        path: as in `load_exported`.

    Returns:
        The path itself, or that of the newest version in it.

    Raises:
        FileNotFoundError: nothing exported is there.
    """
    path = Path(path)
    if path.suffix in _OPENERS and path.is_file():
        return path
    if (path / "saved_model.pb").is_file():
        return path
    found = versions(path)
    if not found:
        raise FileNotFoundError(
            f"{path} is no .tflite or .onnx file and holds no exported version, "
            "<number>/saved_model.pb. Export first, with gan.export(path)."
        )
    return max(found, key=lambda folder: int(folder.name))


def _open_saved_model(folder: Path, threads: int) -> ExportedGenerator:
    # TensorFlow's threads are those of the process.
    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures[LATENTS_TO_IMAGES]
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs

    def images(**named):
        # The signature only borrows the variables of `loaded`, which this function keeps.
        signature = loaded.signatures[LATENTS_TO_IMAGES]
        return signature(**{name: tf.constant(value) for name, value in named.items()})["images"]

    shapes = {name: spec.shape for name, spec in inputs.items()}
    return ExportedGenerator(folder, images, shapes, outputs, tf.errors.InvalidArgumentError)


def _open_tflite(path: Path, threads: int) -> ExportedGenerator:
    # The successor of tf.lite.Interpreter, which TensorFlow is about to drop.
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    runner = interpreter.get_signature_runner(LATENTS_TO_IMAGES)
    shapes = {name: each["shape"] for name, each in runner.get_input_details().items()}
    return ExportedGenerator(
        path,
        lambda **named: runner(**named)["images"],
        shapes,
        runner.get_output_details(),
        RuntimeError,
    )


def _open_onnx(path: Path, threads: int) -> ExportedGenerator:
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "Running an ONNX file takes onnxruntime: pip install onnxruntime"
        ) from error
    from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # An error, such as a label out of range, comes as an exception: it need not be printed too.
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    shapes = {each.name: each.shape for each in session.get_inputs()}
    return ExportedGenerator(
        path,
        lambda **named: session.run(["images"], named)[0],
        shapes,
        [each.name for each in session.get_outputs()],
        InvalidArgument,
    )


_OPENERS = {".tflite": _open_tflite, ".onnx": _open_onnx}
