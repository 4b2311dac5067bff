"""The picture that texts on the non-saturating loss only describe."""

from matplotlib.figure import Figure

from kgan.toys.saturation import SaturationReport

_STYLES = {
    "minimax": {"color": "tab:red", "label": "minimax: log(1 - D(G(z)))"},
    "non_saturating": {"color": "tab:blue", "label": "non-saturating: -log D(G(z))"},
    "least_squares": {"color": "tab:green", "label": "least squares: (D(G(z)) - 1)² / 2"},
}


def draw_saturation(report: SaturationReport) -> Figure:
    """Draw the norms of the generator's gradient, on logarithmic axes.

    On the left over the updates of the discriminator, on the right over its mean error, which falls
    from 1/2 to the right: where it knows everything, what does each loss leave the generator?

    Args:
        report: what `measure_saturation` found.

    Returns:
        A matplotlib figure, which no window and no pyplot knows.
    """
    figure = Figure(figsize=(10, 4.4), dpi=100)
    by_step, by_confidence = figure.subplots(1, 2, sharey=True)
    # Fixed margins: matplotlib's own layout would draw everything twice.
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.13, top=0.87, wspace=0.06)
    for name, curve in report.curves.items():
        style = {"linewidth": 1.4, **_STYLES[name]}
        by_step.plot(report.steps, curve.gradient_norm, **style)
        by_confidence.plot(curve.error, curve.gradient_norm, marker=".", **style)
    # Step 0 has a place left of step 1, which a logarithm would not give it.
    by_step.set_xscale("symlog", linthresh=1, linscale=0.2)
    by_step.set(xlim=(0, report.steps[-1]), xlabel="updates of the discriminator alone")
    by_step.set(yscale="log", ylabel="norm of the generator's gradient")
    by_confidence.set(xscale="log", xlabel="mean error of D (1/2: knows nothing, 0: certain)")
    by_confidence.invert_xaxis()
    for axes in (by_step, by_confidence):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        handles=by_step.lines, loc="upper center", ncols=len(report.curves), frameon=False
    )
    return figure
