"""The state of a run, found from numbers that were measured on it: a name and what to do."""

import collections
import dataclasses
import math
from collections.abc import Mapping

BALANCED = "balanced"
DISCRIMINATOR_OVERPOWERS = "discriminator overpowers"
GENERATOR_OVERPOWERS = "generator overpowers"
MODE_COLLAPSE = "mode collapse"
TOO_LITTLE_DATA = "too little data"
DIVERGING = "diverging"
NON_FINITE = "non-finite"

ADVICE = {
    BALANCED: "Nothing needs to be done.",
    DISCRIMINATOR_OVERPOWERS: (
        "Weaken the discriminator by a lower learning rate, by fewer discriminator_steps where "
        "there are several, or by a penalty (r1=0.1 if it has no batch norm, else lecam), and "
        "prefer a loss that does not saturate, such as non_saturating, to minimax."
    ),
    GENERATOR_OVERPOWERS: (
        "Strengthen the discriminator by a higher learning rate, a larger discriminator_steps or "
        "more units, or lower the generator's learning rate."
    ),
    MODE_COLLAPSE: (
        "Go back to a checkpoint from before it, lower the generator's learning rate or try the "
        "loss relativistic_paired with the penalties r1=0.1 and r2=0.1 on a discriminator without "
        "batch norm, and if samples never varied look whether the generator uses its latents or "
        "lets the label outweigh them."
    ),
    TOO_LITTLE_DATA: (
        "Give it more images, flips of them if these are no other class, an augmentation where "
        "there is none (adaptive or diffaugment), the penalty lecam or a narrower discriminator, "
        "train a model on that has learned similar pictures, or stop here and keep the best "
        "checkpoint."
    ),
    DIVERGING: (
        "Start again with both learning rates much lower, or bound the discriminator by a weight "
        "clip or, if it has no batch norm, by a penalty such as r1=0.1."
    ),
    NON_FINITE: (
        "The weights are probably spoilt: go back to an earlier checkpoint and lower the learning "
        "rates."
    ),
}
STATES = tuple(ADVICE)

_SCORES = ("d_auc", "d_real", "d_fake")
# The numbers that speak for a state, in the order in which they are told.
_SPEAKING = {
    BALANCED: ("d_auc", "g_gradient", "diversity", "class_entropy", "distance"),
    DISCRIMINATOR_OVERPOWERS: (*_SCORES, "separation", "g_gradient_left", "distance"),
    GENERATOR_OVERPOWERS: (*_SCORES, "distance"),
    MODE_COLLAPSE: (
        "diversity",
        "diversity_left",
        "duplicates",
        "class_entropy",
        "class_entropy_left",
        "distance",
    ),
    TOO_LITTLE_DATA: ("augment_p", "memorised", "d_auc", "distance"),
    DIVERGING: ("d_loss", "g_loss", "separation", "saturated", "diversity"),
}

# Reals are ranked over fakes so seldom that the fakes look more real: the discriminator is fooled.
_FOOLED = 0.35
# It ranks hardly better than a coin, though the fakes are still this far from the data.
_UNDECIDED = 0.6
_FAR = 0.25
# Everything is ranked right, and the loss has gone this share of the way to its best.
_SEPARATED = 0.99
_NEARLY_PERFECT = 0.98
# The generator's gradient is this small a share of its largest; or the fakes have kept this much of
# their first distance to the data, with a loss of which the discriminator has won more than half.
_VANISHED = 0.01
_STUCK = 0.95
_HALF = 0.5
# Closer to the data by this factor than a look ago; below the second number distance is noise.
_APPROACHING = 0.95
_ARRIVED = 0.02
# Samples differ by this share of what reals differ by. Untrained networks begin with a quarter, the
# 2014 paper's with less, so more than that is asked only of samples that have come close to the
# data, and nothing of samples whose variety grows.
_COLLAPSED = 0.1
_POOR = 0.25
_CLOSE = 0.15
_GROWING = 1.25
# Transforms of this probability leak into the samples; and so often it ranks an image it trains on
# over one that it has never seen, of which half would be chance.
_LEAKING = 0.8
_MEMORISED = 0.8
# Most samples have a double, or half of their best variety is lost.
_DUPLICATES = 0.5
_LOST = 0.5
# A discriminator a hundred times worse than a coin; for losses without a scale, plainly large.
_EXPLODED = -100.0
_LARGEST_LOSS = 1e4
# All pixels black or white, and the same picture for all latents: the activations have overflowed.
_SATURATED = 0.99
_CONSTANT = 0.01

