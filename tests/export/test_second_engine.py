"""An engine that shares no code with TensorFlow reads the exported SavedModel and agrees."""

import pytest

from kgan.export.interface import read_interface
from kgan.export.quality import difference_from_keras
from kgan.export.saved_model import write_saved_model

openvino = pytest.importorskip("openvino", reason="needs pip install openvino")

# Another order of additions, as in TFLite.
TOLERANCE = 1e-4


@pytest.mark.parametrize("num_classes", [pytest.param(None, marks=pytest.mark.slow), 3])
def test_openvino_reads_the_saved_model_and_gives_keras_images(
    build_generator, tmp_path, num_classes
):
    generator = build_generator(conditional=num_classes is not None)
    interface = read_interface(generator, num_classes)
    write_saved_model(generator, tmp_path, interface)
    core = openvino.Core()
    # Where the processor has bfloat16, OpenVINO would compute in it.
    precision = {"INFERENCE_PRECISION_HINT": "f32"}
    model = core.compile_model(core.read_model(str(tmp_path)), "CPU", precision)

    def images_of(latents, labels):
        inputs = {"latents": latents} if labels is None else {"latents": latents, "label": labels}
        return model(inputs)["images"]

    assert difference_from_keras(images_of, generator, interface).largest <= TOLERANCE
