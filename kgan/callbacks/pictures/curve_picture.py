"""One picture of a training: the losses on the left, the scores on the right."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from matplotlib.ticker import MaxNLocator

from kgan.callbacks.pictures.curve_points import CurvePoints

# Blue is the discriminator's loss and its score of real images, orange the generator's.
_LOSSES = {"d_loss": "tab:blue", "g_loss": "tab:orange"}
_SCORES = {"d_real": "tab:blue", "d_fake": "tab:orange"}
DRAWN = (*_LOSSES, *_SCORES)
_LABELS = {"d_real": "d_real: D(x)", "d_fake": "d_fake: D(G(z))"}


def draw_curves(steps: CurvePoints, epochs: CurvePoints, *, probabilities: bool) -> Figure:
    """Draw the logs of a training by images seen.

    Pale lines are means over short stretches of steps, strong ones the means of epochs, dashed ones
    those of the validation. Values that are not finite are gaps.

    Args:
        steps: the logs over stretches of steps.
        epochs: the logs at the ends of epochs, `val_` ones included.
        probabilities: bool, whether the scores are probabilities. Then a dotted line marks 1/2,
            the score of a discriminator that cannot tell real from fake.

    Returns:
        A matplotlib figure with an Agg canvas, which no window and no pyplot knows.
    """
    figure = Figure(figsize=(11, 4), dpi=100)
    FigureCanvasAgg(figure)
    losses, scores = figure.subplots(1, 2)
    # Fixed margins: matplotlib's own layout would draw everything twice.
    figure.subplots_adjust(left=0.06, right=0.98, bottom=0.13, top=0.86, wspace=0.15)
    _draw_panel(losses, "losses", _LOSSES, steps, epochs)
    _draw_panel(scores, "scores", _SCORES, steps, epochs)
    if probabilities:
        scores.axhline(0.5, color="grey", linestyle=":", label="1/2: undecided")
        scores.set_ylim(-0.03, 1.03)
    for axes in (losses, scores):
        lines = len(axes.get_legend_handles_labels()[0])
        if lines:
            # Above the panel, in two rows: inside it there is no corner that is always empty.
            columns, corner = (lines + 1) // 2, {"loc": "lower right", "bbox_to_anchor": (1, 1)}
            axes.legend(ncols=columns, frameon=False, fontsize="small", **corner)
    return figure


def _draw_panel(axes, title: str, colours: dict, steps: CurvePoints, epochs: CurvePoints) -> None:
    single, means = [], []
    for name, colour in colours.items():
        label = _LABELS.get(name, name)
        single += _draw(axes, steps, name, color=colour, linewidth=0.8, alpha=0.35)
        means += _draw(axes, epochs, name, color=colour, marker=".", label=label)
        name = f"val_{name}"
        means += _draw(axes, epochs, name, color=colour, marker=".", linestyle="--", label=name)
    if single:
        # One wild step, often the first, would press all others flat.
        shown = [*np.quantile(single, (0.01, 0.99)), *means]
        margin = 0.05 * (max(shown) - min(shown)) or 0.5
        axes.set_ylim(min(shown) - margin, max(shown) + margin)
    axes.set_title(title, loc="left")
    axes.set_xlabel("real images seen")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _draw(axes, points: CurvePoints, name: str, **style) -> list[float]:
    """Draw one name, if it was logged, and return its finite values."""
    images, values = points.curve(name)
    values = np.asarray(values, "float64")
    finite = np.isfinite(values)
    if finite.any():
        axes.plot(images, np.where(finite, values, np.nan), **style)
    return list(values[finite])
