"""ADA's transforms with a probability of one's own."""

import keras

from kgan import schedules
from kgan.augment.transforms import Transforms


@keras.saving.register_keras_serializable("kgan")
class Scheduled(Transforms):
    """ADA's transforms with a probability p of one's own: a number, or a schedule of the images.

    With the probability p times its weight, an image is given, in this order:

        blit      x_flip        with probability 1/2
                  turn          by one of 0, 90, 180, 270 degrees
                  translation   U(-1/8, 1/8) of a side, rounded to whole pixels, both axes
        geometry  scale         2^N(0, .2^2)
                  rotation      U(-pi, pi), before stretch and once more after it, each with
                                probability 1 - sqrt(1 - p)
                  stretch       s by 1/s, s = 2^N(0, .2^2)
                  shift         N(0, (1/8)^2) of a side, both axes
        color     brightness    + N(0, .2^2)
                  contrast      x 2^N(0, .5^2)
                  luma_flip     light and dark change places, with probability 1/2
                  hue           a turn of U(-pi, pi) about the grey axis
                  saturation    x 2^N(0, 1)
        cutout    cutout        a square of half a side, its middle anywhere, becomes 0

    While p is below 1 some images stay as they are, and the generator learns the data, not their
    transforms. p is logged as `augment_p`.

    Args:
        p: float in [0, 1], or a `kgan.schedules.Schedule` of the images seen, or its text.
        transforms: str, names of groups or of single transforms, "bgc" for the first three groups,
            separated by commas and with weights; a later one counts. The default is R3GAN's.

    Raises:
        ValueError: for a p out of range, unknown transforms, and a weight outside [0, 1].

    Example:
        >>> gan.compile(augment=kgan.augment.Scheduled(
        ...     kgan.schedules.Cosine(0.0, 0.55, until=5_000_000)))
        >>> kgan.augment.get("scheduled(0.2, transforms='bgc,x_flip=0')")
        Scheduled(p=0.2, transforms='bgc,x_flip=0')

    Reference:
        Karras et al. 2020, arXiv 2006.06676, appendix B; as a schedule: Huang et al. 2025, arXiv
        2501.05441. Bilinear and mirrored at the edges, without their wavelet filters, which keep
        fine detail from aliasing where an image is reduced.
    """

    def __init__(
        self,
        p: float | str | dict | schedules.Schedule,
        *,
        transforms: str = "blit,geometry,color=0.5,cutout",
    ):
        super().__init__(transforms)
        self.p = schedules.check("p of Scheduled", p, at_least=0, at_most=1)

    def probability(self, images_seen):
        return schedules.value(self.p, images_seen)
