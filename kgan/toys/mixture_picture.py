"""Pictures of a generator that looks for the modes of a mixture."""

import dataclasses

import numpy as np
from matplotlib.figure import Figure

from kgan.toys.mixtures import Mixture
from kgan.toys.mixtures import MixtureReport

_PANEL = 2.6


@dataclasses.dataclass(frozen=True)
class MixtureMoment:
    """One look at a training.

    Attributes:
        step: int, updates of the generator so far.
        samples: float array (n, 2), in scaled units.
        report: `MixtureReport` of them.
    """

    step: int
    samples: np.ndarray
    report: MixtureReport


def draw_strip(mixture: Mixture, moments: list[MixtureMoment]) -> Figure:
    """Draw samples over the modes, one panel per moment.

    Grey rings are three standard deviations around the means: what lies inside is of high quality.

    Args:
        mixture: the data.
        moments: looks at the training, in order.

    Returns:
        A matplotlib figure, which no window and no pyplot knows.
    """
    figure = Figure(figsize=(_PANEL * len(moments), _PANEL + 0.5), dpi=100)
    panels = figure.subplots(1, len(moments), squeeze=False)[0]
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.82, wspace=0.04)
    reach = np.abs(mixture.means).max() * 1.3
    angles = np.linspace(0, 2 * np.pi, 25)
    circle = 3 * mixture.stddev * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for axes, moment in zip(panels, moments, strict=True):
        for mean in mixture.means:
            axes.plot(*(mean + circle).T, color="0.6", linewidth=0.6)
        points = moment.samples * mixture.scale
        axes.plot(*points.T, ".", markersize=3, color="tab:orange", alpha=0.4, markeredgewidth=0)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
        modes = f"{moment.report.modes}/{len(mixture.means)} modes"
        good = f"{moment.report.high_quality:.1%} good"
        axes.set_title(f"step {moment.step:,}\n{modes}, {good}", fontsize="small")
        axes.spines[:].set_color("0.8")
    return figure
