"""Make an image on the device itself, from a .tflite file, and save it as PNG.

    pip install ai-edge-litert numpy pillow
    python edge_client.py --model=digits.tflite --seed=7 --label=3 --output=three.png

For a Raspberry Pi or the like, without TensorFlow. NumPy draws the latents of a seed, so its images
are others than those of a server.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image


def sample(model: Path, seed: int, label: int | None = None) -> np.ndarray:
    """One image of a generator.

    Args:
        model: a .tflite file.
        seed: int, 0 or more.
        label: int, the class, for a generator that takes labels.

    Returns:
        uint8 array, (height, width, channels).

    Raises:
        ValueError: the file is damaged, or takes a label, or takes none.
        RuntimeError: the generator does not know the label.
    """
    # For many images keep the runner: opening the file takes longer than an image.
    generate = Interpreter(model_path=str(model)).get_signature_runner("serving_default")
    width = generate.get_input_details()["latents"]["shape"][-1]
    inputs = {"latents": np.random.default_rng(seed).standard_normal((1, width), "float32")}
    if label is not None:
        inputs["label"] = np.array([label], "int32")
    (image,) = generate(**inputs)["images"]
    return np.rint((np.clip(image, -1.0, 1.0) + 1.0) * 127.5).astype("uint8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--label", type=int)
    parser.add_argument("--output", type=Path, default=Path("sample.png"))
    flags = parser.parse_args()
    try:
        image = sample(flags.model, flags.seed, flags.label)
        # Pillow wants grey images without their one channel.
        Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(flags.output)
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"edge_client.py: {error}")
    print(flags.output)


if __name__ == "__main__":
    main()
