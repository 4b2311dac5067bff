"""How often a network may halve an image, and what is left of it then."""

from kgan._utils.images import halving_side

# Sides, in pixels, of the smallest picture inside the networks.
_SMALLEST = 4
_LARGEST = 8


def smallest_picture(image_shape: tuple[int, int, int]) -> tuple[tuple[int, int], int]:
    """The smallest picture inside a network, and how often it is doubled to the image.

    Args:
        image_shape: (height, width, channels).

    Returns:
        ((height, width), doublings); the shorter side is 4 to 8 pixels, doublings at least 1.

    Raises:
        ValueError: for sides that do not halve down to 4 to 8 pixels.
    """
    height, width, _ = image_shape
    doublings = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 2 * _SMALLEST:
        height, width, doublings = height // 2, width // 2, doublings + 1
    if doublings == 0 or not _SMALLEST <= min(height, width) <= _LARGEST:
        raise ValueError(
            "A convolutional family halves an image again and again, so both sides must be 4 to 8 "
            "times the same power of two: 28, 32, 40, 48, 64, 96, 112, 128, ... "
            f"Received: {image_shape[0]} x {image_shape[1]} pixels. Resize the images, for example "
            f"to image_size={max(8, halving_side(min(image_shape[:2])))} in kgan.data."
        )
    return (height, width), doublings