_COMPARED = ("_left", "_growth")
_TINY = 1e-12


@dataclasses.dataclass
class Diagnosis:
    """A named state that changes only when several looks in a row agree.

    Evidence is a dict of floats; what could not be measured is left out, and a rule that needs it
    does not speak. These names are known, all of them optional:

        d_loss, g_loss, d_real, d_fake, d_auc   means of the logs since the last look
        separation      where the discriminator's loss lies: 0 like a coin's, 1 as good as can be,
                        below 0 worse than a coin's; only for losses with a best value
        g_gradient      norm of the generator's gradient
        diversity       mean distance between two samples, over that between two reals
        duplicates      share of samples that are all but equal to another one
        distance        energy distance of the samples from reals, 0 for equal ones
        saturated       share of pixels that are black or white
        augment_p       probability of an augmentation that follows the discriminator's overfitting
        memorised       how often the discriminator ranks a training image over a held-out one
        class_entropy   entropy of the classes of the samples, 1 if all are equally frequent

    Six numbers are added that compare with earlier looks: `g_gradient_left` is a share of the
    largest value so far, `diversity_left` and `class_entropy_left` are those of the largest that
    samples close to the data had (what a classifier says of noise is no merit to lose),
    `distance_left` of the first distance, `diversity_growth` and `distance_growth` of the look
    before.

    Attributes:
        patience: int, looks in a row that must agree. Non-finite numbers need no second look.
        state: one of `STATES`; None before the first `patience` looks.
        finding: what the last look alone says, one of `STATES`; None before it.
        evidence: dict of the last look's evidence, with the numbers that were added.
        recent: list of the findings of the last looks, at most `patience`.
        largest: dict of the largest values so far.
        first_distance: float, the first distance that was measured; None before it.
    """

    patience: int = 3
    state: str | None = None
    finding: str | None = None
    evidence: dict = dataclasses.field(default_factory=dict)
    recent: list = dataclasses.field(default_factory=list)
    largest: dict = dataclasses.field(default_factory=dict)
    first_distance: float | None = None

    def begin(self, evidence: Mapping[str, float]) -> None:
        """Take the measure of networks before they train: what later looks are compared with.

        Args:
            evidence: dict of floats.
        """
        self.evidence = dict(evidence)
        self.first_distance = evidence.get("distance")
        self._raise_largest("g_gradient", evidence)

    def update(self, evidence: Mapping[str, float]) -> str | None:
        """Count one look.

        Args:
            evidence: dict of floats.

        Returns:
            The state after it.
        """
        self.evidence = {**evidence, **self._compared(evidence)}
        self.finding = find(self.evidence)
        self.recent = [*self.recent, self.finding][-self.patience :]
        # For another state must speak all looks that are sound, or all that are not.
        agreeing = self.recent.count(BALANCED) in (0, self.patience)
        is_full = len(self.recent) == self.patience
        if self.finding == NON_FINITE:
            self.state = NON_FINITE
        elif is_full and agreeing and self.state not in self.recent:
            # Where alarms alternate, the most frequent one is told.
            self.state = collections.Counter(self.recent).most_common(1)[0][0]
        return self.state

    def _compared(self, evidence: Mapping[str, float]) -> dict[str, float]:
        """Numbers that compare a look with those before, of which `evidence` still is the last."""
        compared = {}
        counted = ["g_gradient"]
        if not evidence.get("distance", 0.0) > _CLOSE:
            counted += ["diversity", "class_entropy"]
        for name in counted:
            self._raise_largest(name, evidence)
        for name, largest in self.largest.items():
            if name in evidence:
                compared[f"{name}_left"] = evidence[name] / largest
        if "distance" in evidence:
            self.first_distance = self.first_distance or evidence["distance"]
            compared["distance_left"] = evidence["distance"] / (self.first_distance or _TINY)
        for name in ("diversity", "distance"):
            if name in evidence and name in self.evidence:
                compared[f"{name}_growth"] = evidence[name] / (self.evidence[name] or _TINY)
        return compared

    def _raise_largest(self, name: str, evidence) -> None:
        if name in evidence:
            largest = self.largest.get(name, _TINY)
            # `max` would keep a NaN for ever, and nothing is a share of infinity.
            larger = largest < evidence[name] < math.inf
            self.largest[name] = evidence[name] if larger else largest


