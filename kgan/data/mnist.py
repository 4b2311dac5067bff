"""The digits that come with the package."""

from pathlib import Path

from kgan.data.idx import from_idx
from kgan.data.store import Images


def digits(
    *,
    image_size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    channels: int | None = None,
) -> Images:
    """Real handwritten digits, embedded in the package: nothing is downloaded.

    They are the 10,000 test images of MNIST, 28x28 pixels in one channel, white on black, with
    their labels: (c) Yann LeCun and Corinna Cortes, commonly given as CC BY-SA 3.0 (see
    `mnist_test/LICENSE.md` beside this file). For the 60,000 training images see
    `from_tfds("mnist")` or
    `from_idx`.

    Args:
        image_size: int or (height, width), the size to resize to, in pixels; None keeps the size.
        crop: int or (height, width), the central part to use before resizing.
        channels: 1 (grey) or 3 (colour) to convert to; None keeps the channels.

    Returns:
        Images of shape (28, 28, 1), with labels 0 to 9 and the class names "0" to "9".

    Reference:
        LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition.
        Proceedings of the IEEE 86 (11), 1998.

    Example:
        >>> kgan.data.digits().batches(64)
    """
    folder = Path(__file__).with_name("mnist_test")
    images = from_idx(folder, split="test", image_size=image_size, crop=crop, channels=channels)
    images.name, images.class_names = "digits", tuple("0123456789")
    return images
