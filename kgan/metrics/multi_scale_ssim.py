"""Multi-scale structural similarity: do the samples differ from each other?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.checks import check_integer
from kgan._utils.checks import check_positive_integer
from kgan.metrics.sample_metric import SampleMetric
from kgan.metrics.sample_metric import checked_images
from kgan.metrics.states import Rows

# The constants of the paper, for images in [0, 1].
_K1, _K2 = 0.01, 0.03
_WINDOW, _SIGMA = 11, 1.5
_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])

# Values of images compared at a time: 8 MB of float64, of which about ten copies are alive.
_BLOCK = 2**20


class MultiScaleSSIMResult(NamedTuple):
    """How alike the images of a sample are.

    Attributes:
        mean: over pairs; lower is more diverse, 1 is one image only.
        standard_error: of that mean over pairs. It is too small where pairs share images, that is
            for more pairs than half of the images.
        num_pairs: int.
    """

    mean: float
    standard_error: float
    num_pairs: int


def multi_scale_ssim(first: ArrayLike, second: ArrayLike) -> np.ndarray:
    """Structural similarity of pairs of images, over several scales.

    luminance(coarsest scale)^w_M * product_j structure_j^w_j, where with means, variances and
    covariance under an 11 x 11 Gaussian window of standard deviation 1.5

    luminance = (2 m_x m_y + C1) / (m_x^2 + m_y^2 + C1),
    structure = (2 cov_xy + C2) / (var_x + var_y + C2),

    C1 = 0.01^2, C2 = 0.03^2, each averaged over the places where the window fits and over the
    channels; of the coarsest scale luminance and structure are multiplied before. A scale is the
    finer one, averaged over 2 x 2 pixels. There are 5, or as many as leave 11 pixels to the shorter
    side: 2 from 22 pixels, 3 from 44, 4 from 88, 5 from 176. The weights 0.0448, 0.2856, 0.3001,
    0.2363 and 0.1333 of those there are, finest first, are divided by their sum. A negative average
    counts as 0.

    TensorFlow's values are the same on one channel. torchmetrics' differ, by up to 0.1 at 28
    pixels: it takes the coarsest scale over mirrored borders too.

    Images are read as (x + 1) / 2, in [0, 1]: a luminance around 0 means nothing.

    Args:
        first: float array (images, height, width, channels) in [-1, 1].
        second: float array of the same shape.

    Returns:
        Float64 array (images,), from 0 to 1; 1 for equal images.

    Raises:
        ValueError: for images of other shapes, beyond [-1, 1] or not finite, or with fewer than 11
            pixels to a side.

    Example:
        >>> kgan.metrics.multi_scale_ssim(images[:2], images[:2]).round(6)
        array([1., 1.])

    Reference:
        Wang, Simoncelli and Bovik 2003, "Multi-scale structural similarity for image quality
        assessment", equation 7.
    """
    first, second = checked_images(first, "first images"), checked_images(second, "second images")
    if first.shape != second.shape:
        raise ValueError(
            "Both arrays must hold images of one shape, and as many. "
            f"Received: {first.shape} and {second.shape}."
        )
    height, width = first.shape[1:3]
    if min(height, width) < _WINDOW:
        raise ValueError(
            f"The window of a structural similarity has {_WINDOW} x {_WINDOW} pixels. Received: "
            f"images of {height} x {width}. Enlarge them first."
        )
    similarities = np.empty(len(first))
    step = max(1, _BLOCK // first[0].size)
    for start in range(0, len(first), step):
        pairs = slice(start, start + step)
        similarities[pairs] = _similarities(_as_planes(first[pairs]), _as_planes(second[pairs]))
    return similarities


def multi_scale_ssim_diversity(
    images: ArrayLike, *, num_pairs: int = 1000, seed: int = 0
) -> MultiScaleSSIMResult:
    """Mean similarity of random pairs of different images of one sample.

    It finds only a near total collapse, best within the images of one class: read it beside the
    value of real images.

    Args:
        images: float array (images, height, width, channels) in [-1, 1].
        num_pairs: int, default 1000. Every image is in one pair before any is in two.
        seed: int, of the draw of pairs.

    Returns:
        A MultiScaleSSIMResult.

    Raises:
        ValueError: as `multi_scale_ssim`, or for a single image.

    Example:
        >>> similarity = kgan.metrics.multi_scale_ssim_diversity(images, num_pairs=50).mean

    Reference:
        Odena et al. 2017, arXiv 1610.09585, section 4.2.
    """
    images = checked_images(images, "images")
    num_pairs = check_positive_integer("num_pairs", num_pairs)
    if len(images) < 2:
        raise ValueError("A pair takes two different images. Received: 1 image.")
    random = np.random.default_rng(check_integer("seed", seed, 0))
    first, second = _pairs(len(images), num_pairs, random)
    similarities = multi_scale_ssim(images[first], images[second])
    return MultiScaleSSIMResult(
        mean=float(similarities.mean()),
        standard_error=float(similarities.std() / np.sqrt(num_pairs)),
        num_pairs=num_pairs,
    )


class MultiScaleSSIM(SampleMetric):
    """Similarity of generated samples to each other: the lower, the more diverse.

    Its values are `ms_ssim` and `ms_ssim_standard_error` of the fakes, and `ms_ssim_real` when
    there were reals. Of each sample only a random 2 * num_pairs images are kept: memory does not
    grow with the samples.

    Args:
        num_pairs: int, as in `multi_scale_ssim_diversity`.
        seed: int, of the images kept and of their pairs.
        name: str, default "multi_scale_ssim".

    Example:
        >>> metric = kgan.metrics.MultiScaleSSIM(num_pairs=50)
        >>> metric.update_state(images, gan.generate(100, seed=0))
        >>> similarity = metric.result()["ms_ssim"]

    Reference:
        Wang et al. 2003; Odena et al. 2017, arXiv 1610.09585, section 4.2.
    """

    reads = "images"

    def __init__(self, *, num_pairs: int = 1000, seed: int = 0, name: str | None = None):
        self.num_pairs = check_positive_integer("num_pairs", num_pairs)
        self.seed = check_integer("seed", seed, 0)
        super().__init__(name=name)

    def new_state(self):
        return _RandomRows(2 * self.num_pairs, self.seed)

    def values(self):
        fake = self._diversity(self.fake)
        values = {"ms_ssim": fake.mean, "ms_ssim_standard_error": fake.standard_error}
        if self.real.count:
            values["ms_ssim_real"] = self._diversity(self.real).mean
        return values

    def _diversity(self, state) -> MultiScaleSSIMResult:
        return multi_scale_ssim_diversity(state.all(), num_pairs=self.num_pairs, seed=self.seed)


class _RandomRows(Rows):
    """A random part of all rows so far, the same in however many batches they came.

    Attributes:
        count: int, rows so far, kept or not.
        shape: of one row; None before the first.
    """

    def __init__(self, size: int, seed: int):
        super().__init__()
        self._size = size
        self._random = np.random.default_rng(seed)
        self._keys = np.empty(0)

    def update(self, rows: np.ndarray) -> None:
        super().update(rows)
        # Every row draws a key, and those of the smallest keys stay, in the order they came.
        self._keys = np.append(self._keys, self._random.random(len(rows)))
        kept = np.sort(np.argsort(self._keys)[: self._size])
        self._keys, self._batches = self._keys[kept], [self.all()[kept]]


def _pairs(count: int, num_pairs: int, random: np.random.Generator) -> np.ndarray:
    """The first and second rows of random pairs, (2, num_pairs)."""
    rounds = -(-num_pairs // (count // 2))
    orders = [random.permutation(count)[: count // 2 * 2].reshape(-1, 2) for _ in range(rounds)]
    return np.concatenate(orders)[:num_pairs].T


def _as_planes(images: np.ndarray) -> np.ndarray:
    """(images, channels, height, width), in [0, 1]."""
    return (np.moveaxis(images, -1, 1).astype(np.float64, order="C") + 1) / 2


def _similarities(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    size = min(first.shape[2:])
    scales = sum(size // 2**scale >= _WINDOW for scale in range(len(_WEIGHTS)))
    weights = _WEIGHTS[:scales] / _WEIGHTS[:scales].sum()
    similarities = np.ones(len(first))
    for scale, weight in enumerate(weights):
        if scale:
            first, second = _halved(first), _halved(second)
        luminance, structure = _luminance_and_structure(first, second)
        if scale == scales - 1:
            structure = luminance * structure
        # A root of a negative average is no number.
        similarities *= np.maximum(structure.mean(axis=(1, 2, 3)), 0) ** weight
    return similarities


def _halved(planes: np.ndarray) -> np.ndarray:
    height, width = (size // 2 * 2 for size in planes.shape[2:])
    blocks = planes[:, :, :height, :width].reshape(*planes.shape[:2], height // 2, 2, width // 2, 2)
    return blocks.mean(axis=(3, 5))


def _luminance_and_structure(first: np.ndarray, second: np.ndarray) -> tuple:
    down, across = _window(first.shape[2]), _window(first.shape[3])

    def averaged(planes):
        # The Gaussian is separable. Each axis is one large product: a stack of small matrices would
        # be taken one by one.
        return np.tensordot(np.tensordot(planes, down, axes=(2, 1)), across, axes=(2, 1))

    first_mean, second_mean = averaged(first), averaged(second)
    variances = averaged(first**2 + second**2) - first_mean**2 - second_mean**2
    covariance = averaged(first * second) - first_mean * second_mean
    luminance = (2 * first_mean * second_mean + _K1**2) / (first_mean**2 + second_mean**2 + _K1**2)
    return luminance, (2 * covariance + _K2**2) / (variances + _K2**2)


def _window(size: int) -> np.ndarray:
    """The matrix whose rows hold the Gaussian at every place where it fits, (places, size)."""
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    matrix = np.zeros((size - _WINDOW + 1, size))
    for place, row in enumerate(matrix):
        row[place : place + _WINDOW] = weights
    return matrix