def find(evidence: Mapping[str, float]) -> str:
    """What one look says by itself.

    The states are tried from the most to the least certain: what has diverged has often collapsed,
    too, and samples that are all alike are easily told from data.

    Args:
        evidence: dict of floats as `Diagnosis` describes them, compared ones included.

    Returns:
        One of `STATES`.
    """
    if not all(math.isfinite(value) for value in evidence.values()):
        return NON_FINITE
    # No comparison with NaN is true, so what is missing speaks for nothing.
    known = collections.defaultdict(lambda: math.nan, evidence)
    return next((state for state, holds in _RULES.items() if holds(known)), BALANCED)


def describe(state: str, evidence: Mapping[str, float]) -> str:
    """A state with the numbers that speak for it, in one phrase.

    Args:
        state: one of `STATES`.
        evidence: dict of floats.

    Returns:
        Str such as "mode collapse (diversity 0.031, duplicates 1)".
    """
    names = _SPEAKING.get(state)
    if names is None:
        # What is compared with earlier looks only repeats them.
        alone = (name for name in evidence if not name.endswith(_COMPARED))
        names = [name for name in alone if not math.isfinite(evidence[name])]
    told = ", ".join(f"{name} {evidence[name]:.3g}" for name in names if name in evidence)
    return f"{state} ({told})" if told else state


def _is_diverging(known) -> bool:
    # Losses without a best value have no scale of their own either.
    unscaled = math.isnan(known["separation"]) and abs(known["d_loss"]) > _LARGEST_LOSS
    overflowed = known["saturated"] > _SATURATED and known["diversity"] < _CONSTANT
    return known["separation"] < _EXPLODED or unscaled or overflowed


def _is_fooled(known) -> bool:
    undecided = known["d_auc"] < _UNDECIDED and known["distance"] > _FAR
    return known["d_auc"] < _FOOLED or undecided


def _has_collapsed(known) -> bool:
    poor = known["diversity"] < _POOR and known["distance"] < _CLOSE
    alike = known["diversity"] < _COLLAPSED or known["duplicates"] > _DUPLICATES
    falling = any(
        # The best so far was a variety worth the name.
        known[f"{name}_left"] < _LOST and known[name] > _LOST * known[f"{name}_left"]
        for name in ("diversity", "class_entropy")
    )
    growing = known["diversity_growth"] > _GROWING and known["diversity"] > _CONSTANT
    return (poor or alike or falling) and not growing


def _has_too_little(known) -> bool:
    return known["augment_p"] > _LEAKING or known["memorised"] > _MEMORISED


def _is_overpowered(known) -> bool:
    perfect = known["separation"] > _NEARLY_PERFECT
    vanished = known["g_gradient_left"] < _VANISHED
    far = known["distance"] > _FAR and known["distance_left"] > _STUCK
    stuck = far and not known["separation"] < _HALF
    approaching = known["distance_growth"] < _APPROACHING and known["distance"] > _ARRIVED
    separated = known["d_auc"] > _SEPARATED and not approaching
    return separated and (perfect or vanished or stuck)


_RULES = {
    DIVERGING: _is_diverging,
    GENERATOR_OVERPOWERS: _is_fooled,
    MODE_COLLAPSE: _has_collapsed,
    TOO_LITTLE_DATA: _has_too_little,
    DISCRIMINATOR_OVERPOWERS: _is_overpowered,
}
