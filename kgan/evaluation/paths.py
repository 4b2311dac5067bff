"""Paths from one latent to another, whose images show whether a generator has learned a space.

A generator that has memorised jumps from one picture to the next; one that has learned changes
gradually, and what lies between two images is an image too.
"""

import numpy as np

# Latents whose directions differ by less, in radians, have no great circle worth the division.
_SAME_DIRECTION = 1e-4


def linear_path(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """The straight line, (1 - t) start + t end.

    Between two draws of N(0, I) its middle is about sqrt 2 nearer to the origin than any latent
    the generator was trained on.

    Args:
        start: float array, (latent_dim,), at t = 0.
        end: float array, (latent_dim,), at t = 1.
        steps: int, how many points, both ends included.

    Returns:
        float32 array, (steps, latent_dim).

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, figure 3.
    """
    t = np.linspace(0.0, 1.0, steps)[:, np.newaxis]
    return ((1 - t) * start + t * end).astype("float32")


def spherical_path(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """The great circle, (sin((1 - t) a) start + sin(t a) end) / sin a, a the angle between them.

    It keeps the distance from the origin at which nearly all mass of N(0, I) lies. Where the two
    directions are equal or opposite there is no such circle, and the line takes its place.

    Args:
        start: float array, (latent_dim,), at t = 0.
        end: float array, (latent_dim,), at t = 1.
        steps: int, how many points, both ends included.

    Returns:
        float32 array, (steps, latent_dim).

    Reference:
        White 2016, arXiv 1609.04468, section 2.1 (slerp, by Shoemake 1985).
    """
    cosine = np.dot(start, end) / (np.linalg.norm(start) * np.linalg.norm(end))
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    if not _SAME_DIRECTION < angle < np.pi - _SAME_DIRECTION:
        return linear_path(start, end, steps)
    t = np.linspace(0.0, 1.0, steps)[:, np.newaxis]
    path = np.sin((1 - t) * angle) * start + np.sin(t * angle) * end
    return (path / np.sin(angle)).astype("float32")
