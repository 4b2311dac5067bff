"""kgan's measures beside those of torch-fidelity, torchmetrics, prdc and SciPy, on equal features.

They are extras: pip install -e .[test,reference]
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types

import numpy as np
import pytest

from kgan.metrics.frechet import frechet_distance
from kgan.metrics.frechet import frechet_distance_of_moments
from kgan.metrics.inception_score import inception_score
from kgan.metrics.kernel import kernel_distance
from kgan.metrics.kernel import squared_mmd
from kgan.metrics.precision_recall import density_coverage
from kgan.metrics.precision_recall import precision_recall

RELATIVE = 1e-6
REASON = "an extra of the tests: pip install -e .[reference]"


def sample(count, width, seed, *, shift=0.0):
    """Correlated features >= 0, as a network's after a ReLU; float64, so without ties."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(width, width)) / np.sqrt(width)
    return np.maximum(random.normal(size=(count, width)) @ mixing + 0.5 + shift, 0)


REAL, FAKE = sample(500, 32, 0), sample(400, 32, 1, shift=0.2)


def predictions(count, classes=10):
    logits = 2 * np.random.default_rng(0).normal(size=(count, classes))
    powers = np.exp(logits)
    return logits, powers / powers.sum(axis=1, keepdims=True)


class _AnyClass(types.ModuleType):
    """A module that has every class it is asked for."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class _NoTorchvision(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds every module of torchvision, with nothing in it."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return _AnyClass(spec.name)

    def exec_module(self, module):
        pass


@pytest.fixture(scope="module")
def torch():
    """PyTorch, with an empty torchvision where that cannot be imported.

    torch-fidelity begins with its import, and torchmetrics if it is installed. That fails beside a
    torch of another build, such as one without a GPU, and no measure of features needs it.
    """
    package = pytest.importorskip("torch", reason=REASON)
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "meta_path", [_NoTorchvision(), *sys.meta_path])
            yield package
    else:
        yield package


@pytest.fixture(scope="module")
def fidelity(torch):
    return pytest.importorskip("torch_fidelity", reason=REASON)


@pytest.fixture(scope="module")
def torchmetrics(torch):
    return pytest.importorskip("torchmetrics.image", reason=REASON)


@pytest.fixture
def as_they_are(torch):
    """A network for torchmetrics that hands on what it is given: features in place of images."""

    class AsTheyAre(torch.nn.Module):
        num_features = 32

        def forward(self, features):
            return features

    return AsTheyAre()


@pytest.mark.parametrize(("reals", "fakes"), [(500, 400), (40, 33), (20, 400), (20, 20)])
@pytest.mark.filterwarnings("ignore:The Frechet distance")
def test_frechet_distance_is_that_of_scipy(reals, fakes):
    linalg = pytest.importorskip("scipy.linalg", reason=REASON)
    real, fake = REAL[:reals], FAKE[:fakes]
    first, second = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    # Of a singular product the root is taken from its eigenvalues.
    root = np.sqrt(np.maximum(linalg.eigvals(first @ second).real, 0)).sum()
    if min(reals, fakes) > 32:
        root = np.trace(linalg.sqrtm(first @ second)).real
    means = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
    expected = means + np.trace(first) + np.trace(second) - 2 * root
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=RELATIVE)


def test_frechet_distance_is_that_of_torch_fidelity(torch, fidelity):
    statistics = [
        fidelity.metric_fid.fid_features_to_statistics(torch.from_numpy(features))
        for features in (REAL, FAKE)
    ]
    expected = fidelity.metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    expected = expected[fidelity.KEY_METRIC_FID]
    assert frechet_distance(REAL, FAKE) == pytest.approx(expected, rel=RELATIVE)
    moments = [statistics[part][name] for part in (0, 1) for name in ("mu", "sigma")]
    assert frechet_distance_of_moments(*moments) == pytest.approx(expected, rel=RELATIVE)


def test_frechet_distance_is_that_of_torchmetrics(torch, torchmetrics, as_they_are):
    metric = torchmetrics.FrechetInceptionDistance(feature=as_they_are)
    metric.set_dtype(torch.float64)
    metric.update(torch.from_numpy(REAL), real=True)
    metric.update(torch.from_numpy(FAKE), real=False)
    assert frechet_distance(REAL, FAKE) == pytest.approx(float(metric.compute()), rel=RELATIVE)


def test_kernel_distance_is_that_of_torch_fidelity(torch, fidelity):
    # With its own draws: they come from the same generator.
    expected = fidelity.metric_kid.kid_features_to_metric(
        torch.from_numpy(REAL),
        torch.from_numpy(FAKE),
        kid_subsets=20,
        kid_subset_size=100,
        rng_seed=7,
        verbose=False,
    )
    result = kernel_distance(REAL, FAKE, subset_size=100, num_subsets=20, seed=7)
    assert result.mean == pytest.approx(expected[fidelity.KEY_METRIC_KID_MEAN], rel=RELATIVE)
    assert result.std == pytest.approx(expected[fidelity.KEY_METRIC_KID_STD], rel=RELATIVE)


@pytest.mark.filterwarnings("ignore:Metric `Kernel")
def test_kernel_distance_is_that_of_torchmetrics(torch, torchmetrics, as_they_are):
    # Subsets of all rows, for its draws are its own.
    metric = torchmetrics.KernelInceptionDistance(feature=as_they_are, subsets=2, subset_size=400)
    metric.set_dtype(torch.float64)
    metric.update(torch.from_numpy(REAL[:400]), real=True)
    metric.update(torch.from_numpy(FAKE), real=False)
    mean, _ = metric.compute()
    assert squared_mmd(REAL[:400], FAKE) == pytest.approx(float(mean), rel=RELATIVE)


@pytest.mark.parametrize("splits", [1, 10])
def test_inception_score_is_that_of_torch_fidelity(torch, fidelity, splits):
    logits, probabilities = predictions(500)
    expected = fidelity.metric_isc.isc_features_to_metric(
        torch.from_numpy(logits), splits=splits, shuffle=False
    )
    # Its splits are runs of rows, ours take every tenth: its row 50 is our row 1.
    rows = probabilities.reshape(splits, -1, 10).swapaxes(0, 1).reshape(-1, 10)
    result = inception_score(rows, splits=splits)
    assert result.mean == pytest.approx(expected[fidelity.KEY_METRIC_ISC_MEAN], rel=RELATIVE)
    assert result.std == pytest.approx(
        expected[fidelity.KEY_METRIC_ISC_STD], rel=RELATIVE, abs=1e-12
    )


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore`", "ignore:std\\(\\)")
def test_inception_score_is_that_of_torchmetrics(torch, torchmetrics, as_they_are):
    # In one split, for it shuffles.
    logits, probabilities = predictions(500)
    metric = torchmetrics.InceptionScore(feature=as_they_are, splits=1)
    metric.set_dtype(torch.float64)
    metric.update(torch.from_numpy(logits))
    mean, _ = metric.compute()
    result = inception_score(probabilities, splits=1)
    assert result.mean == pytest.approx(float(mean), rel=RELATIVE)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_recall_density_and_coverage_are_those_of_prdc(k):
    prdc = pytest.importorskip("prdc", reason=REASON)
    expected = prdc.compute_prdc(REAL, FAKE, nearest_k=k)
    # Its balls are open, those of precision_recall closed: without ties that is the same.
    result = {
        **precision_recall(REAL, FAKE, k=k)._asdict(),
        **density_coverage(REAL, FAKE, k=k)._asdict(),
    }
    assert result == pytest.approx(expected, rel=RELATIVE)
    assert all(0 < value < 1 for value in result.values())


def test_precision_and_recall_are_those_of_torch_fidelity(torch, fidelity):
    # It names the generated features first.
    expected = fidelity.metric_prc.prc_features_to_metric(
        torch.from_numpy(FAKE), torch.from_numpy(REAL), verbose=False
    )
    result = precision_recall(REAL, FAKE, k=3)
    assert result.precision == pytest.approx(expected["precision"], rel=RELATIVE)
    assert result.recall == pytest.approx(expected["recall"], rel=RELATIVE)
