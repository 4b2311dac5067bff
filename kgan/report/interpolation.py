"""The part of a page on the images between two latents."""

from kgan.evaluation.findings import Findings
from kgan.report import elements
from kgan.report.pictures import sheet


def interpolation_section(findings: Findings) -> str:
    """The part of a page on interpolations.

    Args:
        findings: a `kgan.evaluation.Findings`.

    Returns:
        HTML.
    """
    ways = {"straight lines": findings.linear, "great circles": findings.spherical}
    parts = [
        elements.picture(
            sheet(images.reshape(-1, *images.shape[2:]), *images.shape[:2]),
            f"Images along {name}",
            title=name,
        )
        for name, images in ways.items()
    ]
    words = (
        "Each row goes in equal steps from one latent, drawn from N(0, I), to another; both "
        "pictures have the same ends (figure 3 of Goodfellow et al. 2014). Half-way along a "
        "straight line a latent is about 0.7 times as long as those that the generator was trained "
        "on; a great circle keeps the length (slerp, White 2016). A generator that has learned "
        "changes step by step, without jumps and without pictures that are none."
    )
    if findings.path_labels is not None:
        classes = ", ".join(map(str, findings.path_labels))
        words += f" The rows have the classes {classes}: only latents change."
    return elements.section("Between two latents", *parts, elements.paragraph(words, quiet=True))
