"""Values that change while a GAN trains, as functions of the real images it has seen."""

import math

import keras
from keras import ops

from kgan._utils.by_name import ByName
from kgan._utils.by_name import serialize
from kgan._utils.checks import check_integer
from kgan._utils.checks import check_number
from kgan._utils.configured import Configured
from kgan._utils.tensors import Tensor

__all__ = ["Cosine", "Linear", "Schedule", "deserialize", "get", "serialize"]


class Schedule(Configured):
    """The protocol of every schedule: a value that follows the number of real images seen.

    It goes from `start` to `end` between two counts of images, and is constant before and after. A
    subclass says how, in `progress`. The only state is `GAN.images_seen`, which is saved with the
    GAN: a resumed run sees the same values, with any number of replicas and steps per execution.

    Args:
        start: float, the value up to `since` images.
        end: float, the value from `until` images on.
        until: int, a number of images, more than `since`.
        since: int, a number of images, default 0.

    Raises:
        ValueError: for values that are no finite numbers, and if it ends before it begins.

    Example:
        >>> @keras.saving.register_keras_serializable("mine")
        ... class Square(kgan.schedules.Schedule):
        ...     def progress(self, part):
        ...         return part**2
        >>> float(Square(0.0, 1.0, until=1000)(500))
        0.25
    """

    def __init__(self, start: float, end: float, until: int, since: int = 0):
        name = type(self).__name__
        self.start = float(check_number(f"start of {name}", start))
        self.end = float(check_number(f"end of {name}", end))
        self.since = check_integer(f"since of {name}", _whole(since), 0)
        self.until = check_integer(f"until of {name}", _whole(until), 1)
        if self.until <= self.since:
            raise ValueError(
                f"{name} ends before it begins. Expected: until > since, both in images. Received: "
                f"until={self.until}, since={self.since}."
            )

    def __call__(self, images: int | Tensor) -> Tensor:
        """The value once so many images have been seen.

        Args:
            images: int or integer tensor >= 0.

        Returns:
            Float scalar tensor, in float32 at least.
        """
        dtype = keras.backend.result_type(keras.config.floatx(), "float32")
        part = ops.cast(images, dtype) - self.since
        part = ops.clip(part / (self.until - self.since), 0.0, 1.0)
        # At part = 1 it is the end to the last bit, as it is the start at 0.
        moved = self.progress(part)
        return (1 - moved) * self.start + moved * self.end

    def progress(self, part: Tensor) -> Tensor:
        """How much of the way from `start` to `end` has been gone.

        Args:
            part: float scalar tensor in [0, 1], the part of the images that has been seen.

        Returns:
            Float scalar tensor in [0, 1]: 0 at 0 and 1 at 1.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define progress.")


@keras.saving.register_keras_serializable("kgan")
class Cosine(Schedule):
    """Half a period of a cosine: end + (start - end) (1 + cos(pi t)) / 2.

    t goes from 0 to 1 between `since` and `until` images.

    Args:
        start: float, the value up to `since` images.
        end: float, the value from `until` images on.
        until: int, a number of images, more than `since`.
        since: int, a number of images, default 0.

    Example:
        >>> falls = kgan.schedules.Cosine(1.0, 0.1, until=2_000_000)
        >>> [round(float(falls(images)), 2) for images in (0, 1_000_000, 3_000_000)]
        [1.0, 0.55, 0.1]

    Reference:
        Huang et al. 2025, The GAN is dead; long live the GAN!, arXiv 2501.05441, whose five
        schedules have this form.
    """

    def progress(self, part):
        return (1 - ops.cos(math.pi * part)) / 2


@keras.saving.register_keras_serializable("kgan")
class Linear(Schedule):
    """A straight line: start + (end - start) t.

    t goes from 0 to 1 between `since` and `until` images.

    Args:
        start: float, the value up to `since` images.
        end: float, the value from `until` images on.
        until: int, a number of images, more than `since`.
        since: int, a number of images, default 0.

    Example:
        >>> falls = kgan.schedules.Linear(2e-4, 0.0, until=200_000, since=100_000)
        >>> round(float(falls(150_000)), 6)
        0.0001
    """

    def progress(self, part):
        return part


_SCHEDULES = ByName(Schedule, "schedule", {"cosine": Cosine, "linear": Linear})


def get(identifier: str | dict | Schedule) -> Schedule:
    """The schedule that `identifier` stands for.

    Args:
        identifier: a `Schedule` (returned as it is), its config, or a text such as
            "cosine(1, 0.1, until=2000000)" or "linear(2e-4, 0, until=1e6)".

    Returns:
        A `Schedule`.

    Raises:
        ValueError: for an unknown name, and for parameters that are missing, unknown or refused.

    Example:
        >>> kgan.schedules.get("cosine(1, 0.1, until=2e6)")
        Cosine(start=1.0, end=0.1, until=2000000, since=0)
    """
    return _SCHEDULES.get(identifier)


def deserialize(config: dict, custom_objects: dict | None = None) -> Schedule:
    """The schedule of a config.

    Args:
        config: dict made by `serialize`, or {"class_name": name, "config": parameters}.
        custom_objects: dict of names to classes that Keras does not know, default None.

    Returns:
        A `Schedule`.

    Raises:
        ValueError: for what is no config of a schedule.

    Example:
        >>> config = kgan.schedules.serialize(kgan.schedules.Linear(1.0, 0.0, until=1000))
        >>> kgan.schedules.deserialize(config)
        Linear(start=1.0, end=0.0, until=1000, since=0)
    """
    return _SCHEDULES.deserialize(config, custom_objects)


def value(given: float | Schedule, images: int | Tensor) -> float | Tensor:
    """What a number or a schedule is after so many images.

    Args:
        given: float or `Schedule`.
        images: int or integer tensor, the images seen.

    Returns:
        `given` itself if it is a number, else a float scalar tensor.
    """
    return given(images) if isinstance(given, Schedule) else given


def is_one(given: object) -> bool:
    """Whether `given` is a schedule, or stands for one: "cosine(1, 0, until=9)", but not "1"."""
    return "(" in given if isinstance(given, str) else isinstance(given, (dict, Schedule))


def check(name: str, given: object, **limits) -> float | Schedule:
    """A number within limits, or a schedule that stays within them.

    Args:
        name: how the user knows the value, for the message.
        given: anything; a text or a config stands for the schedule that `get` makes of it.
        **limits: as of `kgan._utils.checks.check_number`.

    Returns:
        A float, or a `Schedule`.

    Raises:
        ValueError: if a number, or either end of a schedule, is out of the limits.
    """
    if not is_one(given):
        return float(check_number(name, given, **limits))
    schedule = get(given)
    for end in ("start", "end"):
        check_number(f"{end} of {name}={schedule}", getattr(schedule, end), **limits)
    return schedule


def _whole(count):
    """An int in place of a float without a fraction, as 2e6 is."""
    return int(count) if isinstance(count, float) and count.is_integer() else count
