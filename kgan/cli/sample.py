"""Sample images from a generator, wherever it is: a run, an export, or a running server.

    kgan sample --model=exported/digits --seed=0 --num_images=100 --output=grid.png
    kgan sample --model=exported/digits/digits.tflite --label=7 --output=sevens.png
    kgan sample --model=runs/digits --truncation=0.7 --output=samples/
    kgan sample --server=http://localhost:8501/v1/models/digits --output=grid.png

--model is a run folder, a .keras file, a folder of versions, of which the newest is taken, one
version's folder, a .tflite or an .onnx file. --server is the address of a model in TensorFlow
Serving. --output is one PNG file, or with a '/' at its end a folder with a file for each image.

Image i has a seed of its own, --seed + i. A generator with classes gives a row of images for each
class, or images of --label alone. A run, all formats of its export and a server that serves it give
the same image for a seed.

Expected time: 4 s, most of it TensorFlow's import.
"""

import math
from pathlib import Path

import numpy as np

from kgan._utils.files import replacing
from kgan._utils.images import tile
from kgan._utils.images import to_picture
from kgan.cli import generators
from kgan.cli.command import Flags
from kgan.cli.run_folder import check_writable
from kgan.cli.served import ADDRESS
from kgan.cli.served import ServedGenerator

# Images made at a time. A server with batching refuses more than its max_batch_size.
BATCH = 32


def define(flags: Flags) -> None:
    """Define the flags of this command."""
    define = flags.define
    generators.define(flags, "server", "http://<host>:8501/v1/models/<name>")
    define("integer", "seed", 0, "Seed of the first image.", 0, 2**32 - 10_001)
    define("integer", "num_images", 100, "How many images.", 1, 10_000)
    define("integer", "label", None, "Class of all images. Default: a row for each class.", 0)
    define("float", "truncation", None, "Largest latent: the smaller, the more typical and alike.")
    define("string", "output", "samples.png", "The PNG file to write, or a folder and '/'.")
    flags.check(
        ["server"],
        lambda server: server is None or ADDRESS.fullmatch(server) is not None,
        "must be http://<host>:<port>/v1/models/<name>, the server's port for REST, with "
        "/versions/<number> or /labels/<label> after it for another version than the newest.",
    )
    # Not "truncation <= 0", which NaN would pass.
    flags.check(["truncation"], lambda value: value is None or value > 0, "must be above 0.")
    flags.check(
        ["output"],
        lambda output: output and (is_folder(output) or Path(output).suffix.lower() == ".png"),
        "must end in .png, or in / for a folder with a file for each image.",
    )


def main(flags: Flags) -> int:
    """Make the images and write what --output says, each file whole or not at all."""
    output = Path(flags.output)
    check_writable(output if is_folder(flags.output) else output.parent, "--output")
    if flags.server:
        place, generator = flags.server, ServedGenerator(flags.server)
    else:
        place = generators.find_generator(Path(flags.model))
        generator = generators.open_generator(place, flags)
    labels = choose_labels(flags, generator.num_classes)
    seeds = range(flags.seed, flags.seed + flags.num_images)
    pixels = []
    for start in range(0, flags.num_images, BATCH):
        rows = slice(start, start + BATCH)
        chosen = None if labels is None else labels[rows]
        pixels.append(generator.pixels(seeds[rows], chosen, flags.truncation))
    pixels = np.concatenate(pixels)
    # With classes and no --label a row for each class, as far as there are images.
    rows = None if labels is None or flags.label is not None else len(set(labels))
    if is_folder(flags.output):
        named = zip(seeds, pixels, strict=True)
        pictures = {output / f"seed-{seed:08d}.png": image for seed, image in named}
    else:
        pictures = {output: grid(pixels, rows)}
    for path, picture in pictures.items():
        with replacing(path) as temporary:
            to_picture(picture).save(temporary, "PNG")
    print(f"{flags.output}: {len(pixels)} images of {place}, seeds from {flags.seed}.")
    return 0


def is_folder(output: str) -> bool:
    """Whether the images go into a folder, a file each."""
    return output.endswith("/") or Path(output).is_dir()


def choose_labels(flags: Flags, num_classes: int | None) -> list[int] | None:
    """A class for each image: --label, or all classes in turn; None without classes."""
    if num_classes is None:
        if flags.label is not None:
            raise ValueError("--label applies to conditional generators. This one takes no labels.")
        return None
    if flags.label is None:
        return [image % num_classes for image in range(flags.num_images)]
    if flags.label >= num_classes:
        raise ValueError(
            f"--label must be from 0 to {num_classes - 1}. Received: --label={flags.label}."
        )
    return [flags.label] * flags.num_images


def grid(pixels: np.ndarray, rows: int | None) -> np.ndarray:
    """One picture of all images.

    Args:
        pixels: uint8 array, (images, height, width, channels).
        rows: int, for image i in row i modulo this; None for a square in reading order.

    Returns:
        uint8 array, (height, width, channels).
    """
    count = len(pixels)
    columns = math.ceil(count / rows if rows else count**0.5)
    if rows is None:
        return tile(pixels, math.ceil(count / columns), columns)
    places = np.full((rows * columns, *pixels.shape[1:]), 255, "uint8")
    image = np.arange(count)
    places[image % rows * columns + image // rows] = pixels
    return tile(places, rows, columns)
