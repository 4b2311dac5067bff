"""ADA: as much augmentation as the discriminator overfits."""

import keras
from keras import ops

from kgan._utils.checks import check_number
from kgan.augment.transforms import Transforms
from kgan.backend import replicas

# Updates of the discriminator from one change of p to the next.
_INTERVAL = 4


@keras.saving.register_keras_serializable("kgan")
class Adaptive(Transforms):
    """ADA: transforms with a probability p that rises while the discriminator overfits.

    An overfitted discriminator is sure of the reals it trains on. It is asked by r, the mean sign
    of their logits over the last four updates: r = 0.6 is 80 % of them taken for real. Above
    `target` p grows, below it falls, by the images of these updates over `speed`; it begins at 0,
    does not fall below, and above 1 every transform is always there. It is logged as `augment_p`,
    and saved with the GAN. Where it stays above .8 the transforms begin to leak into the samples,
    and the data are too few for this discriminator.

    Where the loss is undecided at another logit than 0, the sign is that of the distance from it.

    Args:
        target: float in (-1, 1), the r to hold, default 0.6.
        speed: float > 0, images in which p moves by 1, default 500,000; 100,000 is for a trained
            model that goes on with other data.
        transforms: str, which transforms, separated by commas, with weights as in
            "bgc,x_flip=0,cutout=0.5": default "bgc", those of pixel blitting, geometry and colour.
            `Scheduled` lists them all.

    Raises:
        ValueError: for numbers out of range and unknown transforms; by `compile`, under a loss
            whose logits have no value between real and fake, such as Wasserstein's or that of
            relativistic pairs.

    Example:
        >>> gan.compile(augment=kgan.augment.Adaptive(speed=100_000))

    Reference:
        Karras et al. 2020, Training Generative Adversarial Networks with Limited Data, arXiv
        2006.06676, section 3; the numbers are those of the authors' code.
    """

    is_adaptive = True

    def __init__(self, target: float = 0.6, *, speed: float = 500_000, transforms: str = "bgc"):
        super().__init__(transforms)
        self.target = check_number("target of Adaptive", target, above=-1, below=1)
        self.speed = check_number("speed of Adaptive", speed, above=0)

    def build(self):
        float_ = keras.backend.result_type(keras.config.floatx(), "float32")
        self.variables = [
            replicas.same_scalar(float_, "augment_p"),
            replicas.same_scalar(float_, "augment_signs"),
            replicas.same_scalar(float_, "augment_logits"),
            replicas.same_scalar("int64", "augment_updates"),
        ]

    def probability(self, images_seen):
        return self.variables[0].value

    def update(self, real_logits, loss, *, pack=1):
        p, signs, logits, updates = self.variables
        sign = ops.sign(real_logits - float(loss.optimal_logits(1.0)))
        rows, count = (
            ops.cast(number * replicas.num_replicas(), p.dtype)
            for number in (ops.shape(real_logits)[0], ops.size(real_logits))
        )
        # A whole number, so that no replicas' rounding decides what is above the target.
        signs_now = signs + ops.round(replicas.global_mean(ops.cast(sign, p.dtype)) * count)
        logits_now = logits + count
        is_due = (updates + 1) % _INTERVAL == 0
        images = logits_now / count * rows * pack
        moved = p + ops.sign(signs_now / logits_now - self.target) * images / self.speed
        p.assign(ops.where(is_due, ops.maximum(moved, 0.0), p))
        signs.assign(ops.where(is_due, 0.0, signs_now))
        logits.assign(ops.where(is_due, 0.0, logits_now))
        updates.assign(updates + 1)

    def check(self, image_shape, loss):
        super().check(image_shape, loss)
        if loss.compares_with_reals or loss.optimal_logits(1.0) is None:
            raise ValueError(
                "Adaptive asks whether the discriminator takes reals for real. Expected: a loss "
                "under which a logit alone says so, such as non_saturating, hinge or "
                f"least_squares. Received: {loss}, whose logits have no value between real and "
                "fake. Choose the probability yourself: kgan.augment.Scheduled(0.3)."
            )
