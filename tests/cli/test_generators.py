"""A generator is opened from its file, or it is said in one line why not."""

import math
import random
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.cli import generators
from kgan.cli.command import Flags


def open_generator(path, *arguments):
    """Open a generator with some flags."""
    flags = Flags()
    generators.define(flags, "run_dir", "a folder")
    flags(["evaluate", "--model=m", *arguments])
    return generators.open_generator(Path(path), flags)


@pytest.mark.parametrize("classes", [1, 2, 3, 4, 7, 1000])
def test_classes_are_counted_by_few_questions(classes):
    asked = []
    assert generators.count_classes(lambda label: asked.append(label) or label < classes) == classes
    assert len(asked) <= 2 * math.log2(classes) + 3


def test_a_generator_that_refuses_every_label_is_refused():
    with pytest.raises(ValueError, match="refuses every label"):
        generators.count_classes(lambda label: False)


OWN_LAYER = """
import keras


@keras.saving.register_keras_serializable("mine")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs
"""


def test_own_layers_are_imported_from_a_file(forks, tmp_path, monkeypatch):
    # What it leaves in sys.path goes again.
    monkeypatch.syspath_prepend(tmp_path / "unused")
    monkeypatch.chdir(tmp_path)
    Path("own_layers.py").write_text(OWN_LAYER)
    # In a process of its own, so that this one does not know the layer.
    Path("make.py").write_text(
        "import keras, own_layers; z = keras.Input((5,));"
        "x = keras.layers.Reshape((2, 2, 1))(keras.layers.Dense(4)(own_layers.Doubled()(z)));"
        "keras.Model(z, x).save('mine.keras')"
    )
    assert forks.run(tmp_path / "make.py", folder=tmp_path).returncode == 0
    with pytest.raises(ValueError, match=r"mine\.keras cannot be loaded") as error:
        open_generator("mine.keras")
    assert str(error.value) == (
        "mine.keras cannot be loaded: it needs 'Doubled', which is not registered. Decorate its "
        "definition with @keras.saving.register_keras_serializable() and say "
        "--imports=<module or file.py>."
    )
    with pytest.raises(ImportError, match=r"There is no file .*other_layers\.py"):
        open_generator("mine.keras", "--imports=other_layers.py")
    # There is a module of that name, which stays what it is.
    Path("own_layers.py").rename("random.py")
    for _ in range(2):
        found = open_generator("mine.keras", "--imports=random.py")
        assert (found.latent_dim, found.num_classes, found.image_shape) == (5, None, (2, 2, 1))
    assert sys.modules["random"] is random


def test_python_code_in_a_file_runs_only_if_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    latents = keras.Input((4,))
    images = keras.layers.Reshape((2, 2, 1))(keras.layers.Lambda(lambda x: 2 * x)(latents))
    keras.Model(latents, images).save("mine.keras")
    with pytest.raises(ValueError, match=r"mine\.keras cannot be loaded") as error:
        open_generator("mine.keras")
    assert str(error.value) == (
        "mine.keras cannot be loaded: it brings Python code, which loading would run. Write the "
        "layer as a class, not a lambda; or, if the file is your own, say --nosafe_mode."
    )
    assert open_generator("mine.keras", "--nosafe_mode").image_shape == (2, 2, 1)


def test_an_export_that_reads_files_is_opened_only_as_its_refusal_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("shift").write_text("1")
    module = tf.Module()

    def reading(latents):
        shift = tf.strings.to_number(tf.io.read_file("shift"))
        return {"images": tf.reshape(latents, (-1, 2, 2, 1)) + shift}

    module.serve = tf.function(reading, [tf.TensorSpec((None, 4), tf.float32, "latents")])
    tf.saved_model.save(module, "1", signatures={"serving_default": module.serve})
    with pytest.raises(ValueError, match="1 holds the operation ReadFile") as error:
        open_generator("1")
    (advice,) = re.findall(r"open it with (\S+)\.$", str(error.value))
    assert open_generator("1", f"--{advice}").image_shape == (2, 2, 1)
    Path("shift").write_text("one")
    with pytest.raises(ValueError, match=r"^1 makes no images of latents: .*StringToNumber"):
        open_generator("1", f"--{advice}")


@pytest.mark.parametrize(
    ("made", "received"),
    [
        (np.zeros((1, 4), "float32"), "float32 of shape (1, 4)"),
        (np.zeros((1, 2, 2, 1), "uint8"), "uint8 of shape (1, 2, 2, 1)"),
    ],
)
def test_an_export_that_makes_no_images_is_refused(monkeypatch, made, received):
    class Exported:
        latent_dim, conditional = 4, False

        def __call__(self, latents):
            return made

    monkeypatch.setattr(generators, "load_exported", lambda path, safe_mode: Exported())
    message = f"a.onnx makes {received} from one latent vector. Expected: an image, floats (1, hei"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        open_generator("a.onnx")


def test_a_digest_is_of_all_files_of_a_folder_and_of_nothing_else(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "variables").mkdir(parents=True)
        (tmp_path / name / "saved_model.pb").write_text("graph")
        (tmp_path / name / "variables" / "data").write_text("weights")
    assert generators.digest(tmp_path / "a") == generators.digest(tmp_path / "b")
    (tmp_path / "b" / "variables" / "data").write_text("other")
    assert generators.digest(tmp_path / "a") != generators.digest(tmp_path / "b")
