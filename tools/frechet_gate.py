"""Which real images and which extractor judge an export's smaller files."""

import sys
from pathlib import Path

from chosen_extractor import choose_extractor
from chosen_extractor import shipped_extractor
from real_images import DATA_FLAGS
from real_images import data_options
from real_images import load_images


def frechet_gate(run: Path | None, dataset: str | None, extractor: str | None, *, image_shape):
    """The gate for the TFLite files of a generator.

    Args:
        run: the generator's run folder, None if it has none.
        dataset: the value of --dataset, None where nothing was said.
        extractor: the value of --extractor, None where nothing was said.
        image_shape: (height, width, channels) of the generator's images.

    Returns:
        A `kgan.export.FrechetGate`, or None, which is said, where nothing was asked for and
        the data are unknown or the package has no extractor for them.

    Raises:
        ValueError: if what was asked for does not fit the generator.
    """
    asked = dataset is not None or extractor is not None
    try:
        options = data_options({**dict.fromkeys(DATA_FLAGS), "dataset": dataset}, run, None)
    except (OSError, ValueError):
        # No data set is known, or its folder has moved since.
        if asked:
            raise
        return _not_measured("give --dataset, the one that it was trained on.")
    if extractor is None and shipped_extractor(options["dataset"], image_shape) is None:
        if asked:
            raise ValueError(
                f"The package has no extractor for --dataset={options['dataset']}. Give one: "
                "--extractor=..., as for tools/evaluate.py."
            )
        return _not_measured("give --extractor, as for tools/evaluate.py.")
    try:
        return _gate(options, extractor, tuple(image_shape))
    except (OSError, ValueError) as error:
        if asked:
            raise
        return _not_measured(f"give --dataset. Those of the run: {str(error).splitlines()[0]}")


def _not_measured(remedy: str) -> None:
    print(
        f"The Frechet distance of the smaller files is not measured. For that {remedy}",
        file=sys.stderr,
    )


def _gate(options: dict, extractor: str | None, image_shape: tuple):
    import numpy as np

    from kgan.export import FrechetGate

    real, _ = load_images(options, None)
    if tuple(real.image_shape) != image_shape:
        raise ValueError(
            f"The generator makes images {image_shape}, and those of {real.name!r} are "
            f"{tuple(real.image_shape)}. Name the data set that it was trained on: --dataset=..."
        )
    extractor = choose_extractor(
        extractor, real, options["dataset"], cache_dir=Path("~/.cache/kgan").expanduser()
    )

    def extract(images):
        return extractor(images).features

    # As many as show a difference; more would only take longer. Folders come class by class.
    chosen = np.random.default_rng(0).permutation(len(real.images))[:10_000]
    return FrechetGate(extract, extract(real.images[np.sort(chosen)] / np.float32(127.5) - 1))
