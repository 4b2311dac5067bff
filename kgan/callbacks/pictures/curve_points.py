"""The points of a curve over training, few enough to draw however long the training is."""

from collections.abc import Mapping


class CurvePoints:
    """Mean values over consecutive stretches of training, all about equally long.

    Past `limit` stretches they become twice as long, so that memory and drawing time stay bounded
    however long the training is.

    Args:
        length: int, the steps that a stretch has at least, the last one excepted.
        stretches: list of (images, steps, values), as `to_dict` gives them.
        limit: int, the most stretches that are kept.

    Attributes:
        length: int.
    """

    def __init__(self, length: int = 1, stretches=(), limit: int = 500):
        self.length = length
        self.limit = limit
        self._stretches = [tuple(stretch) for stretch in stretches]

    def add(self, images: int, steps: int, values: Mapping[str, float]) -> None:
        """Append a stretch, or lengthen the last one if that is still too short.

        Args:
            images: real images seen when it ended.
            steps: its length.
            values: its mean values by name; a name may be missing.
        """
        self._append((images, steps, dict(values)))
        while len(self._stretches) > self.limit:
            self.length *= 2
            shorter, self._stretches = self._stretches, []
            for stretch in shorter:
                self._append(stretch)

    def _append(self, stretch: tuple) -> None:
        if self._stretches and self._stretches[-1][1] < self.length:
            self._stretches[-1] = _joined(self._stretches[-1], stretch)
        else:
            self._stretches.append(stretch)

    def forget_after(self, images: int) -> None:
        """Drop the stretches that ended later, which a run that resumes will repeat.

        Args:
            images: real images seen at the restart.
        """
        self._stretches = [stretch for stretch in self._stretches if stretch[0] <= images]

    def curve(self, name: str) -> tuple[list[int], list[float]]:
        """Where to draw one name.

        Args:
            name: as given to `add`.

        Returns:
            Images seen, and the values; both empty for a name that never came.
        """
        points = [(images, values[name]) for images, _, values in self._stretches if name in values]
        return [images for images, _ in points], [value for _, value in points]

    def to_dict(self, digits: int = 17) -> dict:
        """The arguments with which these points are made again, in plain lists and dicts for JSON.

        Args:
            digits: int, how many digits of a value to keep; 17, the default, are all.

        Returns:
            dict.
        """
        stretches = [
            [images, steps, {name: float(f"{value:.{digits}g}") for name, value in values.items()}]
            for images, steps, values in self._stretches
        ]
        return {"length": self.length, "stretches": stretches}


def means_between(
    before: int, means_before: Mapping[str, float], step: int, means: Mapping[str, float]
) -> dict[str, float]:
    """Means over the steps between two running means that both begin at step 0.

    If m_a is the mean over the first a steps and m_b over the first b, the mean over the steps
    between is (b m_b - a m_a) / (b - a).

    Args:
        before: a, steps that the earlier means count; may be 0.
        means_before: m_a by name.
        step: b, steps that the later means count.
        means: m_b by name.

    Returns:
        The means over the b - a steps, by name.

    Example:
        >>> means_between(2, {"d_loss": 1.0}, 4, {"d_loss": 2.0})
        {'d_loss': 3.0}
    """
    return {
        name: (step * mean - before * means_before.get(name, 0.0)) / (step - before)
        for name, mean in means.items()
    }


def _joined(first: tuple, second: tuple) -> tuple:
    """One stretch of two: the mean weighs each by its steps, if both have the name."""
    values = {**first[2], **second[2]}
    steps = first[1] + second[1]
    for name in first[2].keys() & second[2].keys():
        values[name] = (first[1] * first[2][name] + second[1] * second[2][name]) / steps
    return second[0], steps, values
