"""Figure 1 of the 2014 paper: densities, discriminator, and where the generator sends latents."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from kgan.toys.gaussian import GaussianReport

_DATA = {"color": "black", "linestyle": ":", "linewidth": 2.0, "label": "data p(x)"}
_GENERATOR = {"color": "tab:green", "linewidth": 1.8, "label": "generator q(x)"}
_DISCRIMINATOR = {"color": "tab:blue", "linestyle": "--", "linewidth": 1.6, "label": "D(x)"}
_OPTIMUM = {"color": "tab:blue", "linewidth": 0.8, "alpha": 0.7, "label": "optimal D*(x)"}
_EQUILIBRIUM = {"color": "0.6", "linewidth": 0.6}
_ARROW = {
    "arrowstyle": "-|>",
    "mutation_scale": 5,
    "shrinkA": 0,
    "shrinkB": 0,
    "color": "tab:green",
    "linewidth": 0.6,
}
_PROBABILITIES = (0.0, 1.05)
# The height of the axis of densities, in peaks of the data: 1.05 for unit variance, too.
_PEAKS = 1.05 * np.sqrt(2 * np.pi)
# The line of latents is the width of a panel. The outermost two arrows begin at 1.83.
_LARGEST_LATENT = 2.5
# In inches.
_PANEL, _SIDE, _HEIGHT = 2.9, 0.6, 3.9


def draw_strip(reports: Sequence[GaussianReport], among: Sequence[GaussianReport] = ()) -> Figure:
    """Draw moments of one training side by side, as the paper's figure does.

    Dotted black is the density of the data, green that of the generator, dashed blue the
    discriminator, thin blue the best one for these densities; a grey line is where it ends. Below,
    arrows lead from latents z, each with the same share of probability, up to x = G(z).

    Args:
        reports: moments in order; four or five have the width of a page, one is a frame of a film.
        among: other moments of the same film. Where D is no probability they share its axis, which
            otherwise fits these moments alone.

    Returns:
        A matplotlib figure, which no window and no pyplot knows. A panel has always the same size.
    """
    limits = _limits([*reports, *among])
    width = _PANEL * len(reports) + 2 * _SIDE
    figure = Figure(figsize=(width, _HEIGHT), dpi=100)
    panels = figure.subplots(2, len(reports), squeeze=False, height_ratios=(3, 1))
    # Fixed margins: matplotlib's own layout would draw everything twice.
    side = _SIDE / width
    figure.subplots_adjust(side, bottom=0.08, right=1 - side, top=0.78, wspace=0.1, hspace=0.22)
    for (curves, arrows), report in zip(panels.T, reports, strict=True):
        _draw_densities(curves, report)
        scores = _draw_scores(curves.twinx(), report, limits)
        _draw_arrows(arrows, report)
        curves.set_title(_title(report), fontsize="small")
        curves.tick_params(labelleft=curves is panels[0, 0])
        last = curves is panels[0, -1]
        scores.tick_params(right=last, labelright=last)
    panels[0, 0].set_ylabel("density")
    scores.set_ylabel("D(x)", color=_DISCRIMINATOR["color"])
    # Without `handles` it would name the curves of every panel.
    lines = [*panels[0, 0].lines, *scores.lines]
    named = [line for line in lines if not line.get_label().startswith("_")]
    columns = 4 if len(reports) > 1 else 2
    figure.legend(handles=named, loc="upper center", ncols=columns, frameon=False, fontsize="small")
    return figure


def _draw_densities(axes, report: GaussianReport) -> None:
    axes.plot(report.x, report.data_density, **_DATA)
    axes.plot(report.x, report.generator_density, **_GENERATOR)
    axes.set(xlim=report.x[[0, -1]], ylim=(0, _PEAKS * report.data_density.max()))
    axes.set_xlabel("x", labelpad=-6, loc="left")


def _draw_scores(axes, report: GaussianReport, limits: tuple[float, float]):
    if report.numbers.equilibrium is not None:
        axes.axhline(report.numbers.equilibrium, **_EQUILIBRIUM)
    if report.optimal_discriminator is not None:
        axes.plot(report.x, report.optimal_discriminator, **_OPTIMUM)
    axes.plot(report.x, report.discriminator, **_DISCRIMINATOR)
    axes.set_ylim(limits)
    axes.tick_params(colors=_DISCRIMINATOR["color"])
    return axes


def _draw_arrows(axes, report: GaussianReport) -> None:
    first, last = report.x[0], report.x[-1]

    def place(latent):
        return (first + last) / 2 + latent / _LARGEST_LATENT * (last - first) / 2

    for latent, image in zip(report.latents, report.images, strict=True):
        axes.annotate("", xy=(image, 1), xytext=(place(latent), 0), arrowprops=_ARROW)
    axes.set(xlim=(first, last), ylim=(0, 1), yticks=[])
    axes.set_xticks([place(latent) for latent in (-2, -1, 0, 1, 2)], ["-2", "-1", "0", "1", "2"])
    axes.set_xlabel("z", labelpad=-6, loc="left")
    axes.spines[["left", "right"]].set_visible(False)


def _title(report: GaussianReport) -> str:
    numbers = report.numbers
    value = "" if numbers.value is None else f"V = {numbers.value:.3f}, "
    return f"step {numbers.step:,}\n{value}JSD = {numbers.jensen_shannon:.4f}"


def _limits(reports: Sequence[GaussianReport]) -> tuple[float, float]:
    """The axis of D: that of probabilities, or one for D where there are data or fakes.

    An untrained D may be anything, and has no say unless there is no other.
    """
    if all(report.numbers.value is not None for report in reports):
        return _PROBABILITIES
    heights = []
    for report in [report for report in reports if report.numbers.step > 0] or reports:
        density = np.maximum(report.data_density, report.generator_density)
        heights += report.discriminator[density > 0.01 * report.data_density.max()].tolist()
        heights += [] if report.numbers.equilibrium is None else [report.numbers.equilibrium]
    margin = 0.1 * (max(heights) - min(heights)) or 0.5
    return min(heights) - margin, max(heights) + margin
