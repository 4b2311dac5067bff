"""Findings that nothing was measured for: a page is laid out from data alone."""

import dataclasses

import numpy as np
import pytest

from kgan.data import Images
from kgan.evaluation import Findings
from kgan.evaluation import Measurement
from kgan.evaluation import divide
from kgan.evaluation.classes import count_classes
from kgan.evaluation.neighbours import Closeness
from kgan.evaluation.neighbours import NearestTraining


def _measurement(key, mean, std=None, *, protocol="How.", real=None):
    """A number of one sample set, or with a `std` of three."""
    return Measurement(key, mean, std, 1 if std is None else 3, 100, 100, protocol, real)


def _closeness(fake, real, *, space="pixels"):
    """Distances of samples and of reals to the first training image."""
    fake, real = (
        NearestTraining(np.asarray(side, float), np.zeros(len(side), int)) for side in (fake, real)
    )
    ratios = np.ones(len(fake.distances))
    return Closeness(space, fake, real, True, 5, ratios)


def _blank(*shape):
    return np.zeros((*shape, 4, 4, 1), "uint8")


@pytest.fixture
def measurement():
    return _measurement


@pytest.fixture
def closeness():
    return _closeness


@pytest.fixture
def make_findings():
    """Make findings on 25 samples of three classes, with other parts where wanted."""
    labels = np.arange(25) % 3
    certain = np.eye(3)[labels]
    whole = Findings(
        numbers={
            "frechet_distance_x_100": _measurement("frechet_distance", 7.25, real=1.5),
            "precision_x_100": _measurement("precision", 0.75, real=0.875),
            "recall_x_100": _measurement("recall", 0.5),
        },
        reals=divide(
            Images(
                _blank(10) + np.arange(4, dtype="uint8")[:, None], np.arange(10) % 3, name="noise"
            )
        ),
        extractor="x",
        seed=7,
        classes=count_classes(certain, certain, requested=labels, names=["one", "two", "three"]),
        samples=_blank(25),
        neighbours=[
            _closeness(np.linspace(1, 2, 25), np.linspace(1, 2, 100)),
            _closeness(np.zeros(25), np.linspace(1, 2, 100), space="features of 'x'"),
        ],
        grid=_blank(3, 4),
        grid_labels=np.arange(3),
        linear=_blank(2, 5),
        spherical=_blank(2, 5),
        path_labels=np.array([0, 2]),
    )
    return lambda **parts: dataclasses.replace(whole, **parts)
