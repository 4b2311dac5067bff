"""LeCam: a tie to what the discriminator used to say."""

import keras
from keras import ops

from kgan import schedules
from kgan._utils.checks import check_integer
from kgan._utils.checks import check_number
from kgan.backend import replicas
from kgan.penalties.penalty import Penalty


@keras.saving.register_keras_serializable("kgan")
class LeCam(Penalty):
    """Holds logits near the moving averages of the other kind, for training on little data.

    weight (relu(r - f_average)^2 + relu(r_average - f)^2), where the averages follow the mean
    logits over the global batch of earlier discriminator updates. During the first `start` updates
    they are the last minibatch's means, and the penalty is zero. It looks at logits alone, so
    batch norm in the discriminator does no harm. The averages are saved with the GAN.

    Args:
        weight: float >= 0, or a `kgan.schedules.Schedule` of it, default 0.3.
        decay: float in [0, 1), how much of an average survives one update, default 0.99.
        start: int >= 0, discriminator updates without a penalty, default 1000.

    Example:
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam", loss="hinge",
        ...             penalties=kgan.penalties.LeCam())

    Reference:
        Tseng et al. 2021, arXiv 2104.03310; one-sided as in the code of public results.
    """

    name = "lecam"
    needs = ("images_seen",)

    def __init__(
        self,
        weight: float | schedules.Schedule = 0.3,
        *,
        decay: float = 0.99,
        start: int = 1000,
    ):
        decay = float(check_number("decay of LeCam", decay, at_least=0))
        if decay >= 1:
            raise ValueError(
                "decay of LeCam must lie in [0, 1): at 1 the averages would never move. "
                f"Received: decay={decay}."
            )
        self.weight = self._checked_weight("weight", weight)
        self.decay = decay
        self.start = check_integer("start", start, 0)

    def build(self):
        of_logits = keras.backend.result_type(keras.config.floatx(), "float32")
        self.variables = [
            replicas.same_scalar(of_logits, "lecam_real_average"),
            replicas.same_scalar(of_logits, "lecam_fake_average"),
            replicas.same_scalar("int64", "lecam_updates"),
        ]

    def __call__(self, discriminator, *, real_logits, fake_logits, images_seen=0, **_):
        real_average, fake_average, updates = self.variables
        real_logits, fake_logits = (
            ops.cast(logits, real_average.dtype) for logits in (real_logits, fake_logits)
        )
        started = updates >= self.start
        over = ops.relu(real_logits - fake_average.value)
        under = ops.relu(real_average.value - fake_logits)
        weight = schedules.value(self.weight, images_seen)
        penalty = weight * (ops.square(over) + ops.square(under))
        decay = ops.cast(self.decay, real_average.dtype) * ops.cast(started, real_average.dtype)
        for average, logits in ((real_average, real_logits), (fake_average, fake_logits)):
            average.assign(decay * average + (1 - decay) * replicas.global_mean(logits))
        updates.assign(updates + 1)
        return ops.where(started, penalty, ops.zeros_like(penalty))
