"""What `get`, `serialize` and `deserialize` of losses, penalties and metrics have in common."""

import re

import keras
import numpy as np
import pytest

from kgan import constraints
from kgan import losses
from kgan import metrics
from kgan import penalties

# A class of each package, a snake name of it, its first parameter and another one.
CASES = [
    (losses, losses.FDivergence, "f_divergence", ("divergence", "kl"), ("non_saturating", True)),
    (losses, losses.LeastSquares, "least_squares", ("a", -1.0), ("c", 0.0)),
    (penalties, penalties.LeCam, "lecam", ("weight", 0.5), ("start", 3)),
    (penalties, penalties.R1, "r1", ("gamma", 0.1), ("gamma", 0.1)),
    (metrics, metrics.KernelDistance, "kernel_distance", ("extractor", None), ("subset_size", 7)),
]


@pytest.mark.parametrize(("package", "kind", "name", "first", "other"), CASES)
def test_every_spelling_gives_the_same_object(package, kind, name, first, other):
    parameters = dict([first, other])
    expected = kind(**parameters)
    config = package.serialize(expected)
    spellings = [
        f"{name}({', '.join(f'{key}={value!r}' for key, value in parameters.items())})",
        f"{kind.__name__}({', '.join(f'{key}={value}' for key, value in parameters.items())})",
        repr(expected),
        expected,
        config,
        {"class_name": name, "config": dict([first, other])},
        {"class_name": kind.__name__, "config": dict([first, other])},
    ]
    for spelling in spellings:
        found = package.get(spelling)
        assert type(found) is kind
        assert found.get_config() == expected.get_config()
    assert package.get(expected) is expected
    assert repr(package.deserialize(config)) == repr(expected)
    shorter = package.get(f"{name}={first[1]}")
    assert shorter.get_config() == kind(**dict([first])).get_config()


@pytest.mark.parametrize(
    ("package", "kind"),
    [(losses, losses.Hinge), (penalties, penalties.DRAGAN), (metrics, metrics.ModeCount)],
)
def test_a_class_stands_for_its_defaults(package, kind):
    assert repr(package.get(kind)) == repr(kind())


@pytest.mark.parametrize("word", ["true", "false", "TRUE", "False"])
def test_true_and_false_are_no_texts(word):
    found = penalties.get(f"gradient_penalty(one_sided={word})")
    assert found.one_sided is (word.lower() == "true")


def test_repr_is_the_constructors_call():
    assert repr(losses.LeastSquares()) == "LeastSquares(a=0.0, b=1.0, c=1.0)"
    assert repr(penalties.R1(0.1)) == "R1(gamma=0.1)"
    assert repr(losses.Hinge()) == "Hinge()"
    assert repr(constraints.WeightClip(0.1)) == "WeightClip(c=0.1)"


def test_classes_registered_by_users_go_by_their_names():
    @keras.saving.register_keras_serializable("tests")
    class Steep(losses.Hinge):
        pass

    assert type(losses.get("tests>Steep")) is Steep
    assert type(losses.get(losses.serialize(Steep()))) is Steep
    with keras.saving.custom_object_scope({"Steep": Steep}):
        assert type(losses.get("Steep")) is Steep


def test_an_argument_that_is_not_kept_is_named():
    class Forgetful(losses.Loss):
        def __init__(self, slope):
            pass

    with pytest.raises(NotImplementedError, match="Forgetful has no attribute 'slope'"):
        Forgetful(3).get_config()


def test_arrays_in_a_config_come_back():
    metric = metrics.ParzenLogLikelihood(np.full((2, 4, 4, 1), 0.5))
    again = metrics.deserialize(metrics.serialize(metric))
    np.testing.assert_array_equal(again.validation, metric.validation)
    assert again.sigmas == metric.sigmas


@pytest.mark.parametrize(
    ("package", "identifier", "message"),
    [
        (losses, "hinge=3", "hinge does not take these parameters. Expected: none. Received: [3]."),
        (losses, "least_squares(z=1)", "Expected: a, b, c. Received: ['z']."),
        (losses, "f_divergence", "f_divergence needs divergence, which has no default."),
        (losses, "hinge(", "Unknown GAN loss."),
        (losses, "non_saturating=much", "label_smoothing must be a finite number >= 0 and < 0.5"),
        (losses, {"a": 1}, "Unknown GAN loss."),
        (losses, penalties.serialize(penalties.R1(1)), "Unknown GAN loss."),
        (penalties, "r1", "r1 needs gamma, which has no default. Expected: a value, as in 'r1("),
        (penalties, "r1=", "Unknown penalty of a discriminator."),
        (
            penalties,
            "r1=open('x')",
            "Unknown schedule. Expected a kgan.schedules.Schedule, its class, its config, or one",
        ),
        (losses, "least_squares=0,5", "of numbers with a decimal point, true, false, None or wor"),
        (penalties, "r1(0.1, gamma=5)", "with each parameter once, of numbers with a decimal poi"),
        (penalties, "r1(gamma=0.1, gamma=5)", "Received: 'r1(gamma=0.1, gamma=5)'."),
        (penalties, "r1=-1", "gamma of R1 must be a finite number >= 0"),
        (penalties, "r1=much", "gamma of R1 must be a finite number >= 0"),
        (metrics, losses.Hinge, "Unknown metric of samples. Expected a kgan.metrics.SampleMetric,"),
        (metrics, "parzen_log_likelihood", "needs validation, which has no default."),
    ],
)
def test_what_cannot_be_made_is_refused(package, identifier, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        package.get(identifier)
