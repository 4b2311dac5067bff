"""Generators in files of every kind, opened for sampling: seeds in, pictures out.

A source is called with a list of seeds, a list of labels (None for a generator without classes) and
a truncation or None, and returns a Pillow image for each seed. Its attributes:

    conditional: bool, whether it takes labels.
    truncates: bool, whether it takes a truncation.
    refusal: the exceptions by which it refuses a label that it does not know.

Each class imports what its own kind of file needs and nothing else: TensorFlow for a SavedModel,
ai_edge_litert for a .tflite file, onnxruntime for an .onnx file, kgan for a .keras file.
"""

from pathlib import Path

from pictures import picture
from PIL import Image


def find_source(path: Path) -> Path:
    """The file, or the folder of a version, that a path stands for.

    Args:
        path: a .keras, .tflite or .onnx file, a run folder, a version's folder or the folder of the
            versions, of which the newest is taken.

    Raises:
        FileNotFoundError: nothing of that kind is there.
        ValueError: a .keras file is damaged.
    """
    if path.is_dir() and (path / "gan.keras").is_file():
        path = path / "gan.keras"
    if path.suffix == ".keras" and path.is_file():
        from generator_file import find_generator

        return find_generator(path)
    if path.suffix in OTHER_FILES and path.is_file():
        return path
    if (path / "saved_model.pb").is_file():
        return path
    versions = [folder for folder in path.glob("*/") if is_version(folder)]
    if not versions:
        raise FileNotFoundError(
            f"{path} is no .keras, .tflite or .onnx file and no run folder, and it holds no "
            "exported version, <number>/saved_model.pb. "
            "Export first: python tools/export.py --run_dir=<run folder>"
        )
    return max(versions, key=lambda folder: int(folder.name))


def is_version(folder: Path) -> bool:
    """Whether a folder is a version's, as model servers see it."""
    return folder.name.isdecimal() and (folder / "saved_model.pb").is_file()


def open_source(path: Path):
    """Load the generator at a path of `find_source`.

    Raises:
        ValueError: a package is missing, or the file is damaged or of another program.
    """
    try:
        if path.suffix == ".keras":
            # Its own errors say what is wrong with the file.
            return KerasSource(path)
        return _open_exported(path)
    except ModuleNotFoundError as error:
        raise ValueError(f"{path} needs the package {error.name}. Install it.") from error


def _open_exported(path: Path):
    kind = SavedModelSource if path.is_dir() else OTHER_FILES[path.suffix]
    try:
        return kind(path)
    except ModuleNotFoundError:
        raise
    # Each loader has errors of its own for a damaged file.
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path} cannot be loaded: {reason}") from error


class SavedModelSource:
    """A generator in a version's folder, which draws its latents itself."""

    def __init__(self, folder: Path):
        import tensorflow as tf

        # The signatures only borrow the variables of what was loaded, which must be kept.
        self._loaded = tf.saved_model.load(str(folder))
        inputs = self._loaded.signatures["generate"].structured_input_signature[1]
        self.conditional = "label" in inputs
        self.truncates = "generate_truncated" in self._loaded.signatures
        self.refusal = tf.errors.InvalidArgumentError

    def __call__(self, seeds, labels, truncation) -> list[Image.Image]:
        import tensorflow as tf

        inputs = {"seed": tf.constant(seeds, tf.int64)}
        if labels is not None:
            inputs["label"] = tf.constant(labels, tf.int32)
        if truncation is not None:
            inputs["truncation"] = tf.fill([len(seeds)], float(truncation))
        name = "generate" if truncation is None else "generate_truncated"
        images = self._loaded.signatures[name](**inputs)["images"].numpy()
        return [picture(image.shape, image.tobytes()) for image in images]


class KerasSource:
    """A kgan.GAN or a plain generator in a .keras file, with the latents of its SavedModel."""

    truncates = True
    refusal = ValueError

    def __init__(self, path: Path):
        from generator_file import load_generator

        from kgan.export import float32_twin
        from kgan.export.interface import read_interface

        generator, num_classes = load_generator(path)
        # What is exported, so that a file and its export give the same images.
        self._generator = float32_twin(generator)
        self._interface = read_interface(generator, num_classes)
        self.conditional = self._interface.num_classes is not None

    def __call__(self, seeds, labels, truncation) -> list[Image.Image]:
        import keras

        from kgan.sampling import truncated

        # Row by row, as exports do: an image depends on its own seed alone.
        shape = (1, self._interface.latent_dim)
        rows = [keras.random.normal(shape, seed=seed) for seed in seeds]
        inputs = truncated(keras.ops.concatenate(rows), truncation)
        if labels is not None:
            # Keras looks up what lies beyond the last class without a word on a GPU.
            if not max(labels) < self._interface.num_classes:
                raise ValueError(f"label must be below {self._interface.num_classes}.")
            inputs = [inputs, keras.ops.convert_to_tensor(labels, "int32")]
        images = keras.ops.convert_to_numpy(self._generator(inputs, training=False))
        return pictures_of(images)


class TFLiteSource:
    """A generator in a .tflite file, for which NumPy draws the latents."""

    truncates = False
    refusal = RuntimeError

    def __init__(self, path: Path):
        from ai_edge_litert.interpreter import Interpreter

        self._runner = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
        inputs = self._runner.get_input_details()
        self._latent_dim = int(inputs["latents"]["shape"][-1])
        self.conditional = "label" in inputs

    def __call__(self, seeds, labels, truncation) -> list[Image.Image]:
        inputs = numpy_inputs(seeds, labels, self._latent_dim)
        return pictures_of(self._runner(**inputs)["images"])


class OnnxSource:
    """A generator in an .onnx file, for which NumPy draws the latents."""

    truncates = False

    def __init__(self, path: Path):
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        options = onnxruntime.SessionOptions()
        # Only what ends it: it reports every refused label too, which comes as an exception.
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        inputs = {each.name: each for each in self._session.get_inputs()}
        self._latent_dim = int(inputs["latents"].shape[-1])
        self.conditional = "label" in inputs
        self.refusal = (errors.InvalidArgument, errors.Fail, errors.RuntimeException)

    def __call__(self, seeds, labels, truncation) -> list[Image.Image]:
        inputs = numpy_inputs(seeds, labels, self._latent_dim)
        return pictures_of(self._session.run(["images"], inputs)[0])


OTHER_FILES = {".tflite": TFLiteSource, ".onnx": OnnxSource}


def numpy_inputs(seeds, labels, latent_dim: int) -> dict:
    """Named arrays for a file that takes latents: a row of them for each seed."""
    import numpy as np

    rows = [np.random.default_rng(seed).standard_normal(latent_dim, "float32") for seed in seeds]
    inputs = {"latents": np.stack(rows)}
    if labels is not None:
        inputs["label"] = np.asarray(labels, "int32")
    return inputs


def pictures_of(images) -> list[Image.Image]:
    """Pictures of a float array (n, height, width, channels) in [-1, 1]."""
    import numpy as np

    pixels = np.rint((np.clip(images, -1.0, 1.0) + 1.0) * 127.5).astype("uint8")
    return [picture(image.shape, image.tobytes()) for image in pixels]
